// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { describe, expect, test } from 'vitest'
import { isolateProcessesOf, run } from './run.js'
import type { RunOptions } from './run.js'

const TIMEOUT = { timeout: 60_000 }

/** Runs one way to end, and waits for the isolates' processes to be gone. */
async function end(way: string, options: RunOptions = {}) {
  const ended = await run('exit-in-process.mjs', { ...options, args: [way] })
  let left = isolateProcessesOf(ended.pid)
  for (let round = 0; round < 200 && left.length > 0; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    left = isolateProcessesOf(ended.pid)
  }
  // They are ours: nobody else would end them.
  for (const pid of left) process.kill(pid, 'SIGKILL')
  return { ...ended, left: left.length }
}

describe.runIf(process.platform === 'linux')('a host with isolates in processes of their own ends', () => {
  const ways: [way: string, expected: { code: number | null; signal: NodeJS.Signals | null; stdout?: string }][] = [
    ['idle', { code: 0, signal: null, stdout: '2\ndone\n' }],
    ['pending call', { code: 0, signal: null, stdout: 'ERR_TIMEOUT\n' }],
    ['pending creation', { code: 0, signal: null, stdout: 'made\n' }],
    ['endless loop', { code: 7, signal: null }],
    ['uninterruptible builtin', { code: 7, signal: null }],
    ['creation not awaited', { code: 7, signal: null }],
    ['creation in an exit handler', { code: 7, signal: null }],
    ['binding', { code: 7, signal: null }],
    ['uncaught exception', { code: 1, signal: null }],
    ['abort', { code: null, signal: 'SIGABRT' }],
    ['SIGTERM', { code: null, signal: 'SIGTERM' }],
    ['SIGKILL', { code: null, signal: 'SIGKILL' }],
    ['SIGKILL, with a process that is stopped', { code: null, signal: 'SIGKILL' }],
  ]
  test.concurrent.each(ways)('%s', TIMEOUT, async (way, expected) => {
    const ended = await end(way)
    expect(ended, ended.stderr).toMatchObject({ ...expected, left: 0 })
    expect(ended.killed).toBeUndefined()
  })
})
