// An older state is brought up to date whole, or stays as it was.
import { buildSnapshot, sessions } from 'isoseed'
import type { OpenSessionOptions, Snapshot } from 'isoseed'
import { beforeAll, describe, expect, test } from 'vitest'
import { all } from '../support/all.js'
import { codeOf, rejection } from '../support/rejection.js'
import { leave, newId, open, ownStore } from './opened.js'

let snapshot: Snapshot
beforeAll(async () => {
  snapshot = await buildSnapshot({
    bundle: `
      class Account { #cents = 5; get cents() { return this.#cents } }
      globalThis.app = {
        factor: 2,
        add(state, from) { state.from = from; state.factor = this.factor },
        replace: async (state) => ({ was: state }),
        refuse() { throw new RangeError('not this one') },
        remove() { delete globalThis.state },
      }
      globalThis.Account = Account
      globalThis.notes = { text: 'no function' }
      const lexical = (state) => { state.lexical = true }`,
  })
})

const at = (version: number, migrate?: NonNullable<OpenSessionOptions['schema']>['migrate']): Partial<OpenSessionOptions> => ({
  snapshot,
  schema: { version, ...(migrate === undefined ? {} : { migrate }) },
})

/** What opening fails with; what was there is untouched. */
async function refusal(id: string, options: Partial<OpenSessionOptions>): Promise<unknown> {
  const before = await sessions.inspect(ownStore(), id)
  const error = await rejection(open(id, options))
  expect(await sessions.inspect(ownStore(), id)).toEqual(before)
  return error
}

describe('a function of the guest', () => {
  test('has the state itself: nothing of it is lost', async () => {
    const id = newId()
    await leave(
      id,
      `state.account = new Account(); state.frozen = Object.freeze({ a: 1 }); state.bare = Object.create(null); state[Symbol.for('key')] = 1
       Object.defineProperty(state, 'hidden', { value: 2, writable: true, configurable: true }); state.when = Object.assign(new Date(5), { own: 1 })
       state.pattern = /a/g; state.pattern.lastIndex = 3; state.self = state`,
      { snapshot },
    )
    const session = await open(id, at(2, 'app.add'))
    expect(
      await session.eval(`[state.account instanceof Account && state.account.cents, Object.isFrozen(state.frozen), Object.getPrototypeOf(state.bare),
        state[Symbol.for('key')], state.hidden, Object.keys(state).includes('hidden'), state.when.own, state.pattern.lastIndex, state.self === state]`),
    ).toEqual([5, true, null, 1, 2, false, 1, 3, true])
    expect(await session.eval('[state.from, state.factor]')).toEqual([{ version: 0, snapshotKey: snapshot.key }, 2])
    expect((await all(session.history())).map((revision) => revision.schema)).toEqual([2, 0])
  })

  test('what it returns, or its promise comes to, is the new state', async () => {
    const id = newId()
    await leave(id, 'state.account = new Account()', { snapshot })
    expect(await (await open(id, at(1, 'app.replace'))).eval('[Object.keys(state), state.was.account.cents]')).toEqual([['was'], 5])
  })

  test('may be one of the top level', async () => {
    const id = newId()
    await leave(id, 'state.n = 1', { snapshot })
    expect(await (await open(id, at(1, 'lexical'))).eval('state')).toEqual({ n: 1, lexical: true })
  })

  test("is the snapshot's, whatever takes its place in the state", async () => {
    const id = newId()
    await leave(id, 'state.n = 1; globalThis.app = { add: 5 }; globalThis.Reflect = 6; globalThis.globalThis = 7', { snapshot, keepGlobals: true })
    const session = await open(id, { ...at(1, 'app.add'), keepGlobals: true })
    expect(await session.eval('[state.n, state.factor, app, Reflect]')).toEqual([1, 2, { add: 5 }, 6])
  })

  test.each<[string, string, object]>([
    ['throws', 'app.refuse', { cause: { code: 'ERR_GUEST', message: 'not this one' } }],
    ['is not there', 'app.missing', { message: expect.stringContaining('app.missing is no function') }],
    ['is no function', 'notes.text', { message: expect.stringContaining('notes.text is no function') }],
    ['has no holder', 'nowhere.at.all', { message: expect.stringContaining('nowhere') }],
  ])('that %s changes nothing', async (_, path, expected) => {
    const id = newId()
    await leave(id, 'state.n = 1', { snapshot })
    expect(await refusal(id, at(1, path))).toMatchObject({ code: 'ERR_SESSION_SCHEMA', ...expected })
  })

  test('that deletes the state changes nothing', async () => {
    const id = newId()
    await leave(id, 'state.n = 1', { snapshot })
    expect(await refusal(id, at(1, 'app.remove'))).toMatchObject({ code: 'ERR_STATE_VALUE' })
  })

  test.each(['', 'a..b', 'a b', 'a;b', '1a', 'f()'])('with the path %o is refused at once', async (path) => {
    await expect(open(newId(), at(1, path))).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining('schema.migrate') })
  })
})

describe('a function of the host', () => {
  test.each<[string, string]>([
    ['an instance of a class', 'state.a = new Account()'],
    ['a symbol for a key', "state[Symbol.for('key')] = 1"],
    ['a symbol', "state.a = Symbol.for('key')"],
    ['a property that is not enumerable', "Object.defineProperty(state, 'hidden', { value: 2 })"],
    ['what is frozen', 'state.a = Object.freeze({})'],
    ['no prototype', 'state.a = Object.create(null)'],
    ['lastIndex', 'state.a = /a/g; state.a.lastIndex = 1'],
    ['an own property of an error', "state.a = Object.assign(new Error('x'), { own: 1 })"],
    ['an own property of a date', 'state.a = Object.assign(new Date(5), { own: 1 })'],
  ])('is not given a clone that lost %s', async (_, code) => {
    const id = newId()
    await leave(id, code, { snapshot })
    const expected = { code: 'ERR_SESSION_SCHEMA', message: expect.stringContaining('function of the guest') }
    let calls = 0
    expect(await refusal(id, at(1, (state: unknown) => [state, (calls += 1)]))).toMatchObject(expected)
    expect(calls).toBe(0)
    expect(await codeOf(open(id, at(1, 'app.add')))).toBeUndefined()
  })

  test('is not given a clone that no longer shares with another global', async () => {
    const id = newId()
    await leave(id, 'shared = {}; state.a = shared', { snapshot, keepGlobals: true })
    expect(await refusal(id, { ...at(1, (state: unknown) => state), keepGlobals: true })).toMatchObject({ code: 'ERR_SESSION_SCHEMA' })
  })

  test('is given what a clone keeps, with functions of the snapshot, and may change it in place', async () => {
    const id = newId()
    await leave(id, 'state.a = [, 1n, new Map([[state, -0]])]; state.f = app.add; state.self = state', { snapshot })
    const session = await open(
      id,
      at(1, (state: Record<string, unknown>) => {
        state['b'] = 1
      }),
    )
    expect(await session.eval('[0 in state.a, state.a[1], Object.is(state.a[2].get(state), -0), state.f === app.add, state.self === state, state.b]')).toEqual([false, 1n, true, true, true, 1])
  })
})

test.each<[string, OpenSessionOptions['schema']]>([
  ['the host', { version: 1, migrate: (state: object) => ({ ...state, b: 1 }) }],
  ['the guest', { version: 1, migrate: 'app.replace' }],
])('a state that is read-only is not replaced by %s, and that is no success', async (_, schema) => {
  const id = newId()
  await leave(id, "Object.defineProperty(globalThis, 'state', { value: { a: 1 }, writable: false, configurable: false })", { snapshot })
  expect(await refusal(id, { snapshot, schema })).toMatchObject({ code: 'ERR_SESSION_SCHEMA', message: expect.stringContaining('read only') })
  // In place it can be changed.
  expect(await (await open(id, at(1, 'app.add'))).eval('[state.a, state.factor]')).toEqual([1, 2])
})

describe('bytes of another version', () => {
  const versions = async (): Promise<Uint8Array> => {
    const from = await open(newId(), at(1))
    await from.eval('state.n = 1')
    return (await from.exportState())!
  }

  test('are brought up to date when they are imported', async () => {
    const session = await open(newId(), at(2, 'app.add'))
    await session.importState(await versions(), { schema: 1 })
    expect(await session.eval('[state.n, state.from]')).toEqual([1, { version: 1, snapshotKey: '' }])
    expect((await all(session.history()))[0]).toMatchObject({ schema: 2 })
  })

  test("are of the session's version unless it is told otherwise", async () => {
    const session = await open(newId(), at(2, 'app.add'))
    await session.importState(await versions())
    expect(await session.eval('state')).toEqual({ n: 1 })
  })

  test.each<[string, Partial<OpenSessionOptions>, number]>([
    ['newer', { schema: { version: 2 } }, 3],
    ['older, without a migration', { schema: { version: 2 } }, 1],
  ])('that are %s change nothing', async (_, options, schema) => {
    const session = await open(newId(), options)
    await session.eval('state.own = 1')
    expect(await codeOf(session.importState(await versions(), { schema }))).toBe('ERR_SESSION_SCHEMA')
    expect(await session.eval('state')).toEqual({ own: 1 })
    expect((await session.info()).revision).toBe(1)
  })

  test.each([{ schema: -1 }, { schema: '1' }, { version: 1 }])('%o is refused at once', async (options) => {
    const session = await open(newId())
    expect(() => session.importState(new Uint8Array(), options as object)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
  })
})
