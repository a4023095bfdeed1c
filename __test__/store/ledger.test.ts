// A session's revisions: saved whole, read as they were written, never by two hosts. On every store.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openStore } from 'isoseed'
import type { Store, StoredRevision } from 'isoseed'
import { Ledger } from '../../lib/store/ledger.js'
import type { LedgerOptions } from '../../lib/store/ledger.js'
import { codeOf, rejection } from '../support/rejection.js'
import { MapStore, emptyData } from './map-store.js'

const WITH = { schema: 1, snapshotKey: 'k' }
const PLAIN = { keys: [], compression: 'zstd' } as const
const KEY = new Uint8Array(32).fill(7)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (state: Uint8Array | undefined): string | undefined => (state === undefined ? undefined : new TextDecoder().decode(state))

function options(store: Store, more: Partial<LedgerOptions> = {}): LedgerOptions {
  return { store, session: 's', holder: 'a', ttlMs: 600_000, packing: PLAIN, maxBytes: 32 * 1024 * 1024, ...more }
}

/** Opens, and reads what there is. */
async function open(store: Store, more: Partial<LedgerOptions> = {}) {
  const ledger = await Ledger.open(options(store, more))
  try {
    return { ledger, loaded: await ledger.load() }
  } catch (error) {
    await ledger.close()
    throw error
  }
}

/** What a new host finds. */
async function found(store: Store, more: Partial<LedgerOptions> = {}) {
  const { ledger, loaded } = await open(store, more)
  await ledger.close()
  return loaded
}

/** A session with these states, one after the other. */
async function saved(store: Store, states: readonly (string | Uint8Array)[], more: Partial<LedgerOptions> = {}): Promise<void> {
  const { ledger } = await open(store, more)
  for (const state of states) await ledger.save(typeof state === 'string' ? bytes(state) : state, WITH)
  await ledger.close()
}

/** Changes a stored revision as a fault of the disk would. */
function damage(store: MapStore, revision: number, change: (revision: StoredRevision) => Partial<StoredRevision>): void {
  const revisions = store.data.sessions.get('s')?.revisions as Map<number, StoredRevision>
  const stored = revisions.get(revision) as StoredRevision
  revisions.set(revision, { ...stored, ...change(stored) })
}

function chunkOf(store: MapStore, revision: number): { key: string; chunks: Map<string, Uint8Array> } {
  const session = store.data.sessions.get('s')
  return { key: session?.revisions.get(revision)?.chunks[0] as string, chunks: session?.chunks as Map<string, Uint8Array> }
}

describe.each([
  ['memory:', () => openStore('memory:')],
  ['a store of the user', async () => new MapStore(emptyData())],
])('on %s', (_, makeStore) => {
  test('a state comes back, and the next host goes on', async () => {
    const store = await makeStore()
    const { ledger, loaded } = await open(store)
    expect(loaded).toBeUndefined()
    const first = await ledger.save(bytes('one'), WITH)
    expect(first).toMatchObject({ written: true, revision: { revision: 1, bytes: 3, schema: 1, snapshotKey: 'k' } })
    await ledger.save(bytes('two'), WITH)
    await ledger.close()
    const { ledger: next, loaded: two } = await open(store)
    expect(textOf(two?.state)).toBe('two')
    expect(two?.recovered).toBeUndefined()
    expect((await next.save(bytes('three'), WITH)).revision.revision).toBe(3)
    expect(textOf((await next.read(1))?.state)).toBe('one')
    expect(await next.read(9)).toBeUndefined()
    const history = []
    for await (const { revision } of next.history()) history.push(revision)
    expect(history).toEqual([3, 2, 1])
    await next.close()
    await store.close()
  })

  test('a state that did not change is not written', async () => {
    const store = await makeStore()
    const { ledger } = await open(store)
    const first = await ledger.save(bytes('same'), WITH)
    expect(await ledger.save(bytes('same'), WITH)).toEqual({ ...first, written: false })
    expect((await ledger.save(bytes('same'), { ...WITH, schema: 2 })).written).toBe(true)
    await ledger.close()
    const { ledger: next } = await open(store)
    expect((await next.save(bytes('same'), { ...WITH, schema: 2 })).written).toBe(false)
    await next.close()
    expect((await store.read('s')).newest).toBe(2)
    await store.close()
  })

  test('a change of a large state stores little', async () => {
    const store = await makeStore()
    const { ledger } = await open(store)
    const state = randomBytes(10_000_000)
    await ledger.save(state, WITH)
    state[5_000_000] ^= 1
    const { revision } = await ledger.save(state, WITH)
    expect(revision.storedBytes).toBeLessThan(200_000)
    await ledger.close()
    expect(Buffer.compare((await found(store))?.state as Uint8Array, state)).toBe(0)
    await store.close()
  })

  test('states that are saved at once are saved in order, each as it was', async () => {
    const store = await makeStore()
    const { ledger } = await open(store)
    const state = bytes('0')
    const saves = []
    for (let number = 0; number < 10; number++) {
      state[0] = 48 + number
      saves.push(ledger.save(state, WITH))
    }
    expect((await Promise.all(saves)).map(({ revision }) => revision.revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(textOf((await ledger.read(4))?.state)).toBe('3')
    await ledger.close()
    await store.close()
  })

  test('a session that somebody has is locked, and the error says who has it', async () => {
    const store = await makeStore()
    const { ledger } = await open(store, { holder: 'host a' })
    const error = await rejection(open(store))
    expect(error).toMatchObject({ code: 'ERR_SESSION_LOCKED', lease: { holder: 'host a' } })
    expect(error.message).toContain('host a')
    await ledger.close()
    await found(store)
    await store.close()
  })

  test('a host that lost its session writes nothing, and hears of it', async () => {
    const store = await makeStore()
    const lost: Error[] = []
    // A timer that would renew only after it was too late.
    const { ledger } = await open(store, { holder: 'a', ttlMs: 1, onLost: (error) => lost.push(error) })
    let other: Ledger | undefined
    while (other === undefined) other = await Ledger.open(options(store, { holder: 'b' })).catch(() => undefined)
    await other.load()
    await other.save(bytes('b'), WITH)
    const error = await rejection(ledger.save(bytes('a'), WITH))
    expect(error).toMatchObject({ code: 'ERR_SESSION_LEASE_LOST', lease: { holder: 'b' } })
    expect(await codeOf(ledger.save(bytes('a'), WITH))).toBe('ERR_SESSION_LEASE_LOST')
    expect(lost).toHaveLength(1)
    await ledger.close()
    await other.save(bytes('b again'), WITH)
    await other.close()
    expect(textOf((await found(store))?.state)).toBe('b again')
    await store.close()
  })

  test('a lease renews itself', async () => {
    const store = await makeStore()
    const { ledger } = await open(store, { ttlMs: 3000 })
    await ledger.save(bytes('a'), WITH)
    const first = (await store.find('s'))?.lease?.expiresAt as number
    while (((await store.find('s'))?.lease?.expiresAt ?? first) === first) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await codeOf(open(store))).toBe('ERR_SESSION_LOCKED')
    await ledger.close()
    await store.close()
  })

  test('an encrypted state opens with its key alone, and a new key takes its place', async () => {
    const store = await makeStore()
    const other = new Uint8Array(32).fill(9)
    const under = (...keys: Uint8Array[]): Partial<LedgerOptions> => ({ packing: { keys, compression: 'zstd' } })
    await saved(store, ['secret'], under(KEY))
    expect(await codeOf(found(store))).toBe('ERR_SESSION_KEY')
    expect(await codeOf(found(store, under(other)))).toBe('ERR_SESSION_KEY')
    expect(textOf((await found(store, under(KEY)))?.state)).toBe('secret')
    // The state is the same: it is written anew all the same.
    await saved(store, ['secret'], under(other, KEY))
    expect((await store.read('s')).newest).toBe(2)
    expect(textOf((await found(store, under(other)))?.state)).toBe('secret')
    expect(await codeOf(found(store, under(KEY)))).toBe('ERR_SESSION_KEY')
    await store.close()
  })

  test('a state that is too long is refused, on the way in and on the way out', async () => {
    const store = await makeStore()
    await saved(store, [new Uint8Array(1000)])
    expect(await codeOf(found(store, { maxBytes: 999 }))).toBe('ERR_STATE_LIMIT')
    const { ledger } = await open(store, { maxBytes: 1000 })
    expect(await codeOf(ledger.save(new Uint8Array(1001), WITH))).toBe('ERR_STATE_LIMIT')
    await ledger.close()
    await store.close()
  })
})

describe('damage', () => {
  const damages: [string, (store: MapStore) => void][] = [
    ['a changed head', (store) => damage(store, 2, ({ head }) => ({ head: head.map((byte, index) => (index === 9 ? byte ^ 1 : byte)) }))],
    ['a head cut short', (store) => damage(store, 2, ({ head }) => ({ head: head.subarray(0, 20) }))],
    ['no head', (store) => damage(store, 2, () => ({ head: new Uint8Array() }))],
    ['another time', (store) => damage(store, 2, ({ createdAt }) => ({ createdAt: createdAt + 1 }))],
    ['another schema', (store) => damage(store, 2, () => ({ schema: 7 }))],
    ['another length', (store) => damage(store, 2, () => ({ bytes: 4 }))],
    ['no chunks', (store) => damage(store, 2, () => ({ chunks: [] }))],
    ['a changed chunk', (store) => chunkOf(store, 2).chunks.set(chunkOf(store, 2).key, bytes('\0other'))],
    ['a lost chunk', (store) => chunkOf(store, 2).chunks.delete(chunkOf(store, 2).key)],
    ['the content of another revision', (store) => damage(store, 2, () => store.data.sessions.get('s')?.revisions.get(1) as StoredRevision)],
  ]

  test.each(damages)('%s: the revision before is taken, and it is said', async (_, spoil) => {
    const store = new MapStore(emptyData())
    await saved(store, ['one', 'two'])
    spoil(store)
    const { ledger, loaded } = await open(store)
    expect(textOf(loaded?.state)).toBe('one')
    expect(loaded?.recovered).toMatchObject({ revision: 2 })
    expect(loaded?.recovered?.reasons[0]).toContain('revision')
    // Even what did not change is written: the newest revision has to be sound.
    expect(await ledger.save(bytes('one'), WITH)).toMatchObject({ written: true, revision: { revision: 3 } })
    await ledger.close()
    const after = await found(store)
    expect(textOf(after?.state)).toBe('one')
    expect(after?.recovered).toBeUndefined()
  })

  test('a damaged chunk is healed when it is written again', async () => {
    const store = new MapStore(emptyData())
    await saved(store, ['one', 'two'])
    chunkOf(store, 2).chunks.set(chunkOf(store, 2).key, bytes('\0bad'))
    const { ledger } = await open(store)
    await ledger.save(bytes('two'), WITH)
    await ledger.close()
    expect(textOf((await found(store))?.state)).toBe('two')
  })

  test('when nothing is sound it is an error, and no fresh start', async () => {
    const store = new MapStore(emptyData())
    await saved(store, ['one', 'two'])
    for (const number of [1, 2]) damage(store, number, () => ({ head: new Uint8Array(60) }))
    const error = await rejection(found(store))
    expect(error.code).toBe('ERR_SESSION_DAMAGED')
    expect(error.message).toMatch(/revision 2 .*revision 1 /)
  })

  test('what belongs to another session is not taken', async () => {
    const store = new MapStore(emptyData())
    const packing = { keys: [KEY], compression: 'none' } as const
    await saved(store, ['mine'], { packing })
    await saved(store, ['theirs'], { packing, session: 't' })
    const { sessions } = store.data
    const theirs = sessions.get('t')
    damage(store, 1, () => theirs?.revisions.get(1) as StoredRevision)
    for (const [key, chunk] of theirs?.chunks ?? []) sessions.get('s')?.chunks.set(key, chunk)
    expect(await codeOf(found(store, { packing }))).toBe('ERR_SESSION_DAMAGED')
  })

  test('chunks that were removed by somebody else are written again', async () => {
    const store = new MapStore(emptyData())
    const { ledger } = await open(store)
    await ledger.save(bytes('one'), WITH)
    store.data.sessions.get('s')?.chunks.clear()
    await ledger.save(bytes('one'), { ...WITH, schema: 2 })
    await ledger.close()
    expect(textOf((await found(store))?.state)).toBe('one')
  })
})

describe('a store that fails', () => {
  /** Fails after it has done what it was asked for, or before. */
  class Failing extends MapStore {
    fails: 'before' | 'after' | undefined
    override async write(...args: Parameters<Store['write']>) {
      if (this.fails === 'before') throw new Error('out of reach')
      const answer = await super.write(...args)
      if (this.fails === 'after') throw new Error('out of reach')
      return answer
    }
  }

  test.each(['before', 'after'] as const)('%s it wrote: the next save finds out', async (when) => {
    const store = new Failing(emptyData())
    const { ledger } = await open(store)
    await ledger.save(bytes('one'), WITH)
    store.fails = when
    const error = await rejection(ledger.save(bytes('two'), WITH))
    expect(error).toMatchObject({ code: 'ERR_STORE', cause: expect.objectContaining({ message: 'out of reach' }) })
    store.fails = undefined
    const next = await ledger.save(bytes('two'), WITH)
    expect(next).toMatchObject({ written: when === 'before', revision: { revision: 2 } })
    expect((await ledger.save(bytes('three'), WITH)).revision.revision).toBe(3)
    await ledger.close()
    expect(textOf((await found(store))?.state)).toBe('three')
  })
})
