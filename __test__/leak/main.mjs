// The leak command: many cycles of create, run, dispose, and what each of them leaves behind.
//   npm run leak [-- --cycles 10000] [--only blank,snapshot,...]
// For each kind a table of the process every tenth of its cycles, and the slope over the later two thirds; ends with
// exit code 1 when a slope passes its bound, or threads, handles or processes are left. Linux only.
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { buildSnapshot, createIsolate } from '../../index.js'
import { children, fileDescriptors, rssMb, sleep, threads } from '../process/fixtures/proc.mjs'

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '10000' }, only: { type: 'string' } } })
const CYCLES = Number(values.cycles)
if (!Number.isInteger(CYCLES) || CYCLES < 100) throw new Error(`--cycles must be a whole number from 100, got ${values.cycles}`)
if (typeof globalThis.gc !== 'function') throw new Error('the leak command needs node --expose-gc')

const LIBRARY = 'globalThis.library = Array.from({ length: 20000 }, (_, i) => ({ i, name: "n" + i })); globalThis.twice = (x) => 2 * x'
const snapshot = await buildSnapshot({ bundle: LIBRARY })

/**
 * What one of 10 000 cycles may leave in resident memory, in KiB. An isolate that leaked would leave 500 at the least, a
 * thread's stack 20, a message's buffer 100. What is left when nothing leaks are the allocators' own few megabytes.
 */
const MOST_KIB = 1

/** The kinds of cycles. `share`: of the cycles, where one takes longer. */
const kinds = {
  blank: {
    async cycle() {
      const isolate = await createIsolate()
      assert.equal(await isolate.eval('globalThis.a = new Array(1e4).fill({}); a.length'), 1e4)
      await isolate.dispose()
    },
  },
  snapshot: {
    async cycle() {
      const isolate = await createIsolate({ snapshot, globals: { given: new Uint8Array(1e5) } })
      assert.equal(await isolate.call('twice', [21]), 42)
      await isolate.dispose()
    },
  },
  bindings: {
    async cycle() {
      const isolate = await createIsolate({
        snapshot,
        bindings: { echo: async (value) => value, fail: async () => { throw new RangeError('x') }, now: { sync: true, fn: (x) => x + 1 } },
      })
      assert.equal(await isolate.eval('echo({ list: [twice(20), new Uint8Array(1000)] }).then(({ list }) => now(list[0] + 1))'), 42)
      assert.equal(await isolate.eval('fail().catch((error) => error.name)'), 'RangeError')
      assert.equal(await isolate.eval('throw new TypeError("x")').catch((error) => error.name), 'TypeError')
      await isolate.dispose()
    },
  },
  'ended while it runs': {
    share: 0.3,
    async cycle(turn) {
      let started
      const running = new Promise((resolve) => { started = resolve })
      const isolate = await createIsolate({ timeoutMs: turn % 3 === 0 ? 5 : 30_000, bindings: { started: () => started(), never: () => new Promise(() => {}) } })
      const codes = ['started(); for (;;);', 'started(); never()', 'started(); new Promise(() => {})']
      const call = isolate.eval(codes[turn % codes.length]).catch((error) => error.code)
      // On a busy machine the short time limit is over before the guest begins.
      await Promise.race([running, call])
      await isolate.dispose()
      assert.match(await call, /^ERR_(?:DISPOSED|TIMEOUT)$/)
    },
  },
  'left to the collector': {
    share: 0.2,
    async cycle(turn) {
      await (await createIsolate({ snapshot })).call('twice', [21])
      if (turn % 8 === 0) gc()
    },
  },
  process: {
    share: 0.1,
    async cycle() {
      const isolate = await createIsolate({ snapshot, process: true, bindings: { echo: async (value) => value } })
      assert.equal(await isolate.eval('echo(new Uint8Array(1e5)).then((bytes) => twice(bytes.length))'), 2e5)
      await isolate.dispose()
    },
  },
  'process that is lost': {
    share: 0.02,
    async cycle() {
      const isolate = await createIsolate({ process: true })
      const { pid } = await isolate.stats()
      const call = isolate.eval('for (;;);').catch((error) => error.code)
      process.kill(pid, 'SIGKILL')
      assert.equal(await call, 'ERR_ISOLATE_LOST')
    },
  },
}

/**
 * The smallest of a few samples: what is being given back at the moment is no leak. In a second without work the engine
 * gives back what the C library has kept of ended isolates.
 */
async function settle() {
  let sample
  for (let i = 0; i < 6; i++) {
    gc()
    await sleep(250)
    const now = { rss: rssMb(), threads: threads(), descriptors: fileDescriptors(), handles: process.getActiveResourcesInfo().length, children: children().length }
    sample ??= now
    for (const key of Object.keys(now)) sample[key] = Math.min(sample[key], now[key])
  }
  return sample
}

/** MB for each cycle: a line through the samples, by least squares. */
function slope(samples) {
  const mean = (pick) => samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length
  const [x, y] = [mean((sample) => sample.cycle), mean((sample) => sample.rss)]
  const over = samples.reduce((sum, sample) => sum + (sample.cycle - x) * (sample.rss - y), 0)
  return over / samples.reduce((sum, sample) => sum + (sample.cycle - x) ** 2, 0)
}

const wanted = values.only?.split(',') ?? Object.keys(kinds)
let faults = 0
for (const name of wanted) {
  const kind = kinds[name]
  if (kind === undefined) throw new Error(`--only must name kinds of ${Object.keys(kinds).join(', ')}; got ${name}`)
  faults += await measure(name, kind)
}
console.log(`\n${faults} faults`)
process.exitCode = faults === 0 ? 0 : 1
// Spare processes would be held for half a minute, but not this process: nothing keeps it.

async function measure(name, { cycle, share = 1 }) {
  const total = Math.max(20, Math.round(CYCLES * share))
  const step = Math.ceil(total / 10)
  console.log(`\n${name}: ${total} cycles\n  cycle    rss MB  threads  descriptors  handles  processes      ms`)
  const samples = []
  let started = performance.now()
  for (let turn = 0; turn < total; turn += 2) {
    // Two at once, so that they also meet.
    await Promise.all([cycle(turn), cycle(turn + 1)])
    if ((turn + 2) % step >= 2 && turn + 2 < total) continue
    const ms = performance.now() - started
    const sample = { cycle: turn + 2, ...(await settle()) }
    samples.push(sample)
    const { rss, threads: count, descriptors, handles, children: processes } = sample
    console.log(`${String(sample.cycle).padStart(7)} ${rss.toFixed(1).padStart(9)} ${String(count).padStart(8)} ${String(descriptors).padStart(12)} ${String(handles).padStart(8)} ${String(processes).padStart(10)} ${ms.toFixed(0).padStart(7)}`)
    started = performance.now()
  }
  const later = samples.slice(Math.floor(samples.length / 3))
  const kib = slope(later) * 1024
  // Fewer cycles, coarser figures: what an allocator holds back is spread over them.
  const bound = MOST_KIB * Math.max(1, 10_000 / total)
  const wrong = []
  if (kib > bound) wrong.push(`${kib.toFixed(2)} KiB of resident memory a cycle, and ${bound.toFixed(2)} are allowed`)
  const [first, last] = [later[0], later.at(-1)]
  // Tokio keeps a thread or two for file work a while; a spare process has three pipes.
  for (const [key, most] of [['threads', 2], ['descriptors', 12], ['handles', 2], ['children', 4]]) {
    if (last[key] > first[key] + most) wrong.push(`${key}: ${first[key]} after a third, ${last[key]} at the end`)
  }
  console.log(`  ${kib.toFixed(2)} KiB a cycle (at most ${bound.toFixed(2)})`)
  for (const fault of wrong) console.log(`  FAULT: ${fault}`)
  return wrong.length
}
