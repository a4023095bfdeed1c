// A contender's process as the bench sees it: whatever it does, there is an answer.
import { describe, expect, test } from 'vitest'
import { ContenderProcess, Skipped } from '../../bench/processes.js'

const REQUEST = { task: 'jit' } as const
const READY = `console.log(JSON.stringify({ kind: 'ready', version: '1' }))`
const start = (program: string): Promise<ContenderProcess> => ContenderProcess.start(process.execPath, ['-e', program])

describe('a process of a contender', () => {
  test('that is ready does turns until it is ended', async () => {
    const one = await start(`${READY}; process.stdin.on('data', () => console.log(JSON.stringify({ kind: 'turn', turn: { samples: [7] } })))`)
    expect(one.version).toBe('1')
    expect(await one.turn(REQUEST)).toEqual({ samples: [7] })
    expect(await one.turn(REQUEST)).toEqual({ samples: [7] })
    await one.end()
  })

  test.each([
    ['ends before it is ready', `console.error('no such library'); process.exit(3)`, /exit code 3: no such library/],
    ['says that it failed', `console.log(JSON.stringify({ kind: 'failed', reason: 'wrong version' }))`, /wrong version/],
    ['writes something else', `console.log('hello')`, /no reply: hello/],
  ])('that %s is a failure with that reason', async (_, program, reason) => {
    await expect(start(program)).rejects.toThrow(reason)
  })

  test('that is not installed is skipped', async () => {
    await expect(start(`console.log(JSON.stringify({ kind: 'missing', reason: 'not here' }))`)).rejects.toBeInstanceOf(Skipped)
  })

  test('that can not be started is a failure', async () => {
    await expect(ContenderProcess.start('./no-such-program', [])).rejects.toThrow(/could not be started/)
  })

  test('that ends in a turn fails that turn, and ending it again is harmless', async () => {
    const one = await start(`${READY}; process.stdin.on('data', () => process.exit(9))`)
    await expect(one.turn(REQUEST)).rejects.toThrow(/exit code 9/)
    await one.end()
    await one.end()
  })
})
