// Many sessions: how many a second, what an idle one takes, what the host feels, and whether anything is left behind.
import type { Bench, Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { Entrant, Result, Row } from '../compare.ts'
import type { ContenderName } from '../contenders.ts'
import type { Census, Request } from '../protocol.ts'
import { number } from '../report.ts'

export const loop: Metric = {
  name: 'loop',
  title: "(e) How late the host's event loop is while sessions are created, 99th percentile",
  quick: true,
  async run(bench) {
    const sessions = pick(bench, { tiny: 5, quick: 50, full: 200 })
    const { workFile } = await prepare(pick(bench, { tiny: 'code 20000', quick: 'lodash', full: 'lodash' }))
    const idle: Entrant = { name: 'node', label: 'an idle event loop', request: { task: 'loop', sessions: 0, idleMs: pick(bench, { tiny: 50, quick: 500, full: 1000 }) } }
    const entrants = ['isoseed', 'isoseed-control', idle, 'isolated-vm-cached', 'worker-cached', 'vm-cached', 'quickjs'] as const
    const request: Request = { task: 'loop', sessions, idleMs: 0 }
    await bench.compare({ title: `${this.title}: ${sessions} sessions with a bundle`, unit: 'ms', less: true, workFile, request, entrants, rounds: bench.fewRounds, figures: { p50Ms: 'median, ms', maxMs: 'latest, ms' }, controlled: false })
  },
}

export const throughput: Metric = {
  name: 'throughput',
  title: '(f) Sessions created, asked and disposed, a second',
  quick: true,
  async run(bench) {
    const all: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'quickjs']
    const ms = pick(bench, { tiny: 50, quick: 150, full: 400 })
    for (const name of pick(bench, { tiny: ['nothing'], quick: ['nothing'], full: ['nothing', 'lodash'] })) {
      const { workFile } = await prepare(name)
      for (const atOnce of [1, 2]) {
        const request: Request = { task: 'throughput', atOnce, ms }
        const entrants: ContenderName[] = atOnce === 1 ? [...all, 'jsrun', 'mini-racer'] : all
        await bench.compare({ title: `${this.title}: ${name}, ${atOnce === 1 ? 'one at a time' : 'two at a time'}`, unit: 'a second', less: false, workFile, request, entrants, rounds: bench.rounds })
      }
    }
  },
}

/** How many sessions a contender can have here: a Worker takes megabytes, and others have threads and mappings that run out. */
const MOST_SESSIONS: Partial<Record<ContenderName, number>> = { worker: 200, 'isolated-vm': 1000, 'mini-racer': 200 }
/** Each further runtime of jsrun takes it longer: with 60 alive, half a second. */
const JSRUN_COUNTS = [10, 20, 40]

export const memory: Metric = {
  name: 'memory',
  title: '(g) What an idle session takes',
  quick: true,
  async run(bench) {
    const counts = pick(bench, { tiny: [2, 4, 8], quick: [50, 100, 200, 500], full: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000] })
    const names: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm', 'worker', 'vm', 'quickjs', 'jsrun', 'mini-racer']
    const atMost = (name: ContenderName): number[] => (name === 'jsrun' ? JSRUN_COUNTS : slopeFrom(counts)).filter((count) => count <= (MOST_SESSIONS[name] ?? Infinity))
    for (const name of pick(bench, { tiny: ['nothing'], quick: ['nothing'], full: ['nothing', 'lodash'] })) {
      const { workFile } = await prepare(name)
      const request: Request = { task: 'memory', counts: slopeFrom(counts) }
      const result = await bench.compare({
        title: `${this.title}, with ${name} loaded: KiB of memory (proportional set size) for each beyond the first ${slopeFrom(counts)[0]}`,
        unit: 'KiB',
        less: true,
        workFile,
        request,
        entrants: names.map((entrant) => ({ name: entrant, request: { ...request, counts: atMost(entrant) } })),
        rounds: pick(bench, { tiny: 1, quick: 2, full: 3 }),
        figures: { kibToThousand: 'up to 1000, KiB' },
        controlled: false,
      })
      censusTable(bench, result)
    }
  },
}

/** Before that many sessions a process grows by what its first sessions need once. */
function slopeFrom(counts: readonly number[]): number[] {
  return counts.filter((count) => count >= 50 || counts.at(-1)! < 50)
}

/** What the processes had with the most sessions that they got to. */
function censusTable(bench: Bench, { rows }: Result): void {
  const last = ({ census }: Row): Census | undefined => census?.at(-1)?.at(-1)
  bench.table({
    title: 'What their processes had then',
    head: ['', 'sessions', 'PSS MiB', 'threads', 'mappings', 'files', 'virtual GiB', 'create, median ms'],
    rows: rows.flatMap((row) => {
      const there = last(row)
      return there === undefined ? [] : [[row.label, ...[there.sessions, there.pssMb, there.threads, there.mappings, there.files, there.virtualGb, there.createMs].map(number)]]
    }),
  })
}

export const churn: Metric = {
  name: 'churn',
  title: '(k) Sessions that come and go, two at a time',
  quick: true,
  async run(bench) {
    const sessions = pick(bench, { tiny: 20, quick: 500, full: 10_000 })
    const { workFile } = await prepare(pick(bench, { tiny: 'nothing', quick: 'lodash', full: 'lodash' }))
    const figures = { sessions: 'sessions', memoryRatio: "memory that is of no file, without Node's young generation, end to a tenth", wholeRatio: 'with it', youngMb: 'which has at the end, MB', p99Ratio: 'p99, last fifth to first' }
    await bench.compare({ title: `${this.title}: ${sessions}`, unit: 'ms', less: true, workFile, request: { task: 'churn', sessions, atOnce: 2 }, entrants: ['isoseed', 'isolated-vm-cached'], rounds: 1, figures, controlled: false })
  },
}

export const busy: Metric = {
  name: 'busy',
  title: 'Sessions that are all busy at once',
  quick: false,
  async run(bench) {
    const request = { task: 'busy', isolates: pick(bench, { tiny: 10, quick: 500, full: 2000 }), busy: pick(bench, { tiny: 4, quick: 200, full: 200 }), seconds: pick(bench, { tiny: 0.1, quick: 5, full: 5 }), idleMs: pick(bench, { tiny: 50, quick: 2000, full: 2000 }) } as const
    const { workFile } = await prepare('nothing')
    const title = `${this.title}: the slowest of ${request.busy}, of ${request.isolates} sessions in all, as a share of the median`
    const { rows } = await bench.compare({ title, unit: '%', less: false, workFile, request, entrants: ['isoseed'], rounds: 1, controlled: false })
    const figures = rows[0]?.figures ?? {}
    const phases = ['idle', 'creating', 'using', 'busy', 'disposing']
    bench.table({
      title: "How late the host's event loop is meanwhile",
      head: ['', 'p50 ms', 'p99 ms', 'latest, ms'],
      rows: phases.map((phase) => [phase, number(figures[`${phase} p50`]), number(figures[`${phase} p99`]), number(figures[`${phase} max`])]),
      notes: ['CPU ms a second, idle', 'all disposed, ms'].map((name) => `${name}: ${number(figures[name])}`),
    })
  },
}
