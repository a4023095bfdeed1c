// What a store that fails for a while leaves: nothing that was told to have failed may come back, and no isolate may stay.
import { openStore } from 'isoseed'
import type { OpenSessionOptions, Session, Store } from 'isoseed'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isolateThreads } from '../support/isolate-threads.js'
import { codeOf, rejection } from '../support/rejection.js'
import { instead, newId, open } from './opened.js'

let shared: Store
let failing: Store
let fails: 'no' | 'before' | 'after' = 'no'
beforeAll(async () => {
  shared = await openStore('memory:')
  failing = instead(shared, {
    write: async (...args) => {
      if (fails === 'before') throw new Error('no disk')
      const answer = await shared.write(...args)
      if (fails === 'after') throw new Error('no answer')
      return answer
    },
  })
})
afterAll(() => shared.close())
beforeEach(() => {
  fails = 'no'
})

const begin = async (options: Partial<OpenSessionOptions> = {}): Promise<Session> => {
  const session = await open(newId(), { store: failing, ...options })
  await session.eval('state.n = 1')
  return session
}
const reopened = async ({ id }: Session): Promise<unknown> => (await open(id, { store: shared })).eval('state.n')

async function stateOf(n: number): Promise<Uint8Array> {
  const session = await open(newId())
  await session.eval(`state.n = ${n}`)
  return (await session.exportState())!
}

describe('a rejection with ERR_STORE', () => {
  const ways: [string, (session: Session) => Promise<unknown>][] = [
    ['of a step', (session) => session.eval('state.n = 2')],
    ['of an import', async (session) => session.importState(await stateOf(2))],
    ['of a restore', (session) => session.restore(1)],
  ]

  test.each(ways)('%s is not saved by closing', async (_, change) => {
    const session = await begin()
    await session.eval('state.n = 3')
    const before = await session.info()
    fails = 'before'
    expect(await codeOf(change(session))).toBe('ERR_STORE')
    expect(await session.info()).toEqual(before)
    fails = 'no'
    await session.close()
    expect(await reopened(session)).toBe(3)
  })

  test.each(ways)('%s leaves what the store has, and the session goes on from that', async (_, change) => {
    const session = await begin()
    await session.eval('state.n = 3')
    fails = 'before'
    expect(await codeOf(change(session))).toBe('ERR_STORE')
    expect(await codeOf(change(session))).toBe('ERR_STORE')
    fails = 'no'
    expect(await session.eval('state.n')).toBe(3)
    fails = 'after'
    expect(await codeOf(session.eval('state.n = 4'))).toBe('ERR_STORE')
    fails = 'no'
    expect(await session.eval('state.n += 1')).toBe(5)
    await session.close()
    expect(await reopened(session)).toBe(5)
  })

  test('of the first step leaves a session without a state', async () => {
    const session = await open(newId(), { store: failing })
    fails = 'before'
    expect(await codeOf(session.eval('state.n = 1'))).toBe('ERR_STORE')
    fails = 'no'
    await session.close()
    expect((await open(session.id, { store: shared })).resumed).toBe(false)
  })

  test('of an import is gone when the next import succeeds', async () => {
    const session = await begin()
    fails = 'before'
    expect(await codeOf(session.importState(await stateOf(2)))).toBe('ERR_STORE')
    fails = 'no'
    await session.importState(await stateOf(4))
    expect(await session.eval('state.n')).toBe(4)
    expect(await session.info()).toMatchObject({ revision: 2, unsaved: false })
  })

  test('of save() is tried again by closing: no step was told to have failed', async () => {
    const session = await begin({ save: { everyCalls: 100 } })
    fails = 'before'
    expect(await codeOf(session.save())).toBe('ERR_STORE')
    expect((await session.info()).unsaved).toBe(true)
    fails = 'no'
    await session.close()
    expect(await reopened(session)).toBe(1)
  })
})

describe.runIf(process.platform === 'linux')('isolates of failures end', () => {
  const cycles: [string, (session: Session, bytes: Uint8Array) => Promise<unknown>][] = [
    ['imports that are not saved', (session, bytes) => session.importState(bytes)],
    ['restores that are not saved', (session) => session.restore(1)],
    ['steps that are not saved', (session) => session.eval('state.n += 1')],
    ['imports that are refused', (session, bytes) => session.importState(bytes.subarray(1))],
    ['imports that another state follows', async (session, bytes) => {
      await session.importState(bytes).catch(() => undefined)
      fails = 'no'
      await session.eval('state.n += 1')
    }],
  ]

  test.each(cycles)('%s', async (_, fail) => {
    const session = await begin()
    await session.eval('state.n = 3')
    const bytes = await stateOf(2)
    const before = isolateThreads()
    for (let cycle = 0; cycle < 10; cycle++) {
      fails = 'before'
      await fail(session, bytes).catch(() => undefined)
    }
    // The session's own may have gone, too; and a thread ends a moment after its isolate.
    await expect.poll(isolateThreads).toBeLessThanOrEqual(before)
  })

  test('migrations that are not saved', async () => {
    const session = await begin()
    await session.close()
    const before = isolateThreads()
    fails = 'before'
    for (let cycle = 0; cycle < 10; cycle++) {
      expect(await codeOf(open(session.id, { store: failing, schema: { version: 1, migrate: (state: object) => ({ ...state, b: 1 }) } }))).toBe('ERR_STORE')
    }
    await expect.poll(isolateThreads).toBeLessThanOrEqual(before)
  })
})

describe('an error that onThrow: keep could not keep the state after', () => {
  test("has the guest's error for its cause", async () => {
    const session = await open(newId(), { onThrow: 'keep' })
    const error = await rejection(session.eval('state.f = () => 1; throw new TypeError("x")'))
    expect(error).toMatchObject({ code: 'ERR_STATE_VALUE', details: { path: 'state.f' }, cause: { code: 'ERR_GUEST', name: 'TypeError', message: 'x' } })
  })

  test("has the store's error for its cause, if that failed", async () => {
    const session = await begin({ onThrow: 'keep' })
    fails = 'before'
    expect(await rejection(session.eval('state.n = 2; throw new TypeError("x")'))).toMatchObject({ code: 'ERR_STORE', cause: { message: 'no disk' } })
  })
})
