// Sessions that live: their calls, the values that cross, and how fast they compute.
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { ContenderName } from '../contenders.ts'
import type { Way } from '../protocol.ts'

const KIB = 1024

export const call: Metric = {
  name: 'call',
  title: '(d) A warm call and its answer',
  quick: true,
  async run(bench) {
    const { workFile } = await prepare('nothing')
    const all: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'quickjs', 'jsrun', 'mini-racer']
    const budgetMs = pick(bench, { tiny: 5, quick: 40, full: 60 })
    const sizes = pick(bench, { tiny: [0, KIB], quick: [0, KIB, 100 * KIB], full: [0, KIB, 100 * KIB, 10 * KIB * KIB] })
    for (const size of sizes) {
      const what = size === 0 ? 'a function without arguments' : `${size < KIB * KIB ? `${size / KIB} KiB` : `${size / KIB / KIB} MiB`} of records go in and come back`
      const request = { task: 'call', size, atOnce: 1, budgetMs } as const
      const entrants: ContenderName[] = size === 0 ? ['floor', ...all] : all
      await bench.compare({ title: `${this.title}: ${what}`, unit: 'µs', less: true, workFile, request, entrants, rounds: size > KIB * KIB ? bench.fewRounds : bench.rounds, figures: { hostCpuUs: "the host thread's share, µs" } })
    }
    const request = { task: 'call', size: 0, atOnce: 50, budgetMs } as const
    await bench.compare({ title: `${this.title}: 50 at once`, unit: 'µs', less: true, workFile, request, entrants: ['isoseed', 'isoseed-control', 'isolated-vm', 'worker'], rounds: bench.rounds, figures: { hostCpuUs: "the host thread's share, µs" } })
  },
}

export const jit: Metric = {
  name: 'jit',
  title: '(i) A program that a compiler makes fast, once it is warm',
  quick: true,
  async run(bench) {
    const { workFile } = await prepare(`jit ${pick(bench, { tiny: 5000, quick: 30_000, full: 100_000 })}`)
    const entrants: ContenderName[] = ['node', 'floor', 'isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'jsrun', 'mini-racer']
    await bench.compare({ title: this.title, unit: 'ms', less: true, workFile, request: { task: 'jit' }, entrants, rounds: bench.rounds })
    // An interpreter needs so much longer that it gets a smaller size, and isoseed the same beside it.
    const smaller = await prepare('jit 5000')
    await bench.compare({ title: `${this.title}: a twentieth of it, with an interpreter`, unit: 'ms', less: true, workFile: smaller.workFile, request: { task: 'jit' }, entrants: ['isoseed', 'quickjs'], rounds: bench.fewRounds, controlled: false })
  },
}

export const values: Metric = {
  name: 'values',
  title: '(j) Bytes into a session and out of it',
  quick: true,
  async run(bench) {
    const { workFile } = await prepare('nothing')
    const sizes = pick(bench, { tiny: [1000], quick: [1e6], full: [1e3, 1e5, 1e7, 64e6] })
    const ways: Way[] = ['in, copied', 'in, moved', 'out, copied', 'out, moved']
    for (const size of sizes) {
      for (const way of ways) {
        const copies: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'quickjs']
        const movers: ContenderName[] = ['isoseed', 'isoseed-control', ...(way.startsWith('in') ? (['isolated-vm'] as const) : []), 'worker']
        const request = { task: 'values', way, size, budgetMs: pick(bench, { tiny: 5, quick: 40, full: 60 }) } as const
        await bench.compare({ title: `${this.title}: ${size / 1e6} MB, ${way}`, unit: 'MB/s', less: false, workFile, request, entrants: way.endsWith('copied') ? copies : movers, rounds: bench.rounds, figures: { hostCpuMs: "the host thread's share, ms" } })
      }
    }
  },
}
