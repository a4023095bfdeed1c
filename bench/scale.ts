// Scale: thousands of idle isolates in one process, and hundreds of busy ones.
//   npm run bench:scale [-- --isolates 2000] [--busy 200] [--seconds 5] [--snapshot file] [--json file]
// What an idle isolate costs, whether the next one costs what the first did, whether busy ones get on
// alike, and how long the host's event loop is kept from its work meanwhile. Linux: it reads /proc.
import { readFileSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { arch, cpus, loadavg, platform, release } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { buildSnapshot, createIsolate, Snapshot } from 'isoseed'
import type { Isolate } from 'isoseed'
import { quantile } from './statistics.ts'

const { values } = parseArgs({
  options: {
    isolates: { type: 'string', default: '2000' },
    busy: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '5' },
    snapshot: { type: 'string' },
    json: { type: 'string' },
  },
})
const count = positive('isolates', values.isolates)
const busyCount = Math.min(positive('busy', values.busy), count)
const seconds = positive('seconds', values.seconds)

/** How many are there when the slope begins, and how many creations a figure is the median of. */
const WINDOW = Math.min(50, Math.floor(count / 4))

interface Census {
  isolates: number
  pssMb: number
  virtualGb: number
  mappings: number
  threads: number
  files: number
}

interface LoopDelay {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

const snapshot =
  values.snapshot === undefined
    ? await buildSnapshot({ bundle: 'globalThis.add = (a, b) => a + b; globalThis.table = Array.from({ length: 1000 }, (_, i) => ({ i }))' })
    : await Snapshot.load(values.snapshot)
console.log(`${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}, load ${loadavg().map((load) => load.toFixed(2)).join(' ')}`)
console.log(`snapshot: ${(snapshot.bytes().length / 1024).toFixed(0)} KiB, heap ${(snapshot.info.heapBytes / 1024).toFixed(0)} KiB\n`)

// The first use starts V8, its threads and ours.
await (await createIsolate({ snapshot })).dispose()
const idleLoop = await loopDelay(() => sleep(2000))

const isolates: Isolate[] = []
const createMs: number[] = []
const censuses: Census[] = []
const creatingLoop = await loopDelay(async () => {
  while (isolates.length < count) {
    const started = performance.now()
    isolates.push(await createIsolate({ snapshot }))
    createMs.push(performance.now() - started)
    const alive = isolates.length
    if (alive === WINDOW || alive === count || alive % 500 === 0) censuses.push(census(alive))
  }
})
console.log('isolates   PSS MB   mappings   threads   files   virtual GB   create, median ms')
for (const row of censuses) {
  const window = createMs.slice(Math.max(0, row.isolates - WINDOW), row.isolates)
  console.log(
    [row.isolates, row.pssMb.toFixed(1), row.mappings, row.threads, row.files, row.virtualGb.toFixed(1), quantile(window, 0.5).toFixed(2)]
      .map((cell, index) => String(cell).padStart([8, 9, 11, 10, 8, 13, 20][index]!))
      .join(''),
  )
}
const [first, last] = [censuses[0]!, censuses.at(-1)!]
const grown = last.isolates - first.isolates
const perIsolate = {
  pssKb: ((last.pssMb - first.pssMb) / grown) * 1024,
  mappings: (last.mappings - first.mappings) / grown,
  threads: (last.threads - first.threads) / grown,
  files: (last.files - first.files) / grown,
}
const createRatio = quantile(createMs.slice(-WINDOW), 0.5) / quantile(createMs.slice(0, WINDOW), 0.5)
console.log(`\nan idle isolate: ${perIsolate.pssKb.toFixed(0)} KiB, ${perIsolate.mappings.toFixed(1)} mappings, ${perIsolate.threads.toFixed(2)} threads, ${perIsolate.files.toFixed(2)} files`)
console.log(`creation with ${count} alive takes ${createRatio.toFixed(2)} times what it took with none (medians of ${WINDOW})`)

const idleBefore = process.cpuUsage()
await sleep(2000)
const idleCpu = process.cpuUsage(idleBefore)
const idleCpuMs = (idleCpu.user + idleCpu.system) / 1e3 / 2
console.log(`CPU time while all ${count} are idle: ${idleCpuMs.toFixed(2)} ms a second`)

const usingLoop = await loopDelay(async () => {
  for (let round = 0; round < 5; round++) await Promise.all(isolates.map((isolate) => isolate.eval('table.length')))
})

console.log(`\n${busyCount} busy at once, for ${seconds} s:`)
const counts: number[] = []
const busyLoop = await loopDelay(async () => {
  const end = Date.now() + 500 + seconds * 1000
  // All begin together, so that none has had the processor for itself before.
  const spin = `(() => { while (Date.now() < ${end - seconds * 1000}); let n = 0; while (Date.now() < ${end}) n++; return n })()`
  counts.push(...(await Promise.all(isolates.slice(0, busyCount).map((isolate) => isolate.eval<number>(spin, { timeoutMs: Infinity })))))
})
const progress = { min: Math.min(...counts), median: quantile(counts, 0.5), max: Math.max(...counts) }
console.log(`progress (loops): min ${progress.min}, median ${progress.median}, max ${progress.max}; min is ${((progress.min / progress.median) * 100).toFixed(0)} % of the median`)

const disposeStarted = performance.now()
const disposingLoop = await loopDelay(async () => void (await Promise.all(isolates.map((isolate) => isolate.dispose()))))
const disposeMs = performance.now() - disposeStarted
console.log(`\nall disposed in ${disposeMs.toFixed(0)} ms`)

const loops = { idle: idleLoop, creating: creatingLoop, using: usingLoop, busy: busyLoop, disposing: disposingLoop }
console.log("\nthe host's event loop is late by      p50 ms   p99 ms   max ms")
for (const [name, { p50Ms, p99Ms, maxMs }] of Object.entries(loops)) {
  console.log(`  ${name.padEnd(32)}${[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2).padStart(9)).join('')}`)
}
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ count, censuses, perIsolate, createRatio, idleCpuMs, busyCount, progress, disposeMs, loops, createMs }, null, 1)}\n`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new TypeError(`--${name} must be a positive integer, got ${text}`)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function census(alive: number): Census {
  const field = (file: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1])
  return {
    isolates: alive,
    pssMb: field('/proc/self/smaps_rollup', 'Pss') / 1024,
    virtualGb: field('/proc/self/status', 'VmSize') / 2 ** 20,
    mappings: readFileSync('/proc/self/maps', 'utf8').split('\n').length - 1,
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
  }
}

/** How late the event loop's timers come while `work` goes on. */
async function loopDelay(work: () => Promise<unknown>): Promise<LoopDelay> {
  const resolution = 1
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  await work()
  histogram.disable()
  // The histogram counts the timer's own period, too.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution)
  return { p50Ms: late(histogram.percentile(50)), p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) }
}
