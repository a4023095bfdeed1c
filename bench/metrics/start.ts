// How long it takes to have the first answer of a new session.
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { Entrant } from '../compare.ts'
import type { ContenderName } from '../contenders.ts'
import type { Request } from '../protocol.ts'
import { number } from '../report.ts'

const FIRST: Request = { task: 'first', budgetMs: 40 }
const HELD: Request = { task: 'first', budgetMs: 40, held: true }
const FIGURES = { openMs: 'of it: until it is there, ms', callMs: 'its first call, ms' }

export const blank: Metric = {
  name: 'blank',
  title: '(a) A new session with nothing loaded, to its first result',
  quick: true,
  async run(bench) {
    const { workFile } = await prepare('nothing')
    const entrants: ContenderName[] = ['floor', 'isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'quickjs', 'jsrun', 'mini-racer']
    await bench.compare({ title: this.title, unit: 'ms', less: true, workFile, request: FIRST, entrants, rounds: bench.rounds, figures: FIGURES })
  },
}

export const bundle: Metric = {
  name: 'bundle',
  title: '(b) A new session with a bundle, to its first result',
  quick: true,
  async run(bench) {
    const cases = bench.cases ?? pick(bench, { tiny: ['code 20000'], quick: ['lodash', 'zod'], full: ['demo', 'lodash', 'zod', 'mathjs', 'typescript', 'code 10000000'] })
    const entrants: ContenderName[] = [
      'floor', 'isoseed', 'isoseed-control', 'isoseed-ready', 'isoseed-unwarmed', 'isoseed-blank', 'isolated-vm', 'isolated-vm-cached', 'isolated-vm-snapshot',
      'worker', 'worker-cached', 'vm', 'vm-cached', 'quickjs', 'jsrun', 'jsrun-snapshot', 'mini-racer',
    ]
    for (const name of cases) {
      const { workFile, bundleBytes, warmed, unwarmed, ready } = await prepare(name)
      const mib = (bytes: number): string => number(bytes / 2 ** 20)
      const about = `${mib(bundleBytes)} MiB of source; isoseed's file ${mib(warmed!.bytes)} MiB, without a warm-up ${mib(unwarmed!.bytes)} MiB, with what the first call sets up ${mib(ready!.bytes)} MiB`
      const title = `${this.title}: ${name.startsWith('code') ? `${mib(bundleBytes)} MiB of generated modules` : name} (${about})`
      await bench.compare({ title, unit: 'ms', less: true, workFile, request: FIRST, entrants, rounds: bench.rounds, figures: FIGURES })
    }
  },
}

export const prewarmed: Metric = {
  name: 'prewarmed',
  title: '(c) A session that was held ready, to its first result',
  quick: true,
  async run(bench) {
    const nothing = await prepare('nothing')
    const roundTrip: Entrant = { name: 'worker', label: 'worker_threads: a message and its answer', workFile: nothing.workFile, request: { task: 'call', size: 0, atOnce: 1, budgetMs: 20 }, times: 1e-3 }
    for (const name of bench.cases ?? pick(bench, { tiny: ['code 20000'], quick: ['lodash'], full: ['heap 1', 'lodash', 'zod', 'typescript'] })) {
      const { workFile } = await prepare(name)
      const title = `${this.title}: ${name === 'heap 1' ? 'a bundle that does next to nothing' : name}`
      const entrants: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm-cached', 'worker-cached', 'vm-cached', 'quickjs', 'jsrun', 'mini-racer']
      await bench.compare({ title, unit: 'ms', less: true, workFile, request: HELD, entrants: [...entrants, roundTrip], rounds: bench.rounds })
    }
  },
}
