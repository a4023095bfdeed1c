// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { describe, expect, test } from 'vitest'
import { run } from '../process/run.js'

interface Sample {
  rss: number
  threads: number
  descriptors?: number
  handles?: number
  children?: number
}

async function measure(scenario: string): Promise<Sample[]> {
  const ended = await run('../../leak/fixtures/cycles.mjs', { args: [scenario], execArgv: ['--expose-gc'], timeoutMs: 60_000 })
  expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0, signal: null })
  expect(ended.killed).toBeUndefined()
  return JSON.parse(ended.stdout.slice(0, ended.stdout.indexOf('\n'))) as Sample[]
}

// What one cycle would leave behind if it leaked, at the least: an isolate 500 KB, a parked thread with
// its heap 1 MB, a large call 100 KB, a build's snapshot 300 KB, an error or an aborted call 1 KB.
// Allowed between two thirds of the cycles and their end is a small part of that, and room for the
// allocator, which holds on to what it was given (about 1 MB for each thread that lived at once) and
// for heaps that were not collected yet.
const CYCLES: [scenario: string, allowedMb: number][] = [
  ['blank', 8], // 100 isolates: 50 MB
  ['snapshot', 8], // 100 isolates: 100 MB
  ['prewarmed', 8], // 100 isolates: 100 MB
  ['pools that are made and dropped', 16], // 20 snapshots and 80 isolates: 100 MB
  ['snapshots that are made and dropped', 12], // 20 snapshots and isolates: 40 MB
  ['timeouts', 6],
  ['memory deaths', 8], // 33 isolates of 16 MB
  // 1000 calls of 100 KB four times: 400 MB. The C library's arenas fill for some thousand calls first.
  ['large calls', 64],
  // A pair of functions with what they hold 12 KB, 2000 pairs: 24 MB on the host's side alone.
  ['functions and streams of both sides', 16],
  ['calls that the guest waits for', 12], // 1000 calls of 20 KB four times: 80 MB
  ['builds', 6],
  ['aborted builds', 6],
  ['guest errors', 12],
  ['calls aborted by their signal', 6],
  ['dropped without dispose', 8],
  ['workers', 8],
]

/** Spare processes are held for a while, with three pipes each. */
const IN_PROCESSES: [scenario: string, allowedMb: number][] = [
  ['in processes', 8],
  ['processes that are lost', 8],
]
const MOST_SPARES = 4

describe('many cycles leave memory and threads as they were', () => {
  test.concurrent.each(CYCLES)('%s', { timeout: 90_000 }, async (scenario, allowedMb) => {
    const [, before, after] = (await measure(scenario)) as [Sample, Sample, Sample]
    const seen = JSON.stringify([before, after])
    expect(after.rss - before.rss, `resident memory in MB: ${seen}`).toBeLessThan(allowedMb)
    // Tokio keeps a thread or two for file work a while.
    expect(after.threads - before.threads, `threads: ${seen}`).toBeLessThanOrEqual(2)
    expect(after.children, `processes: ${seen}`).toBe(0)
    expect(after.descriptors! - before.descriptors!, `file descriptors: ${seen}`).toBeLessThanOrEqual(2)
    expect(after.handles! - before.handles!, `handles: ${seen}`).toBeLessThanOrEqual(1)
  })

  test.concurrent.each(IN_PROCESSES)('%s', { timeout: 90_000 }, async (scenario, allowedMb) => {
    const [, before, after] = (await measure(scenario)) as [Sample, Sample, Sample]
    const seen = JSON.stringify([before, after])
    expect(after.rss - before.rss, `resident memory in MB: ${seen}`).toBeLessThan(allowedMb)
    expect(after.threads - before.threads, `threads: ${seen}`).toBeLessThanOrEqual(2)
    expect(after.children, `processes: ${seen}`).toBeLessThanOrEqual(MOST_SPARES)
    expect(after.descriptors! - before.descriptors!, `file descriptors: ${seen}`).toBeLessThanOrEqual(4 * MOST_SPARES)
    expect(after.handles! - before.handles!, `handles: ${seen}`).toBeLessThanOrEqual(1)
  })
})

test.concurrent('200 isolates alive at once give their memory and threads back', { timeout: 90_000 }, async () => {
  const [before, alive, after] = (await measure('alive at once')) as [Sample, Sample, Sample]
  const seen = JSON.stringify([before, alive, after])
  expect(alive.threads - before.threads).toBeGreaterThanOrEqual(200)
  expect(after.threads - before.threads, `threads: ${seen}`).toBeLessThan(12)
  // A quarter: what the allocator may keep of the isolates' threads.
  expect((after.rss - before.rss) / (alive.rss - before.rss), `resident memory in MB: ${seen}`).toBeLessThan(0.25)
})
