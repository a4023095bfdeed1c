// What can be told of a session, read of it and written to it without opening it.
import { randomBytes } from 'node:crypto'
import { openSession, openStore, sessions } from 'isoseed'
import type { ImportStateOptions, InspectSessionOptions, OpenSessionOptions, Store } from 'isoseed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Ledger } from '../../lib/store/ledger.js'
import { all } from '../support/all.js'
import { codeOf, rejection } from '../support/rejection.js'

let store: Store
beforeAll(async () => {
  store = await openStore('memory:')
})
afterAll(() => store.close())

/** A session that code was run in, closed again. */
async function made(id: string, code: string, options: Partial<OpenSessionOptions> = {}): Promise<void> {
  await using session = await openSession(id, { store, ...options })
  await session.eval(code)
}

/** A store with some methods of its own. */
function instead(real: Store, own: Partial<Store>): Store {
  return new Proxy(real, { get: (target, name) => Reflect.get(own, name) ?? (Reflect.get(target, name) as () => unknown).bind(target) })
}

describe('inspect', () => {
  test('tells names, types, sizes and previews of the state and of other globals', async () => {
    await made('shown', 'state.list = [1, "two", { three: 3n }]; state.when = new Date(0); state[Symbol.iterator] = "s"; state.big = "x".repeat(5000); x = 5; function f(a) { return a }', {
      keepGlobals: true,
    })
    const told = (await sessions.inspect(store, 'shown'))!
    expect(told).toMatchObject({ id: 'shown', encrypted: false, revisions: 1, newest: { revision: 1 } })
    const state = told.state!
    expect(state.hash).toBe(told.newest!.hash)
    expect(state.variables).toMatchObject([
      { name: 'state', type: 'Object' },
      { name: 'f', type: 'Function', preview: '[Function: f]' },
      { name: 'x', type: 'number', preview: '5', bytes: 1 },
    ])
    expect(state.properties).toMatchObject([
      { name: 'list', type: 'Array', preview: "[ 1, 'two', { three: 3n } ]", isSymbol: false },
      { name: 'when', type: 'Date', preview: '1970-01-01T00:00:00.000Z' },
      { name: 'big', type: 'string' },
      { name: '[Symbol.iterator]', type: 'string', preview: "'s'", isSymbol: true },
    ])
    expect(state.properties[2]!.bytes).toBeGreaterThan(5000)
    expect(state.omitted).toEqual({ variables: 0, properties: 0, code: 0 })
    expect((await sessions.inspect(store, 'shown', { state: 'x' }))!.state!.properties).toEqual([])
  })

  test('is undefined for what is not there', async () => {
    await made('one', 'state.n = 1')
    expect(await sessions.inspect(store, 'not there')).toBeUndefined()
    expect(await sessions.inspect(store, 'one', { revision: 2 })).toBeUndefined()
    expect(await sessions.exportState(store, 'not there')).toBeUndefined()
    expect(await sessions.exportState(store, 'one', { revision: 9 })).toBeUndefined()
  })

  test('waits for nobody: the session may be open, and is told as it was saved last', async () => {
    await using session = await openSession('open', { store, lease: { holder: 'somebody' } })
    await session.eval('state.n = 1')
    await session.eval('state.n = 2')
    const told = (await sessions.inspect(store, 'open'))!
    expect(told).toMatchObject({ lease: { holder: 'somebody' }, state: { properties: [{ name: 'n', preview: '2' }] } })
    expect(await sessions.inspect(store, 'open', { revision: 1 })).toMatchObject({ state: { revision: { revision: 1 }, properties: [{ preview: '1' }] } })
    expect((await sessions.exportState(store, 'open'))!.bytes).toEqual(await session.exportState())
  })

  test('of what is encrypted it needs the key, else it tells what the store knows', async () => {
    const [key, other] = [randomBytes(32), randomBytes(32)]
    await made('secret', 'state.password = "of the guest"', { encryptionKey: key })
    const blind = (await sessions.inspect(store, 'secret'))!
    expect(blind).toMatchObject({ encrypted: true, newest: { revision: 1 } })
    expect(blind).not.toHaveProperty('state')
    expect(await sessions.inspect(store, 'secret', { encryptionKey: [other, key] })).toMatchObject({ encrypted: true, state: { properties: [{ preview: "'of the guest'" }] } })
    expect(await codeOf(sessions.inspect(store, 'secret', { encryptionKey: other }))).toBe('ERR_SESSION_KEY')
    expect(await codeOf(sessions.exportState(store, 'secret'))).toBe('ERR_SESSION_KEY')
    // A state that is not encrypted does not pass for one that is.
    await made('plain', 'state.n = 1')
    expect(await codeOf(sessions.inspect(store, 'plain', { encryptionKey: key }))).toBe('ERR_SESSION_KEY')
  })

  test('hostile names and values are bounded, and previews steer no terminal', async () => {
    await made(
      'hostile',
      'for (let i = 0; i < 3000; i++) state["k" + i] = i; const deep = {}; let at = deep; for (let i = 0; i < 5000; i++) at = at.d = {}; state.deep = deep; state["\\u001b[2J\\u202e" + "n".repeat(9999)] = "\\u001b]0;title\\u0007\\u009b31m\\u2028\\r\\n\\u202e"; state = { own: state["\\u001b[2J\\u202e" + "n".repeat(9999)], ["\\u001b" + "y".repeat(1e5)]: new Map([[state, state]]), ...state }; 0',
    )
    const { properties, omitted } = (await sessions.inspect(store, 'hostile'))!.state!
    expect(properties).toHaveLength(1000)
    expect(omitted.properties).toBe(2004)
    for (const { name, type, preview } of properties) {
      expect(Math.max(name.length, preview.length)).toBeLessThanOrEqual(120)
      // oxlint-disable-next-line no-control-regex
      expect(preview + type).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/)
    }
    expect(properties[0]!.preview).toBe(String.raw`'\u{1b}]0;title\u{7}\u{9b}31m\u{2028}\r\n\u{202e}'`)
  })

  test('limits are those of whoever reads', async () => {
    await made('large', 'state.list = Array.from({ length: 2000 }, () => ({}))')
    expect(await rejection(sessions.inspect(store, 'large', { limits: { payloadBytes: 1024 } }))).toMatchObject({
      code: 'ERR_STATE_LIMIT',
      details: { name: 'payloadBytes', max: 1024 },
    })
    expect(await rejection(sessions.inspect(store, 'large', { limits: { nodes: 100 } }))).toMatchObject({ code: 'ERR_STATE_LIMIT', details: { name: 'nodes', max: 100 } })
  })

  test('what was stored and is no state is an error with a code', async () => {
    for (const [id, bytes] of [
      ['no state', randomBytes(2000)],
      ['cut', (await sessions.exportState(store, 'large'))!.bytes.subarray(0, 900)],
    ] as const) {
      const ledger = await Ledger.open({ store, session: id, holder: 'a', ttlMs: 60_000, packing: { keys: [], compression: 'none' }, maxBytes: 1e6 })
      await ledger.load()
      await ledger.save(bytes, { schema: 0, snapshotKey: '' })
      await ledger.close()
      expect(await codeOf(sessions.inspect(store, id))).toBe('ERR_STATE_CORRUPT')
    }
  })

  test('a damaged revision is told, and the one before it is taken; if none is sound, that is an error', async () => {
    await made('damaged', 'state.n = "first"')
    await made('damaged', 'state.n = "second"')
    const { chunks } = (await store.read('damaged')).revision!
    const damaged = instead(store, {
      chunks: async (session, keys) => (await store.chunks(session, keys)).map((bytes, index) => (chunks.includes(keys[index]!) ? bytes!.map((byte) => byte ^ 1) : bytes)),
    })
    const { state } = (await sessions.inspect(damaged, 'damaged'))!
    expect(state).toMatchObject({ revision: { revision: 1 }, recovered: { revision: 2, reasons: [expect.stringContaining('revision 2')] }, properties: [{ preview: "'first'" }] })
    expect(await sessions.exportState(damaged, 'damaged')).toMatchObject({ revision: { revision: 1 }, recovered: { revision: 2 } })
    const lost = instead(store, { chunks: async (_, keys) => keys.map(() => undefined) })
    expect(await codeOf(sessions.inspect(lost, 'damaged'))).toBe('ERR_SESSION_DAMAGED')
    expect(await codeOf(sessions.inspect(damaged, 'damaged', { revision: 2 }))).toBe('ERR_SESSION_DAMAGED')
  })

  test("another session's revision does not pass for this one's, encrypted or not", async () => {
    const key = randomBytes(32)
    for (const [name, options] of [['clear', {}], ['sealed', { encryptionKey: key }]] as const) {
      await made(`${name} mine`, 'state.n = 1', options)
      await made(`${name} other`, 'state.n = 2', options)
      const moved = instead(store, { read: (_, revision) => store.read(`${name} other`, revision), chunks: (_, keys) => store.chunks(`${name} other`, keys) })
      expect(['ERR_SESSION_DAMAGED', 'ERR_SESSION_KEY']).toContain(await codeOf(sessions.inspect(moved, `${name} mine`, options)))
      expect(['ERR_SESSION_DAMAGED', 'ERR_SESSION_KEY']).toContain(await codeOf(openSession(`${name} mine`, { store: moved, ...options })))
    }
  })

  test('a revision that is replaced while it is read is not damaged', async () => {
    await made('moving', 'state.n = 1')
    let isFirst = true
    const moving = instead(store, {
      chunks: async (session, keys) => {
        if (!isFirst) return store.chunks(session, keys)
        isFirst = false
        await made('moving', 'state.n = 2')
        await sessions.prune(store, { keep: 1, prefix: 'moving' })
        return keys.map(() => undefined)
      },
    })
    const { state } = (await sessions.inspect(moving, 'moving'))!
    expect(state).toMatchObject({ revision: { revision: 2 }, properties: [{ preview: '2' }] })
    expect(state).not.toHaveProperty('recovered')
  })
})

describe('import', () => {
  test('makes a session, or its next revision; the same state is not written again', async () => {
    await made('from', 'state.n = [1n]')
    const { bytes, hash } = (await sessions.exportState(store, 'from'))!
    expect(await sessions.importState(store, 'to', bytes)).toEqual({ revision: 1, bytes: bytes.byteLength, hash })
    expect(await sessions.importState(store, 'to', bytes)).toMatchObject({ revision: 1 })
    await made('to', 'state.n.push(2n)')
    expect(await sessions.importState(store, 'to', bytes)).toMatchObject({ revision: 3, hash })
    await using session = await openSession('to', { store })
    expect(await session.eval('state.n')).toEqual([1n])
    expect((await all(session.history())).map(({ revision }) => revision)).toEqual([3, 2, 1])
  })

  test('is refused whole while somebody has the session, and for what is no state', async () => {
    const { bytes } = (await sessions.exportState(store, 'from'))!
    const before = await sessions.inspect(store, 'to')
    {
      await using _session = await openSession('to', { store, lease: { holder: 'its user' } })
      expect(await rejection(sessions.importState(store, 'to', bytes))).toMatchObject({ code: 'ERR_SESSION_LOCKED', lease: { holder: 'its user' } })
    }
    const stored = (await store.chunks('secret', (await store.read('secret')).revision!.chunks))[0]!
    for (const wrong of [new Uint8Array(), bytes.subarray(1), bytes.slice(0, -1), bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte)), stored, Buffer.from('{"n":1}')]) {
      expect(await codeOf(sessions.importState(store, 'to', wrong))).toBe('ERR_STATE_CORRUPT')
    }
    expect(await rejection(sessions.importState(store, 'to', new Uint8Array(5000), { limits: { payloadBytes: 4096 } }))).toMatchObject({
      code: 'ERR_STATE_LIMIT',
      details: { name: 'payloadBytes', actual: 5000, max: 4096 },
    })
    expect(await codeOf(sessions.importState(store, 'secret', bytes))).toBe('ERR_SESSION_KEY')
    expect(await codeOf(sessions.importState(store, 'secret', bytes, { encryptionKey: randomBytes(32) }))).toBe('ERR_SESSION_KEY')
    expect(await sessions.inspect(store, 'to')).toEqual(before)
    expect((await sessions.inspect(store, 'secret'))!.revisions).toBe(1)
  })

  test('goes into an encrypted session with its key', async () => {
    const key = randomBytes(32)
    const { bytes, hash } = (await sessions.exportState(store, 'from'))!
    await sessions.importState(store, 'sealed', bytes, { encryptionKey: key })
    expect(await sessions.inspect(store, 'sealed')).not.toHaveProperty('state')
    expect(await sessions.exportState(store, 'sealed', { encryptionKey: key })).toMatchObject({ hash })
  })

  test('keeps the version of the schema, or has another: what the code can not work with is found when it is opened', async () => {
    const { bytes } = (await sessions.exportState(store, 'from'))!
    await made('versions', 'state.n = 0', { schema: { version: 2 } })
    await sessions.importState(store, 'versions', bytes)
    expect((await sessions.inspect(store, 'versions'))!.newest).toMatchObject({ revision: 2, schema: 2 })
    await sessions.importState(store, 'versions', bytes, { schema: 1 })
    expect(await codeOf(openSession('versions', { store, schema: { version: 2 } }))).toBe('ERR_SESSION_SCHEMA')
    expect(await codeOf(openSession('versions', { store, schema: { version: 0 } }))).toBe('ERR_SESSION_SCHEMA')
    await using session = await openSession('versions', { store, schema: { version: 2, migrate: ({ n }: { n: bigint[] }) => ({ sum: n[0] }) } })
    expect(await session.eval('state.sum')).toBe(1n)
  })
})

describe('wrong arguments throw at once', () => {
  test.each<[string, InspectSessionOptions]>([
    ['revision', { revision: 0 }],
    ['revision', { revision: 1.5 }],
    ['state', { state: 'a.b' }],
    ['encryptionKey', { encryptionKey: new Uint8Array(31) }],
    ['limits.nodes', { limits: { nodes: -1 } }],
    ['"key"', { key: 1 } as object],
  ])('inspect: %s of %o', (named, options) => {
    expect(() => sessions.inspect(store, 'a', options)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }))
  })

  test.each<[string, unknown, ImportStateOptions]>([
    ['bytes', 'text', {}],
    ['schema', new Uint8Array(), { schema: -1 }],
    ['compression', new Uint8Array(), { compression: 'gzip' as 'zstd' }],
    ['lease.ttlMs', new Uint8Array(), { lease: { ttlMs: 1 } }],
  ])('import: %s of %o, %o', (named, bytes, options) => {
    expect(() => sessions.importState(store, 'a', bytes as Uint8Array, options)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }),
    )
  })
})
