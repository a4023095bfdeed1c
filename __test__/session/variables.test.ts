// A session whose options name other variables than its state has must not lose any.
import { sessions } from 'isoseed'
import type { Session } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { all } from '../support/all.js'
import { rejection } from '../support/rejection.js'
import { leave, newId, open, ownStore } from './opened.js'

const refused = (...parts: string[]): object => ({ code: 'ERR_SESSION_SCHEMA', message: expect.stringMatching(new RegExp(parts.join('.*'))) })

/** All that there is of a session in the store. */
const stored = async (id: string): Promise<unknown> => (await sessions.exportState(ownStore(), id))!.hash

describe('a state under another name', () => {
  test.each([{}, { keepGlobals: true }])('is not opened, and stays: %o', async (options) => {
    const id = newId()
    await leave(id, 'state.y = 2')
    const before = await stored(id)
    expect(await rejection(open(id, { state: 'memory', ...options }))).toMatchObject(refused('memory', 'no such variable', 'state'))
    expect(await stored(id)).toBe(before)
    expect(await (await open(id)).eval('state.y')).toBe(2)
  })

  test('is not imported, and what was there stays', async () => {
    const from = await open(newId())
    await from.eval('state.y = 2')
    const bytes = (await from.exportState())!
    const id = newId()
    const to = await open(id, { state: 'db' })
    await to.eval('db.own = 1')
    expect(await rejection(to.importState(bytes))).toMatchObject(refused('db', 'no such variable', 'state'))
    expect(await to.eval('[db.own, typeof state]')).toEqual([1, 'undefined'])
    await to.close()
    expect(await (await open(id, { state: 'db' })).eval('db.own')).toBe(1)
  })

  test('is not restored', async () => {
    const id = newId()
    await leave(id, 'state.y = 2')
    const other = await open(newId(), { state: 'db' })
    await other.eval('db.z = 3')
    const bytes = (await other.exportState())!
    await other.close()
    await sessions.importState(ownStore(), id, bytes)
    const session = await open(id, { state: 'db' })
    expect(await rejection(session.restore(1))).toMatchObject(refused('db', 'no such variable', 'state'))
    expect(await session.eval('db.z')).toBe(3)
    expect(await all(session.history())).toHaveLength(2)
  })

  test('many names are not all told', async () => {
    const id = newId()
    await leave(id, 'for (let i = 0; i < 30; i++) globalThis["v" + i] = i', { keepGlobals: true })
    expect(await rejection(open(id, { state: 'memory', keepGlobals: true }))).toMatchObject(refused('state, v0, v1', 'v8 and 21 more'))
  })
})

describe('other globals', () => {
  const lost = refused('state alone', 'keepGlobals', 'x, y')
  const hasAll = async (session: Session): Promise<void> => expect(await session.eval('[state.n, x, y]')).toEqual([1, 2, 3])

  test('are not opened without keepGlobals, and stay', async () => {
    const id = newId()
    await leave(id, 'state.n = 1; x = 2; y = 3', { keepGlobals: true })
    expect(await rejection(open(id))).toMatchObject(lost)
    await hasAll(await open(id, { keepGlobals: true }))
  })

  test('are not imported or restored without keepGlobals', async () => {
    const from = await open(newId(), { keepGlobals: true })
    await from.eval('state.n = 1; x = 2; y = 3')
    const bytes = (await from.exportState())!
    const id = newId()
    await sessions.importState(ownStore(), id, bytes)
    const to = await open(id, { keepGlobals: true })
    await hasAll(to)
    await to.eval('delete globalThis.x; delete globalThis.y')
    await to.close()
    const session = await open(id)
    expect(await rejection(session.importState(bytes))).toMatchObject(lost)
    expect(await rejection(session.restore(1))).toMatchObject(lost)
    expect(await session.eval('[state.n, typeof x]')).toEqual([1, 'undefined'])
    expect((await session.info()).revision).toBe(2)
  })
})

test('a step that deletes the state is undone: nothing could tell it from one of another name', async () => {
  const session = await open(newId(), { keepGlobals: true })
  await session.eval('state.n = 1')
  expect(await rejection(session.eval('x = 1; delete globalThis.state'))).toMatchObject({ code: 'ERR_STATE_VALUE', details: { path: 'state' } })
  expect(await session.eval('[state.n, typeof x]')).toEqual([1, 'undefined'])
})
