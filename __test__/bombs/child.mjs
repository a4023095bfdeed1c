// Runs bombs one after the other in this process: argv is the limit in MiB, the names as JSON, and
// `process` to run each in a process of its own.
// Says `begin <name>` and `end <json>` for each, and leaves the rest to another process when one has
// kept memory that would spoil the next one's figures.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createIsolate } from '../../index.js'
import { bombs } from './corpus.mjs'

const limitMb = Number(process.argv[2])
const names = JSON.parse(process.argv[3])
const inProcess = process.argv[4] === 'process'
const limitBytes = limitMb * 2 ** 20
const TIMEOUT_MS = 60_000
/** What a process may keep of a bomb and still be good for another. */
const MOST_KEPT_MB = 24

const bindings = {
  echo: async (value) => value,
  never: () => new Promise(() => {}),
  big: async (bytes) => 'x'.repeat(bytes),
  bigObjects: async (count) => Array.from({ length: count }, (_, i) => ({ i })),
  fail: async (length) => { throw new Error('x'.repeat(length)) },
}

const statusMb = (field, pid = 'self') => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
const resetPeak = () => writeFileSync('/proc/self/clear_refs', '5')
/** Isolates' threads. */
const threads = () =>
  readdirSync('/proc/self/task').filter((id) => {
    try {
      return /^isoseed-\d/.test(readFileSync(`/proc/self/task/${id}/comm`, 'utf8'))
    } catch {
      return false // It has just ended.
    }
  }).length
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const other = await createIsolate({ memoryLimitMb: 16 })
// What a process with isolates has anyway: its threads, what the first error and the first end take.
for (let i = 0; i < 3; i++) await (await createIsolate({ memoryLimitMb: limitMb, bindings, process: inProcess })).dispose()

for (const name of names) {
  console.log(`begin ${name}`)
  const report = await explode(bombs[name])
  console.log(`end ${JSON.stringify({ name, ...report })}`)
  if (report.keptMb > MOST_KEPT_MB) break
}
await other.dispose()
// Threads that V8 does not let go of are no reason to stay.
process.exit(0)

async function explode(bomb) {
  const isolate = await createIsolate({ memoryLimitMb: limitMb, timeoutMs: TIMEOUT_MS, bindings, process: inProcess })
  const watched = inProcess ? watchProcess((await isolate.stats()).pid) : undefined
  resetPeak()
  const baseMb = statusMb('VmRSS')
  const before = threads()
  const over = new AbortController()
  const answers = answering(over.signal)
  const started = performance.now()
  const outcome = await attempt(async () => {
    const value = await (bomb.run === undefined ? isolate.eval(bomb.code.replaceAll('LIMIT', limitBytes)) : bomb.run(isolate, { limitBytes }))
    // What a call leaves behind has its own time limit; the next call comes after it.
    await isolate.eval('0')
    return value
  }, true)
  const ms = Math.round(performance.now() - started)
  const after = await attempt(() => isolate.eval('40 + 2'))
  over.abort()
  const { slowestMs } = await answers
  const peakMb = statusMb('VmHWM') - baseMb
  await isolate.dispose()
  const processPeakMb = watched?.stop()
  let keptMb = statusMb('VmRSS') - baseMb
  // What ended isolates freed is given back to the system a moment later.
  for (let i = 0; i < 10 && (keptMb > 4 || threads() >= before); i++) {
    await sleep(50)
    keptMb = statusMb('VmRSS') - baseMb
  }
  const isParked = threads() >= before
  return { ...(processPeakMb === undefined ? {} : { processPeakMb: Math.round(processPeakMb) }), outcome: outcome.code, after: after.code, cause: after.cause, message: outcome.message, peakMb: Math.round(peakMb), keptMb: Math.round(keptMb), isParked, ms, slowestMs: Math.round(slowestMs) }
}

async function attempt(work, isFirst = false) {
  try {
    await work()
    return { code: 'ok' }
  } catch (error) {
    const code = typeof error?.code === 'string' ? error.code : `untyped ${String(error?.stack ?? error).slice(0, 300)}`
    const cause = error?.cause?.code
    // What no call was waiting for finished the isolate.
    return { code: code === 'ERR_DISPOSED' && isFirst ? cause : code, cause, message: String(error?.message).slice(0, 120) }
  }
}

/** Sees how much an isolate's process takes above what it took at first. */
function watchProcess(pid) {
  const baseMb = statusMb('VmRSS', pid)
  let mostMb = baseMb
  const look = () => {
    try {
      mostMb = Math.max(mostMb, statusMb('VmHWM', pid))
    } catch {
      // It is gone.
    }
  }
  const timer = setInterval(look, 5)
  return {
    stop() {
      clearInterval(timer)
      look()
      return mostMb - baseMb
    },
  }
}

/** The other isolate answers all the time; says how long the slowest answer took. */
async function answering(signal) {
  let slowestMs = 0
  while (!signal.aborted) {
    const asked = performance.now()
    assert.equal(await other.eval('[1, 2, 3].map((x) => x * 2).join()'), '2,4,6')
    slowestMs = Math.max(slowestMs, performance.now() - asked)
    await sleep(5)
  }
  return { slowestMs }
}
