import { buildSnapshot, openSession, openStore } from 'isoseed'
import type { OpenSessionOptions, Session, Snapshot, StateLimits, Store } from 'isoseed'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, rejection } from '../support/rejection.js'

/** What each limit is about: code that makes too much of it, and a limit that a state without it does not pass. */
const LIMITS: readonly [keyof StateLimits, string, number][] = [
  // It can't be compressed away: what counts is the state itself.
  ['payloadBytes', 'state.much = "x".repeat(200_000); 0', 100_000],
  ['stateBytes', 'state.much = new Uint8Array(200_000); 0', 100_000],
  ['variables', 'for (let i = 0; i < 20; i++) globalThis["more" + i] = i; 0', 10],
  ['nodes', 'state.much = Array.from({ length: 200 }, () => ({})); 0', 100],
  ['depth', 'let last = state; for (let i = 0; i < 50; i++) last = last.deep = {}; 0', 20],
]

const KEY = new Uint8Array(32).fill(7)
const WAYS: readonly [string, Partial<OpenSessionOptions>][] = [
  ['plain', { compression: 'none' }],
  ['compressed and encrypted', { encryptionKey: KEY }],
]
const CASES = WAYS.flatMap(([way, options]) => LIMITS.map((limit) => [limit[0], way, ...limit.slice(1), options] as [keyof StateLimits, string, string, number, Partial<OpenSessionOptions>]))

let snapshot: Snapshot
let store: Store
beforeAll(async () => {
  snapshot = await buildSnapshot({ bundle: 'globalThis.state = { n: 1 }' })
  store = await openStore('memory:')
})
afterAll(() => store.close())

const opened: Session[] = []
afterEach(() => Promise.all(opened.splice(0).map((session) => session.close().catch(() => undefined))))

let ids = 0
const newId = (): string => `limits-${(ids += 1)}`

async function open(id: string, options: Partial<OpenSessionOptions>): Promise<Session> {
  const session = await openSession(id, { store, snapshot, keepGlobals: true, timeoutMs: 10_000, ...options })
  opened.push(session)
  return session
}

/** That it is over this limit, by how much, and where the limit is. */
function over(name: keyof StateLimits, max: number): unknown {
  return { code: 'ERR_STATE_LIMIT', details: { name, actual: expect.toSatisfy((actual: number) => actual > max), max } }
}

describe.each(CASES)('%s, %s', (name, _, much, max, options) => {
  const within = { ...options, limits: { [name]: max } }

  test('a step that passes it is undone, and nothing is written', async () => {
    const session = await open(newId(), within)
    await session.eval('state.n = 2; 0')
    const before = await session.info()
    expect(await rejection(session.eval(`state.n = 3; ${much}`))).toMatchObject(over(name, max) as object)
    expect(await session.eval('[state.n, typeof state.much, typeof more1]')).toEqual([2, 'undefined', 'undefined'])
    expect(await session.info()).toEqual(before)
  })

  test('an import that passes it changes nothing', async () => {
    const larger = await open(newId(), options)
    await larger.eval(much)
    const bytes = (await larger.exportState()) as Uint8Array
    const session = await open(newId(), within)
    await session.eval('state.n = 2; 0')
    const before = await session.info()
    expect(await rejection(session.importState(bytes))).toMatchObject(over(name, max) as object)
    expect(await session.eval('[state.n, typeof state.much, typeof more1]')).toEqual([2, 'undefined', 'undefined'])
    expect(await session.info()).toEqual(before)
  })

  test('a revision that passes it is not restored', async () => {
    const id = newId()
    const larger = await open(id, options)
    await larger.eval(much)
    await larger.eval('for (const key of Object.keys(globalThis)) if (key.startsWith("more")) delete globalThis[key]; state = { n: 2 }; 0')
    await larger.close()
    const session = await open(id, within)
    const before = await session.info()
    expect(await rejection(session.restore(1))).toMatchObject(over(name, max) as object)
    expect(await session.eval('[state.n, typeof state.much, typeof more1]')).toEqual([2, 'undefined', 'undefined'])
    expect(await session.info()).toEqual(before)
  })

  test('a state that passes it is not opened, and stays', async () => {
    const id = newId()
    const larger = await open(id, options)
    await larger.eval(`${much}; state.n = 9; 0`)
    await larger.close()
    expect(await rejection(openSession(id, { store, snapshot, keepGlobals: true, ...within }))).toMatchObject(over(name, max) as object)
    expect(await (await open(id, options)).eval('state.n')).toBe(9)
  })
})

describe.each(WAYS)('a migration, %s', (_, options) => {
  test.each(LIMITS.filter(([name]) => name !== 'variables'))('that passes %s is not saved, and what was there stays', async (name, much, max) => {
    const id = newId()
    const first = await open(id, options)
    await first.eval('state.n = 5; 0')
    await first.close()
    const make = new Function('state', `${much}; return state`) as (state: unknown) => unknown
    const migrated = openSession(id, { store, snapshot, ...options, limits: { [name]: max }, schema: { version: 1, migrate: make } })
    expect(await rejection(migrated)).toMatchObject(over(name, max) as object)
    const again = await open(id, options)
    expect(await again.eval('[state.n, typeof state.much]')).toEqual([5, 'undefined'])
    expect((await again.info()).revision).toBe(1)
  })
})

test('bytes that are too many are refused before they are looked at', async () => {
  const session = await open(newId(), { limits: { payloadBytes: 100_000 } })
  expect(await codeOf(session.importState(new Uint8Array(100_000)))).toBe('ERR_STATE_CORRUPT')
  expect(await rejection(session.importState(new Uint8Array(100_001)))).toMatchObject({
    code: 'ERR_STATE_LIMIT',
    details: { name: 'payloadBytes', actual: 100_001, max: 100_000 },
  })
})

test('a store that names more chunks than there can be is not asked for them', async () => {
  const id = newId()
  const first = await open(id, {})
  await first.eval('state.n = 2; 0')
  await first.close()
  const asked: number[] = []
  const padded: Store = new Proxy(store, {
    get: (target, name) => {
      if (name === 'read') {
        return async (session: string, revision?: number) => {
          const answer = await target.read(session, revision)
          const chunks = answer.revision?.chunks ?? []
          return { ...answer, revision: answer.revision && { ...answer.revision, chunks: Array.from({ length: 100_000 }, () => chunks[0] ?? '') } }
        }
      }
      if (name === 'chunks') {
        return (session: string, keys: readonly string[]) => {
          asked.push(keys.length)
          return target.chunks(session, keys)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  expect(await codeOf(openSession(id, { store: padded, snapshot }))).toBe('ERR_SESSION_DAMAGED')
  expect(asked).toEqual([])
})

test('a state that takes more memory to be read than there is stays, and a larger memoryLimitMb opens it', async () => {
  const id = newId()
  const larger = await open(id, { memoryLimitMb: 64 })
  await larger.eval('state.much = Array.from({ length: 300_000 }, (_, i) => ({ i, name: "n" + i })); 0')
  await larger.close()
  const error = await rejection(openSession(id, { store, snapshot, memoryLimitMb: 16 }))
  expect(error).toMatchObject({ code: 'ERR_MEMORY_LIMIT', message: expect.stringMatching(/is intact.*larger memoryLimitMb/), cause: { code: 'ERR_MEMORY_LIMIT' } })
  const again = await open(id, { memoryLimitMb: 64 })
  expect(await again.eval('state.much.length')).toBe(300_000)
  expect((await again.info()).revision).toBe(1)
})
