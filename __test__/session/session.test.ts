import { executionAsyncResource } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSnapshot, openSession, openStore, sessions } from 'isoseed'
import type { IsoseedError, OpenSessionOptions, Session, Snapshot, Store } from 'isoseed'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { all } from '../support/all.js'
import { codeOf, deferred, rejection } from '../support/rejection.js'

const folder = mkdtempSync(join(tmpdir(), 'isoseed-test-'))
const store = `sqlite:${join(folder, 'sessions.db')}`
afterAll(() => rmSync(folder, { recursive: true }))

let snapshot: Snapshot
beforeAll(async () => {
  snapshot = await buildSnapshot({
    bundle: 'class Point { constructor(x) { this.x = x } double() { return 2 * this.x } }; globalThis.Point = Point; globalThis.add = (n) => (state.n = (state.n ?? 0) + n)',
  })
})

const opened: Session[] = []
afterEach(() => Promise.all(opened.splice(0).map((session) => session.close().catch(() => undefined))))

let ids = 0
const newId = (): string => `session-${(ids += 1)}`

async function open(id: string, options: Partial<OpenSessionOptions> = {}): Promise<Session> {
  const session = await openSession(id, { store, snapshot, timeoutMs: 5000, ...options })
  opened.push(session)
  return session
}

/** A store with other methods. */
function instead(original: Store, methods: Partial<Store>): Store {
  return new Proxy(original, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('the state', () => {
  test('is there after the session was closed, with identity and classes of the snapshot', async () => {
    const id = newId()
    const first = await open(id)
    expect(first).toMatchObject({ id, resumed: false })
    expect(await first.eval('typeof state')).toBe('object')
    await first.eval('state.point = new Point(21); state.self = state; state.when = new Date(5); state.map = new Map([[state.point, 1n]]); 0')
    await first.close()
    const second = await open(id)
    expect(second.resumed).toBe(true)
    expect(await second.eval('[state.self === state, state.point.double(), state.map.get(state.point), state.when.getTime()]')).toEqual([true, 42, 1n, 5])
  })

  test('calls, api and import are steps, one after the other', async () => {
    const session = await open(newId(), { modules: { 'more.js': 'state.n += 100; export const n = state.n' } })
    const results = await Promise.all([session.call('add', [1]), session.api.add!(2), session.eval('add(3)'), session.import('more.js')])
    expect(results).toEqual([1, 3, 6, { n: 106 }])
    expect(await session.info()).toMatchObject({ revision: 4, unsaved: false })
  })

  test('a step that changes nothing writes nothing', async () => {
    const session = await open(newId())
    await session.eval('state.a = 1')
    const before = await session.info()
    await session.eval('state.a')
    await session.eval('state.b = 1; delete state.b; 0')
    expect(await session.info()).toEqual(before)
    expect(await session.save()).toEqual({ revision: before.revision, bytes: before.bytes, hash: before.hash })
  })

  test('has another name, and keeps other globals, if it is told to; what can not be kept is told', async () => {
    const id = newId()
    const options = { state: 'memory', keepGlobals: true } as const
    const first = await open(id, options)
    await first.eval('memory.a = 1; x = 2; var y = [3]; function four() { return 4 }; globalThis.closure = () => 5; const six = 6; 0')
    expect(await first.eval('six')).toBe(6)
    expect((await first.info()).unkept).toEqual([{ name: 'closure', path: 'closure', why: expect.any(String) }])
    await first.close()
    const second = await open(id, options)
    expect(await second.eval('[memory.a, x, y[0], four(), typeof closure, typeof six]')).toEqual([1, 2, 3, 4, 'undefined', 'undefined'])
  })
})

describe('a step that fails', () => {
  test.each<[string, string, Partial<OpenSessionOptions>, string]>([
    ['by throwing', 'state.n = 100; throw new Error("no")', {}, 'ERR_GUEST'],
    ['by its time limit', 'state.n = 100; for (;;);', { timeoutMs: 300 }, 'ERR_TIMEOUT'],
    ['by the memory limit', 'state.n = 100; const all = []; for (;;) all.push(new Array(1000).fill(1))', { memoryLimitMb: 32 }, 'ERR_MEMORY_LIMIT'],
    ['by what can not be kept', 'state.n = 100; state.f = () => 1; 0', {}, 'ERR_STATE_VALUE'],
    ['by what is too large', 'state.n = 100; state.text = "x".repeat(3000); 0', { limits: { stateBytes: 2000 } }, 'ERR_STATE_LIMIT'],
    ['by what can not cross', 'state.n = 100; Symbol()', {}, 'ERR_DATA_CLONE'],
  ])('%s leaves the step before, here and in the store', async (_, code, options, expected) => {
    const id = newId()
    const session = await open(id, options)
    await session.call('add', [5])
    expect(await codeOf(session.eval(code))).toBe(expected)
    expect(await session.eval('[state.n, typeof state.f, typeof state.text]')).toEqual([5, 'undefined', 'undefined'])
    expect((await session.info()).revision).toBe(1)
    await session.close()
    expect(await (await open(id, options)).eval('state.n')).toBe(5)
  })

  test('leaves no timer, promise or closure that could change the state later', async () => {
    const session = await open(newId())
    await session.eval('globalThis.late = state; 0')
    expect(await codeOf(session.eval('Promise.resolve().then(() => { state.late = 1 }); state.now = 1; throw 1'))).toBe('ERR_GUEST')
    expect(await session.eval('[Object.keys(state).length, typeof late]')).toEqual([0, 'undefined'])
  })

  test("stays with onThrow: 'keep', as far as the isolate does", async () => {
    const session = await open(newId(), { onThrow: 'keep', memoryLimitMb: 32 })
    expect(await codeOf(session.eval('state.n = 1; throw 1'))).toBe('ERR_GUEST')
    expect(await session.eval('state.n')).toBe(1)
    expect((await session.info()).revision).toBe(1)
    expect(await codeOf(session.eval('state.n = 2; const all = []; for (;;) all.push(new Array(1000).fill(1))'))).toBe('ERR_MEMORY_LIMIT')
    expect(await session.eval('state.n')).toBe(1)
    expect(await rejection(session.eval('state.f = () => 1; throw 1'))).toMatchObject({ code: 'ERR_STATE_VALUE', details: { path: 'state.f' } })
    expect(await session.eval('[state.n, typeof state.f]')).toEqual([1, 'undefined'])
  })

  test('by an abort is undone', async () => {
    const begun = deferred()
    const session = await open(newId(), { bindings: { begun: () => begun.resolve() } })
    const controller = new AbortController()
    const call = rejection(session.eval('state.n = 1; begun(); new Promise(() => {})', { signal: controller.signal }))
    await begun.promise
    controller.abort()
    expect(await call).toBe(controller.signal.reason)
    expect(await session.eval('state.n')).toBeUndefined()
  })
})

test('sessions that come and go add nothing to what Node hands on with each promise', async () => {
  // A storage of each session's own would be handed on for ever, by every promise of the process.
  const carried = (): Promise<number> => Promise.resolve().then(() => Object.getOwnPropertySymbols(executionAsyncResource()).length)
  const visit = async (): Promise<void> => {
    const session = await open(newId())
    await session.eval('state.n = 1')
    await session.close()
  }
  await visit()
  const before = await carried()
  for (let count = 0; count < 5; count++) await visit()
  expect(await carried()).toBe(before)
})

describe('a binding that calls its own session', () => {
  test.each([
    ['asynchronous', (fn: () => unknown) => fn],
    ['that blocks the guest', (fn: () => unknown) => ({ sync: true as const, fn })],
  ])('%s: that is part of the step', async (_, as) => {
    const holder: { session?: Session } = {}
    const session = await open(newId(), { bindings: { again: as(() => holder.session!.call('add', [10])) } })
    holder.session = session
    expect(await session.eval('(async () => { add(1); await again(); return add(1) })()')).toBe(12)
    expect((await session.info()).revision).toBe(1)
    expect(await codeOf(session.eval('(async () => { await again(); throw 1 })()'))).toBe('ERR_GUEST')
    expect(await session.eval('state.n')).toBe(12)
  })

  test('by way of another session: that is part of the step, too', async () => {
    const holder: { first?: Session; second?: Session } = {}
    const first = await open(newId(), { bindings: { ask: () => holder.second!.eval('(async () => { state.n = 1; return back() })()') } })
    const second = await open(newId(), { bindings: { back: () => holder.first!.call('add', [10]) } })
    Object.assign(holder, { first, second })
    expect(await first.eval('(async () => { add(1); await ask(); return add(1) })()')).toBe(12)
    expect([(await first.info()).revision, (await second.info()).revision]).toEqual([1, 1])
  })

  test('saving, restoring and importing would wait for themselves, and are refused', async () => {
    const holder: { session?: Session } = {}
    const session = await open(newId(), { bindings: { save: () => holder.session!.save(), restore: () => holder.session!.restore(1) } })
    holder.session = session
    expect(await session.eval('Promise.all([save, restore].map((f) => f().catch(({ code }) => code)))')).toEqual(['ERR_NESTED_CALL', 'ERR_NESTED_CALL'])
  })
})

describe('saving', () => {
  test("'manual' saves when it is told to, and not at the end", async () => {
    const id = newId()
    const session = await open(id, { save: 'manual' })
    await session.eval('state.n = 1')
    expect(await session.info()).toMatchObject({ revision: 0, unsaved: true })
    expect((await session.save()).revision).toBe(1)
    await session.eval('state.n = 2')
    expect(await codeOf(session.eval('state.n = 3; throw 1'))).toBe('ERR_GUEST')
    expect(await session.eval('state.n')).toBe(2)
    await session.close()
    expect(await (await open(id)).eval('state.n')).toBe(1)
  })

  test('every so many calls, and at the end', async () => {
    const id = newId()
    const session = await open(id, { save: { everyCalls: 3 } })
    const revisions: number[] = []
    for (let call = 0; call < 7; call++) {
      await session.call('add', [1])
      revisions.push((await session.info()).revision)
    }
    expect(revisions).toEqual([0, 0, 1, 1, 1, 2, 2])
    await session.close()
    expect(await (await open(id)).eval('state.n')).toBe(7)
  })

  test('after a time', async () => {
    const session = await open(newId(), { save: { everyMs: 20 } })
    await session.call('add', [1])
    await expect.poll(async () => (await session.info()).unsaved).toBe(false)
    expect(await session.info()).toMatchObject({ revision: 1 })
  })
})

describe('history', () => {
  test('is listed, the newest first, and gone back to', async () => {
    const session = await open(newId())
    for (let n = 1; n <= 3; n++) await session.call('add', [n])
    expect((await all(session.history())).map(({ revision }) => revision)).toEqual([3, 2, 1])
    await session.restore(1)
    expect(await session.eval('state.n')).toBe(1)
    const [newest, , , first] = await all(session.history())
    expect(newest).toMatchObject({ revision: 4, hash: first!.hash })
    expect((await session.info()).hash).toBe(newest!.hash)
    await expect(session.restore(9)).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining('no revision 9') })
    expect(await session.eval('state.n')).toBe(1)
  })

  test('a state goes to another session, whole or not at all', async () => {
    const [from, to] = [await open(newId()), await open(newId())]
    expect(await to.exportState()).toBeNull()
    expect(await to.exportState({ mode: 'force' })).toBeInstanceOf(Uint8Array)
    await from.eval('state.point = new Point(4); 0')
    const bytes = (await from.exportState())!
    expect(await from.exportState({ mode: 'off' })).toBeNull()
    await to.eval('state.own = 1')
    await to.importState(bytes)
    expect(await to.eval('[state.point.double(), state.own]')).toEqual([8, undefined])
    expect((await to.info()).hash).toBe((await from.info()).hash)
    for (const damaged of [bytes.subarray(1), bytes.slice(0, -1), new Uint8Array()]) {
      expect(await codeOf(to.importState(damaged))).toBe('ERR_STATE_CORRUPT')
    }
    const bare = await open(newId(), { snapshot: await buildSnapshot({}) })
    expect(await rejection(bare.importState(bytes))).toMatchObject({ code: 'ERR_SESSION_CODE_CHANGED', details: { missing: [expect.stringContaining('Point')] } })
    expect(await bare.eval('Object.keys(state).length')).toBe(0)
    expect(await to.eval('state.point.double()')).toBe(8)
  })
})

describe('a schema', () => {
  test('an older state is brought up to date once, and what was there stays', async () => {
    const id = newId()
    await (await open(id)).eval('state.name = "Ada"').then(() => opened.pop()!.close())
    const asked: unknown[] = []
    const schema = {
      version: 2,
      migrate: async (state: { name: string }, from: unknown) => {
        asked.push(from)
        return { names: [state.name] }
      },
    }
    const session = await open(id, { schema })
    expect(await session.eval('state')).toEqual({ names: ['Ada'] })
    expect(asked).toEqual([{ version: 0, snapshotKey: snapshot.key }])
    expect((await all(session.history())).map((revision) => revision.schema)).toEqual([2, 0])
    await session.restore(1)
    expect(await session.eval('state')).toEqual({ names: ['Ada'] })
    await session.close()
    await (await open(id, { schema: { version: 2 } })).close()
    expect(await codeOf(openSession(id, { store, snapshot, schema: { version: 1, migrate: () => 1 } }))).toBe('ERR_SESSION_SCHEMA')
    expect(await codeOf(openSession(id, { store, snapshot, schema: { version: 3 } }))).toBe('ERR_SESSION_SCHEMA')
  })

  test('that throws changes nothing', async () => {
    const id = newId()
    await (await open(id)).eval('state.n = 1').then(() => opened.pop()!.close())
    const failure = new Error('mine')
    const error = await rejection(openSession(id, { store, snapshot, schema: { version: 1, migrate: () => Promise.reject(failure) } }))
    expect(error).toMatchObject({ code: 'ERR_SESSION_SCHEMA', cause: failure })
    const session = await open(id)
    expect(await session.eval('state.n')).toBe(1)
    expect(await all(session.history())).toHaveLength(1)
  })
})

describe('who has a session', () => {
  test('nobody else has it, until it is closed', async () => {
    const id = newId()
    const session = await open(id, { lease: { holder: 'the first' } })
    const error = (await rejection(openSession(id, { store }))) as IsoseedError
    expect(error).toMatchObject({ code: 'ERR_SESSION_LOCKED', lease: { holder: 'the first' } })
    await session.close()
    expect(await codeOf(session.eval('1'))).toBe('ERR_DISPOSED')
    await session.close()
    await (await open(id)).eval('1')
  })

  test('closing waits for the steps that were asked for', async () => {
    const id = newId()
    const session = await open(id)
    const steps = [session.call('add', [1]), session.call('add', [1])]
    const closed = session.close()
    const late = codeOf(session.call('add', [1]))
    expect(await Promise.all(steps)).toEqual([1, 2])
    expect(await late).toBe('ERR_DISPOSED')
    await closed
    expect(await (await open(id)).eval('state.n')).toBe(2)
  })

  test('who stood still too long hears of it, and writes nothing', async () => {
    const id = newId()
    const shared = await openStore(store)
    // A lease that nobody renews.
    const still = instead(shared, { renew: () => new Promise(() => {}) })
    const lost = deferred<Error>()
    const session = await open(id, { store: still, lease: { ttlMs: 100 }, onLost: lost.resolve })
    await session.eval('state.n = 1')
    const second = await expect.poll(() => openSession(id, { store: shared, snapshot }).catch(() => undefined)).toBeTruthy().then(() => sessions.inspect(shared, id))
    expect(second!.newest!.revision).toBe(1)
    expect(await codeOf(session.eval('state.n = 2'))).toBe('ERR_SESSION_LEASE_LOST')
    expect(await lost.promise).toMatchObject({ code: 'ERR_SESSION_LEASE_LOST' })
    expect(await codeOf(session.eval('1'))).toBe('ERR_SESSION_LEASE_LOST')
    await session.close()
    expect((await sessions.inspect(shared, id))!.newest!.revision).toBe(1)
    await shared.close()
  })
})

describe('a store that fails', () => {
  test('a save that failed undoes the step, unless the store has it', async () => {
    const shared = await openStore('memory:')
    let fails: 'no' | 'before' | 'after' = 'no'
    const failing = instead(shared, {
      write: async (...args) => {
        if (fails === 'before') throw new Error('no disk')
        const answer = await shared.write(...args)
        if (fails === 'after') throw new Error('no answer')
        return answer
      },
    })
    const session = await open(newId(), { store: failing })
    await session.eval('state.n = 1')
    fails = 'before'
    expect(await rejection(session.eval('state.n = 2'))).toMatchObject({ code: 'ERR_STORE', cause: { message: 'no disk' } })
    fails = 'no'
    expect(await session.eval('state.n')).toBe(1)
    fails = 'after'
    expect(await codeOf(session.eval('state.n = 3'))).toBe('ERR_STORE')
    fails = 'no'
    expect(await session.eval('state.n')).toBe(3)
    expect((await session.info()).revision).toBe(2)
    await session.close()
    await shared.close()
  })

  test('what it encrypts, only the key opens; keys can be changed', async () => {
    const id = newId()
    const [first, second] = [randomBytes(32), randomBytes(32)]
    await (await open(id, { encryptionKey: first })).eval('state.secret = "of the guest"').then(() => opened.pop()!.close())
    expect(await codeOf(openSession(id, { store, snapshot }))).toBe('ERR_SESSION_KEY')
    expect(await codeOf(openSession(id, { store, snapshot, encryptionKey: second }))).toBe('ERR_SESSION_KEY')
    const session = await open(id, { encryptionKey: [second, first] })
    expect(await session.eval('state.secret')).toBe('of the guest')
    await session.save()
    await session.close()
    expect(await (await open(id, { encryptionKey: second })).eval('state.secret')).toBe('of the guest')
  })
})

describe('the sessions of a store', () => {
  test('are listed, inspected, pruned and removed', async () => {
    const prefix = `many-${process.pid}-`
    for (let n = 0; n < 3; n++) {
      const session = await open(prefix + n)
      for (let step = 0; step < 4; step++) await session.call('add', [1])
      await session.close()
    }
    expect((await all(sessions.list(store, prefix))).map(({ id }) => id).toSorted()).toEqual([0, 1, 2].map((n) => prefix + n))
    expect(await sessions.inspect(store, `${prefix}0`)).toMatchObject({ id: `${prefix}0`, revisions: 4, newest: { revision: 4 } })
    expect(await sessions.inspect(store, 'not there')).toBeUndefined()
    expect(await sessions.prune(store, { keep: 1, prefix, dryRun: true })).toMatchObject({ sessions: 0, revisions: 9 })
    expect(await sessions.prune(store, { keep: 1, prefix })).toMatchObject({ sessions: 0, revisions: 9 })
    const held = await open(`${prefix}0`)
    expect(await held.eval('state.n')).toBe(4)
    expect(await codeOf(sessions.delete(store, `${prefix}0`))).toBe('ERR_SESSION_LOCKED')
    await held.close()
    await sessions.delete(store, `${prefix}0`)
    expect(await all(sessions.list(store, prefix))).toHaveLength(2)
  })
})

describe('wrong arguments throw at once', () => {
  test.each<[string, unknown, unknown]>([
    ['id', '', { store: 'memory:' }],
    ['id', 'a\nb', { store: 'memory:' }],
    ['id', 'x'.repeat(513), { store: 'memory:' }],
    ['id', 7, { store: 'memory:' }],
    ['options', 'a', undefined],
    ['store', 'a', {}],
    ['store', 'a', { store: {} }],
    ['"stroe"', 'a', { stroe: 'memory:' }],
    ['state', 'a', { store: 'memory:', state: 'a.b' }],
    ['state', 'a', { store: 'memory:', state: '' }],
    ['keepGlobals', 'a', { store: 'memory:', keepGlobals: 1 }],
    ['save', 'a', { store: 'memory:', save: 'often' }],
    ['save', 'a', { store: 'memory:', save: {} }],
    ['save.everyMs', 'a', { store: 'memory:', save: { everyMs: 0 } }],
    ['onThrow', 'a', { store: 'memory:', onThrow: 'ignore' }],
    ['schema.version', 'a', { store: 'memory:', schema: {} }],
    ['schema.migrate', 'a', { store: 'memory:', schema: { version: 1, migrate: 1 } }],
    ['encryptionKey', 'a', { store: 'memory:', encryptionKey: new Uint8Array(31) }],
    ['encryptionKey', 'a', { store: 'memory:', encryptionKey: [] }],
    ['compression', 'a', { store: 'memory:', compression: 'gzip' }],
    ['limits.nodes', 'a', { store: 'memory:', limits: { nodes: 0 } }],
    ['limits', 'a', { store: 'memory:', limits: { bytes: 1 } }],
    ['lease.ttlMs', 'a', { store: 'memory:', lease: { ttlMs: 1 } }],
    ['lease.holder', 'a', { store: 'memory:', lease: { holder: '' } }],
    ['onLost', 'a', { store: 'memory:', onLost: 1 }],
    ['memoryLimitMb', 'a', { store: 'memory:', memoryLimitMb: 1 }],
  ])('%s of %o, %o', (named, id, options) => {
    expect(() => openSession(id as string, options as OpenSessionOptions)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }),
    )
  })

  test('a location that is none', async () => {
    await expect(openSession('a', { store: 'mysql://host' })).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG' })
  })
})
