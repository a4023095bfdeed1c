// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { helpersMarked, run } from './run.js'
import type { RunOptions } from './run.js'

const TIMEOUT = { timeout: 60_000 }

/** Runs one way to end, and checks that no helper process is left. */
async function end(way: string, options: RunOptions = {}, ...args: string[]) {
  const mark = randomUUID()
  const ended = await run('exit.mjs', { ...options, args: [way, ...args], env: { ...process.env, ISOSEED_MARK: mark, NODE_OPTIONS: '' } })
  const left = await remaining(mark)
  // They are ours: nobody else would end them.
  for (const pid of left) process.kill(pid, 'SIGKILL')
  return { ...ended, helpersLeft: left.length }
}

async function remaining(mark: string): Promise<number[]> {
  for (let round = 0; round < 20; round++) {
    if (helpersMarked(mark).length === 0) return []
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return helpersMarked(mark)
}

describe('the process ends by itself', () => {
  test.concurrent('with idle isolates that nobody disposed', TIMEOUT, async () => {
    const ended = await end('idle')
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '', stdout: '2\n2\n2\ndone\n' })
    expect(ended.ms).toBeLessThan(10_000)
  })

  test.concurrent('with isolates that are held ready', TIMEOUT, async () => {
    const ended = await end('prewarmed')
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '', stdout: '1\n' })
  })

  test.concurrent('with a pool made in an exit handler', TIMEOUT, async () => {
    expect(await end('prewarm in an exit handler')).toMatchObject({ code: 0, signal: null })
  })

  test.concurrent('with a call that never settles: when its time limit is over', TIMEOUT, async () => {
    const ended = await end('pending call')
    expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'ERR_TIMEOUT\n' })
    expect(ended.ms).toBeGreaterThan(500)
  })

  test.concurrent('with a call that is pending in a disposed isolate', TIMEOUT, async () => {
    expect(await end('pending call of a disposed isolate')).toMatchObject({ code: 0, signal: null, stdout: 'ERR_DISPOSED\n' })
  })

  test.concurrent('with a call of an isolate that nobody holds', TIMEOUT, async () => {
    const ended = await end('pending call of a collected isolate', { execArgv: ['--expose-gc'] })
    expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'ERR_TIMEOUT\n' })
  })

  test.concurrent('with an isolate made in an exit handler', TIMEOUT, async () => {
    expect(await end('creation in an exit handler')).toMatchObject({ code: 0, signal: null })
  })
})

describe('process.exit', () => {
  const ways = [
    'endless loop',
    'uninterruptible builtin',
    'memory death',
    'build',
    'build of a moment ago',
    'binding',
    'sync binding',
    'guest that waits for the host',
    'binding while another guest runs',
    'many prewarmed',
    'prewarm of a thousand',
    'prewarm not awaited',
    'creation not awaited',
    'disposal not awaited',
    'console of the exit handler',
  ]
  test.concurrent.each(ways)('%s', TIMEOUT, async (way) => {
    const ended = await end(way)
    expect(ended, ended.stderr).toMatchObject({ code: 7, signal: null, helpersLeft: 0 })
  })

  test('at any moment, with all kinds of things under way', { timeout: 120_000 }, async () => {
    const rounds = Array.from({ length: 50 }, (_, round) => (round * 7) % 140)
    const ends: Awaited<ReturnType<typeof end>>[] = []
    const work = async () => {
      for (let delay = rounds.pop(); delay !== undefined; delay = rounds.pop()) ends.push(await end('race', {}, String(delay)))
    }
    await Promise.all([work(), work()])
    expect(ends.filter(({ code, signal }) => code !== 7 || signal !== null)).toEqual([])
    expect(ends.reduce((sum, ended) => sum + ended.helpersLeft, 0), 'helper processes left').toBe(0)
  })
})

describe('while a guest runs', () => {
  test.concurrent('an uncaught exception of the host ends it as ever', TIMEOUT, async () => {
    const ended = await end('uncaught exception')
    expect(ended).toMatchObject({ code: 1, signal: null })
    expect(ended.stderr).toContain('Error: of the host')
  })

  test.concurrent('a rejection that the host does not handle ends it as ever', TIMEOUT, async () => {
    const ended = await end('unhandled rejection')
    expect(ended).toMatchObject({ code: 1, signal: null })
    expect(ended.stderr).toContain('GuestError: of the guest')
  })

  test.concurrent('SIGTERM ends it', TIMEOUT, async () => {
    expect(await end('sigterm')).toMatchObject({ code: null, signal: 'SIGTERM' })
  })
})
