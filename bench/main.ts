// The bench: isoseed, the floor below it, and what Node offers, side by side in one run.
//   npm run bench [-- --rounds 40] [--json file]
// Every contender does the same work and has its answer checked, in a process of its own; in each round
// all take one turn, in random order, so that what disturbs the machine disturbs all. What counts are
// the ratios: the median of the ratios of the same round.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, loadavg, platform, release } from 'node:os'
import { parseArgs } from 'node:util'
import { buildSnapshot } from 'isoseed'
import type { SnapshotInfo } from 'isoseed'
import { guestSources } from '../demo/sources.ts'
import { floorProcess, nodeProcess } from './processes.ts'
import type { Process } from './processes.ts'
import { pairedRatio, quantile, shuffled } from './statistics.ts'
import { prepareWork } from './work.ts'
import type { Work } from './work.ts'

const CALLS = 2000

interface Entry {
  name: string
  start: (work: Work) => Promise<Process>
  process?: Process
  failed?: string
  /** Milliseconds of each round. */
  firstResult: number[]
  roundTrip: number[]
}

interface Row {
  name: string
  failed?: string
  p50Ms?: number
  p95Ms?: number
  ratioToFloor?: number
  ratioToIsoseed?: number
  ms?: number[]
}

const isoseed = contender('isoseed', () => nodeProcess('isoseed'))
const control = contender('isoseed again (A/A control)', () => nodeProcess('isoseed'))
const prewarmed = contender('isoseed, prewarmed', () => nodeProcess('prewarmed'))
const floor = contender('floor: Rust, no Node', startFloor)
const worker = contender('Worker thread', () => nodeProcess('worker'))
const vm = contender('node:vm with cachedData', () => nodeProcess('vm'))
const entries = [floor, isoseed, control, prewarmed, vm, worker]
const callers = [isoseed, control, worker]

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' }, json: { type: 'string' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)

const sources = await guestSources()
const { bridge, bundle, warmup } = sources
const snapshot = await buildSnapshot({ bridge, bundle, warmup })
const work = await prepareWork(sources, snapshot)
const about = await circumstances(snapshot.info)
for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(10)} ${value}`)

for (const entry of entries) await attempt(entry, async () => void (entry.process = await entry.start(work)))
await measure('time to the first result', rounds, entries, async (entry) => {
  entry.firstResult.push(await entry.process!.firstResult())
})
const warmRounds = Math.max(5, Math.ceil(rounds / 4))
await measure('warm calls', warmRounds, callers, async (entry) => {
  entry.roundTrip.push(await entry.process!.roundTrip(CALLS))
})
for (const entry of entries) await entry.process?.end()

const firstResult = entries.map((entry) => summary(entry, 'firstResult'))
print(`From nothing to the first result: lodash, zod and handlebars, ${rounds} rounds`, firstResult)
const roundTrip = callers.map((entry) => summary(entry, 'roundTrip'))
print(`A warm call and its answer: the mean of ${CALLS} in a row, ${warmRounds} rounds`, roundTrip)
if (values.json !== undefined) {
  const results = { about, loadAfter: loadavg(), rounds, warmRounds, callsPerWarmRound: CALLS, firstResult, roundTrip }
  await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`\nwritten to ${values.json}`)
}
if (entries.some((entry) => entry.failed !== undefined)) process.exitCode = 1

function contender(name: string, start: Entry['start']): Entry {
  return { name, start, firstResult: [], roundTrip: [] }
}

async function startFloor(prepared: Work): Promise<Process> {
  const build = spawn(process.execPath, ['scripts/build.mjs', '--floor'], { stdio: 'inherit' })
  const [code] = (await once(build, 'exit')) as [number | null]
  if (code !== 0) throw new Error('it could not be built: see above')
  return floorProcess(prepared)
}

/** One turn of a contender; one that fails takes no further turn. */
async function attempt(entry: Entry, turn: () => Promise<void>): Promise<void> {
  if (entry.failed !== undefined) return
  try {
    await turn()
  } catch (error) {
    entry.failed = error instanceof Error ? error.message : String(error)
  }
}

async function measure(what: string, count: number, all: Entry[], turn: (entry: Entry) => Promise<void>): Promise<void> {
  console.log(`\nmeasuring ${what} ...`)
  for (let round = 0; round < count; round += 1) {
    for (const entry of shuffled(all)) await attempt(entry, () => turn(entry))
  }
}

function summary(entry: Entry, which: 'firstResult' | 'roundTrip'): Row {
  const { name, failed } = entry
  if (failed !== undefined) return { name, failed }
  const ms = entry[which]
  const ratio = (base: Entry): number | undefined =>
    base.failed === undefined && base[which].length === ms.length ? pairedRatio(ms, base[which]) : undefined
  return { name, p50Ms: quantile(ms, 0.5), p95Ms: quantile(ms, 0.95), ratioToFloor: ratio(floor), ratioToIsoseed: ratio(isoseed), ms }
}

function print(title: string, rows: Row[]): void {
  const withFloor = rows.some(({ ratioToFloor }) => ratioToFloor !== undefined)
  const head = ['p50 ms', 'p95 ms', ...(withFloor ? ['to floor'] : []), 'to isoseed']
  console.log(`\n${title}`)
  console.log(`  ${''.padEnd(30)}${head.map((text) => text.padStart(12)).join('')}`)
  for (const { name, failed, p50Ms, p95Ms, ratioToFloor, ratioToIsoseed } of rows) {
    const cells = [p50Ms?.toFixed(3), p95Ms?.toFixed(3), ...(withFloor ? [ratioToFloor?.toFixed(2)] : []), ratioToIsoseed?.toFixed(2)]
    const text = failed === undefined ? cells.map((cell) => (cell ?? '-').padStart(12)).join('') : `   FAILED: ${failed}`
    console.log(`  ${name.padEnd(30)}${text}`)
  }
}

async function circumstances(info: SnapshotInfo): Promise<Record<string, string>> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  const processors = cpus()
  return {
    date: new Date().toISOString(),
    isoseed: `${version} with V8 ${info.v8Version}`,
    Node: `${process.versions.node} with V8 ${process.versions.v8}`,
    machine: `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, ${platform()} ${release()} ${arch()}`,
    load: loadavg().map((load) => load.toFixed(2)).join(' '),
    bundle: `${info.sources.map(({ name, bytes }) => `${name} ${(bytes / 1024).toFixed(0)} KiB`).join(', ')}`,
  }
}
