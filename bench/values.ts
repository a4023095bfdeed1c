// What values cost: a small result in the host's thread, and bytes each way.
//   npm run bench:values [-- --rounds 15]
// Beside isoseed stands what Node itself has for the same: a Worker thread with its structured clone over a
// MessageChannel, with and without transfer. A round takes each contender once, in random order; ratios are
// medians of the ratios of one round. What the host's thread does is its CPU time, not the wall's.
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createIsolate } from 'isoseed'
import { pairedRatio, quantile, shuffled } from './statistics.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)

/** Calls of one round for the small results. */
const CALLS = 4000
/** So many at once, where they are. */
const AT_ONCE = 50
/** A round moves about so much of each size. */
const BYTES_A_ROUND = 64 * 2 ** 20

interface Figures {
  /** Host CPU time of one operation, in µs. */
  cpu: number[]
  /** Wall-clock time of one operation, in µs. */
  wall: number[]
}

type Operation = () => Promise<unknown>

const isolate = await createIsolate({ memoryLimitMb: 1024, timeoutMs: 120_000 })
await isolate.eval(`
  const results = { number: 42, string: 'forty-two', object: { id: 7, name: 'seven', tags: ['a', 'b'] } }
  function answer(name) { return results[name] }
  function take(bytes) { return bytes.byteLength }
  function give(size) { return new Uint8Array(size).fill(1) }
  0`)

const worker = new Worker(
  `const { parentPort } = require('node:worker_threads')
   const results = { number: 42, string: 'forty-two', object: { id: 7, name: 'seven', tags: ['a', 'b'] } }
   parentPort.on('message', ({ name, bytes, size, move }) => {
     if (bytes) return parentPort.postMessage(bytes.byteLength)
     if (size) { const given = new Uint8Array(size).fill(1); return parentPort.postMessage(given, move ? [given.buffer] : []) }
     parentPort.postMessage(results[name])
   })`,
  { eval: true },
)
const waiting: ((value: unknown) => void)[] = []
worker.on('message', (value) => waiting.shift()?.(value))
const ask = (message: object, transfer: ArrayBuffer[] = []): Promise<unknown> =>
  new Promise((resolve) => {
    waiting.push(resolve)
    worker.postMessage(message, transfer)
  })

/** CPU time of the main thread, in µs; of the process where the system does not tell. */
function hostCpu(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e3
  } catch {
    const { user, system } = process.cpuUsage()
    return user + system
  }
}

async function measure(operation: Operation, count: number, atOnce: number, figures: Figures | undefined): Promise<void> {
  const cpu = hostCpu()
  const started = performance.now()
  for (let done = 0; done < count; done += atOnce) await Promise.all(Array.from({ length: atOnce }, operation))
  figures?.wall.push(((performance.now() - started) * 1e3) / count)
  figures?.cpu.push((hostCpu() - cpu) / count)
}

async function compare(contenders: Record<string, Operation>, count: number, atOnce: number): Promise<Record<string, Figures>> {
  const figures = Object.fromEntries(Object.keys(contenders).map((name) => [name, { cpu: [], wall: [] } as Figures]))
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, operation] of shuffled(Object.entries(contenders))) await measure(operation, count, atOnce, round < 0 ? undefined : figures[name])
  }
  return figures
}

const median = (numbers: readonly number[]): number => quantile(numbers, 0.5)
const ratio = (mine: readonly number[], other: readonly number[]): string => `${pairedRatio(mine, other).toFixed(2)} x`

console.log(
  `\`npm run bench:values -- --rounds ${rounds}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}; medians.`,
)
console.log('\n| a small result | at once | host µs | (A/A control) | Worker: host µs | isoseed to Worker | wall µs | Worker: wall µs |')
console.log('|---|---|---|---|---|---|---|---|')
for (const name of ['number', 'string', 'object']) {
  for (const atOnce of [1, AT_ONCE]) {
    const call = (): Promise<unknown> => isolate.call('answer', [name])
    const figures = await compare({ isoseed: call, again: call, worker: () => ask({ name }) }, CALLS, atOnce)
    const { isoseed, again, worker: other } = figures as Record<'isoseed' | 'again' | 'worker', Figures>
    const cells = [name, atOnce, median(isoseed.cpu).toFixed(1), median(again.cpu).toFixed(1), median(other.cpu).toFixed(1), ratio(isoseed.cpu, other.cpu), median(isoseed.wall).toFixed(1), median(other.wall).toFixed(1)]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

console.log('\n| bytes | way | MB/s | Worker: MB/s | host ms | Worker: host ms | host time to Worker | wall to Worker |')
console.log('|---|---|---|---|---|---|---|---|')
for (const [label, size] of [['1 KB', 1e3], ['100 KB', 1e5], ['10 MB', 1e7], ['64 MB', 64e6]] as const) {
  const count = Math.max(1, Math.min(2000, Math.round(BYTES_A_ROUND / size)))
  const kept = new Uint8Array(size).fill(1)
  const fresh = (): Uint8Array<ArrayBuffer> => new Uint8Array(size).fill(1)
  const ways: [string, Operation, Operation][] = [
    ['in, copied', () => isolate.call('take', [kept]), () => ask({ bytes: kept })],
    ['in, moved', () => giveAway(fresh(), (bytes) => isolate.call('take', [bytes], { transfer: [bytes.buffer] })), () => giveAway(fresh(), (bytes) => ask({ bytes }, [bytes.buffer]))],
    ['out, copied', () => isolate.call('give', [size]), () => ask({ size })],
    ['out, moved', () => isolate.call('give', [size], { transferResult: true }), () => ask({ size, move: true })],
  ]
  for (const [way, mine, other] of ways) {
    const { isoseed, worker: theirs } = (await compare({ isoseed: mine, worker: other }, count, 1)) as Record<'isoseed' | 'worker', Figures>
    const speed = (figures: Figures): string => (size / median(figures.wall)).toFixed(0)
    const host = (figures: Figures): string => (median(figures.cpu) / 1e3).toFixed(3)
    console.log(`| ${[label, way, speed(isoseed), speed(theirs), host(isoseed), host(theirs), ratio(isoseed.cpu, theirs.cpu), ratio(isoseed.wall, theirs.wall)].join(' | ')} |`)
  }
}

/** Making the bytes is the same for both, and counted. */
function giveAway<T>(bytes: Uint8Array<ArrayBuffer>, give: (bytes: Uint8Array<ArrayBuffer>) => T): T {
  return give(bytes)
}

await isolate.dispose()
await worker.terminate()
