// The bench: isoseed, the floor below it, and what else there is, side by side in one run. See options.ts for the
// command line, metrics/ for what is measured, compare.ts for how.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Metric } from './bench.ts'
import { svg } from './chart.ts'
import type { Chart } from './chart.ts'
import { circumstances, loads } from './circumstances.ts'
import { compare } from './compare.ts'
import type { Result } from './compare.ts'
import { metrics } from './metrics/all.ts'
import { USAGE, optionsFrom } from './options.ts'
import type { Options } from './options.ts'
import { markdown, tableOf } from './report.ts'
import type { Table } from './report.ts'

/** What a metric gave: a file of its own in the folder of the results. */
interface Outcome {
  metric: Metric
  comparisons: Result[]
  tables: { table: Table; data?: unknown }[]
  charts: { name: string; chart: Omit<Chart, 'subtitle'> }[]
  error?: string
}

const args = process.argv.slice(2)
let options: Options | undefined
try {
  options = optionsFrom(args, metrics)
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exit(2)
}

if (options === undefined) {
  console.log(`${USAGE}\n`)
  for (const { name, title, quick } of metrics) console.log(`  ${name.padEnd(18)} ${title}${quick ? '' : ' [not in the quick pass]'}`)
} else {
  process.exitCode = await run(options)
}

/** Runs the metrics and writes what they gave; the exit code: 0 unless something failed or is void. */
async function run({ metrics: wanted, results, ...rest }: Options): Promise<number> {
  const about = await circumstances(args)
  for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(10)} ${typeof value === 'string' ? value : Object.entries(value).map(([who, flags]) => `${who}: ${flags}`).join('; ')}`)
  if (rest.extent === 'tiny') console.log('\nA tiny run: that it works is all that it says; its figures mean nothing.')
  await mkdir(results, { recursive: true })
  const outcomes: Outcome[] = []
  for (const metric of wanted) {
    console.log(`\n## ${metric.title}\n`)
    const started = performance.now()
    const outcome = await measure(metric, rest)
    outcomes.push(outcome)
    const { comparisons, tables, charts, error } = outcome
    const isVoid = comparisons.some((result) => result.void)
    const file = join(results, `${metric.name}.json`)
    await writeFile(file, `${JSON.stringify({ about: { ...about, loadAfter: loads() }, void: isVoid, error, comparisons, tables, charts }, null, 1)}\n`)
    const subtitle = `${isVoid ? 'VOID: the machine was not quiet. ' : ''}${about.date}, ${about.machine}, Node ${process.versions.node}`
    for (const { name, chart } of charts) await writeFile(join(results, `${name}.svg`), svg({ ...chart, subtitle }))
    console.log(`${metric.name}: ${((performance.now() - started) / 1e3).toFixed(0)} s, written to ${[file, ...charts.map(({ name }) => join(results, `${name}.svg`))].join(', ')}`)
  }
  return verdict(outcomes)
}

async function measure(metric: Metric, { extent, rounds, fewRounds, only, cases }: Omit<Options, 'metrics' | 'results'>): Promise<Outcome> {
  const outcome: Outcome = { metric, comparisons: [], tables: [], charts: [] }
  const bench: Bench = {
    extent,
    rounds,
    fewRounds,
    only,
    cases,
    async compare(comparison) {
      const result = await compare({ ...comparison, ...(extent === 'tiny' && { controlled: false }) }, only)
      outcome.comparisons.push(result)
      console.log(markdown(tableOf(result)))
      return result
    },
    table(table, data) {
      outcome.tables.push({ table, ...(data !== undefined && { data }) })
      console.log(markdown(table))
    },
    chart: (name, chart) => void outcome.charts.push({ name, chart }),
  }
  try {
    await metric.run(bench)
  } catch (error) {
    outcome.error = error instanceof Error ? (error.stack ?? error.message) : String(error)
    console.error(`${metric.name} FAILED: ${outcome.error}`)
  }
  return outcome
}

/** What the run as a whole came to. A contender that is not installed is no failure; one that fails is, and is named. */
function verdict(outcomes: readonly Outcome[]): number {
  const results = outcomes.flatMap(({ comparisons }) => comparisons)
  const failed = results.flatMap(({ title, rows }) => rows.filter((row) => row.failed !== undefined).map(({ label, failed: why }) => `${label}, ${title}: ${why}`))
  const skipped = new Map(results.flatMap(({ rows }) => rows.flatMap(({ label, skipped: why }) => (why === undefined ? [] : [[label, why] as const]))))
  const voided = results.filter((result) => result.void)
  const broken = outcomes.filter(({ error }) => error !== undefined).map(({ metric }) => metric.name)
  console.log('')
  for (const [label, why] of skipped) console.log(`skipped: ${label}: ${why}`)
  for (const why of failed) console.log(`failed: ${why}`)
  if (broken.length > 0) console.log(`metrics that failed: ${broken.join(', ')}`)
  if (voided.length > 0) console.log(`VOID: in ${voided.length} of ${results.length} comparisons the A/A control was not 1.00 ± 0.03; the run says nothing there.`)
  const own = results.some(({ rows }) => rows.some(({ contender, failed: why }) => why !== undefined && (contender === 'floor' || contender.startsWith('isoseed'))))
  return own || broken.length > 0 || voided.length > 0 ? 1 : 0
}
