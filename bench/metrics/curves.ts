// The same again over a range: how a figure changes with the size of what is loaded, and with how many there are.
import type { Bench, Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { Series } from '../chart.ts'
import type { Result } from '../compare.ts'
import type { ContenderName } from '../contenders.ts'
import { number } from '../report.ts'

/** A curve for each contender: what one comparison after the other gave. */
class Curves {
  readonly #points = new Map<string, [number, number][]>()

  add(x: number, { rows }: Result): void {
    for (const { label, contender, p50 } of rows) {
      if (p50 === undefined || contender === 'isoseed-control') continue
      const points = this.#points.get(label) ?? []
      points.push([x, p50])
      this.#points.set(label, points)
    }
  }

  get series(): Series[] {
    return [...this.#points].map(([name, points]) => ({ name, points }))
  }
}

function draw(bench: Bench, name: string, title: string, x: string, y: string, series: readonly Series[], logarithmic: boolean): void {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(([value]) => value)))].toSorted((a, b) => a - b)
  const at = (points: Series['points'], value: number): string => number(points.find(([known]) => known === value)?.[1])
  bench.table({ title, head: [x, ...series.map(({ name: label }) => `${label}, ${y}`)], rows: xs.map((value) => [number(value)].concat(series.map(({ points }) => at(points, value)))) }, series)
  if (series.length > 0) bench.chart(name, { title, x: { label: x, logarithmic }, y: { label: y, logarithmic }, series })
}

export const sessions: Metric = {
  name: 'curve-sessions',
  title: 'Live sessions: memory of the process, and the time that the next session takes',
  quick: false,
  async run(bench) {
    const counts = pick(bench, { tiny: [1, 2, 4], quick: [1, 2, 5, 10, 20, 50, 100, 200, 500], full: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000] })
    const most: Partial<Record<ContenderName, number>> = { worker: 200, 'isolated-vm': 1000 }
    const { workFile } = await prepare('nothing')
    const result = await bench.compare({
      title: 'KiB for each session',
      unit: 'KiB',
      less: true,
      workFile,
      request: { task: 'memory', counts },
      entrants: (['isoseed', 'isolated-vm', 'worker'] as const).map((name) => ({ name, request: { task: 'memory', counts: counts.filter((count) => count <= (most[name] ?? Infinity)) } })),
      rounds: 1,
      controlled: false,
    })
    const series = (figure: 'pssMb' | 'createMs'): Series[] => result.rows.flatMap(({ label, census }) => (census === undefined ? [] : [{ name: label, points: census[0]!.map((row) => [row.sessions, row[figure]] as const) }]))
    draw(bench, 'live-sessions-memory', 'Memory of a process with so many sessions', 'live sessions', 'MiB (PSS)', series('pssMb'), true)
    draw(bench, 'live-sessions-create', 'To the first result of the next session', 'live sessions', 'ms', series('createMs'), true)
  },
}

export const snapshotSize: Metric = {
  name: 'curve-snapshot',
  title: "To the first result, by the size of isoseed's snapshot",
  quick: false,
  async run(bench) {
    const records = pick(bench, { tiny: [100], quick: [500, 5000, 50_000], full: [500, 3000, 10_000, 30_000, 100_000, 300_000, 600_000] })
    const curves = new Curves()
    for (const count of records) {
      const { workFile, warmed } = await prepare(`heap ${count}`)
      const mib = warmed!.bytes / 2 ** 20
      const title = `${this.title}: ${number(mib)} MiB`
      curves.add(mib, await bench.compare({ title, unit: 'ms', less: true, workFile, request: { task: 'first', budgetMs: 40 }, entrants: ['floor', 'isoseed', 'isoseed-control'], rounds: bench.rounds }))
    }
    draw(bench, 'snapshot-size', this.title, 'MiB of snapshot', 'ms', curves.series, true)
  },
}

export const bundleSize: Metric = {
  name: 'curve-bundle',
  title: 'To the first result, by the size of the bundle',
  quick: false,
  async run(bench) {
    const sizes = pick(bench, { tiny: [2e4], quick: [1e4, 1e5, 1e6], full: [1e4, 1e5, 1e6, 3e6, 1e7] })
    const curves = new Curves()
    for (const size of sizes) {
      const { workFile, bundleBytes } = await prepare(`code ${size}`)
      const entrants: ContenderName[] = ['floor', 'isoseed', 'isoseed-control', 'isolated-vm-cached', 'worker-cached', 'vm-cached']
      const title = `${this.title}: ${number(bundleBytes / 1000)} KB`
      curves.add(bundleBytes / 1000, await bench.compare({ title, unit: 'ms', less: true, workFile, request: { task: 'first', budgetMs: 40 }, entrants, rounds: bench.rounds }))
    }
    draw(bench, 'bundle-size', this.title, 'KB of source', 'ms', curves.series, true)
  },
}

export const concurrency: Metric = {
  name: 'curve-concurrency',
  title: 'Sessions created, asked and disposed, by how many at a time',
  quick: false,
  async run(bench) {
    const { workFile } = await prepare(pick(bench, { tiny: 'nothing', quick: 'lodash', full: 'lodash' }))
    const curves = new Curves()
    for (const atOnce of pick(bench, { tiny: [1, 2], quick: [1, 2, 4, 8], full: [1, 2, 3, 4, 6, 8] })) {
      const entrants: ContenderName[] = ['isoseed', 'isoseed-control', 'isolated-vm-cached', 'worker-cached']
      const request = { task: 'throughput', atOnce, ms: pick(bench, { tiny: 50, quick: 300, full: 400 }) } as const
      curves.add(atOnce, await bench.compare({ title: `${this.title}: ${atOnce}`, unit: 'a second', less: false, workFile, request, entrants, rounds: bench.rounds }))
    }
    draw(bench, 'concurrency', this.title, 'sessions at a time', 'sessions a second', curves.series, false)
  },
}
