import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { StorePlace } from '../conformance.js'
import type { LeaseAnswer, Store, StoreLease, StoredChunk, StoredRevision } from '../types.js'

/** What a check does. */
export type Body = (world: World) => Promise<void>

/** Long enough that no check sees its end. */
export const LONG_MS = 600_000

/** Waiting for a lease to end takes at most so long: far more than it should. */
const MOST_MS = 20_000

/** A check's stores, and what it makes for them. */
export class World {
  readonly #place: StorePlace
  readonly #stores = new Set<Store>()

  constructor(place: StorePlace) {
    this.#place = place
  }

  async open(): Promise<Store> {
    const store = await this.#place.open()
    this.#stores.add(store)
    return store
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close()
  }
}

/** A name for some bytes, as isoseed makes them. */
export function chunkOf(bytes: Uint8Array): StoredChunk {
  return { key: createHash('sha256').update(bytes).digest('hex').slice(0, 32), bytes }
}

export function text(content: string): StoredChunk {
  return chunkOf(new TextEncoder().encode(content))
}

/** A revision of these chunks; its head is unlike every other one. */
export function revisionOf(revision: number, chunks: readonly StoredChunk[], more: Partial<StoredRevision> = {}): StoredRevision {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.byteLength, 0)
  return {
    revision,
    createdAt: 1_700_000_000_000 + revision,
    schema: 1,
    snapshotKey: 'ab'.repeat(32),
    hash: createHash('sha256').update(chunks.map(({ key }) => key).join()).digest('hex'),
    bytes,
    storedBytes: bytes + 24,
    chunks: chunks.map(({ key }) => key),
    head: randomBytes(24),
    ...more,
  }
}

/** Takes a lease that nobody has. */
export async function take(store: Store, session: string, holder = 'a', ttlMs = LONG_MS): Promise<StoreLease> {
  return given(await store.acquire(session, holder, ttlMs))
}

export function given(answer: LeaseAnswer): StoreLease {
  assert.equal(answer.held, true, 'the lease must be given')
  assert.ok(answer.lease !== undefined)
  return answer.lease
}

export function refused(answer: LeaseAnswer, holder: string): StoreLease {
  assert.equal(answer.held, false, 'the lease must be refused')
  assert.equal(answer.lease?.holder, holder, 'the answer must say who has it')
  return answer.lease as StoreLease
}

/** Takes a lease as soon as the one before has ended. */
export async function takeOver(store: Store, session: string, holder: string, ttlMs = LONG_MS): Promise<StoreLease> {
  const until = Date.now() + MOST_MS
  for (;;) {
    const answer = await store.acquire(session, holder, ttlMs)
    if (answer.held) return answer.lease
    assert.ok(Date.now() < until, `a lease that ends at ${answer.lease?.expiresAt} must end`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Writes a revision with all of its chunks, which must succeed. */
export async function write(store: Store, session: string, epoch: number, revision: number, contents: readonly StoredChunk[], more: Partial<StoredRevision> = {}): Promise<StoredRevision> {
  const made = revisionOf(revision, contents, more)
  assert.deepEqual(await store.write(session, epoch, made, contents), { status: 'written' })
  return made
}

/** That the newest revision is this one, with these chunks. */
export async function assertNewest(store: Store, session: string, expected: StoredRevision, contents: readonly StoredChunk[]): Promise<void> {
  const { newest, createdAt, revision } = await store.read(session)
  assert.equal(createdAt, (await store.find(session))?.createdAt)
  assert.equal(newest, expected.revision)
  assertSame(revision, expected)
  await assertChunks(store, session, contents)
}

export function assertSame(actual: StoredRevision | undefined, expected: StoredRevision): void {
  assert.ok(actual !== undefined, `revision ${expected.revision} must be there`)
  assert.deepEqual({ ...actual, head: Buffer.from(actual.head).toString('hex') }, { ...expected, head: Buffer.from(expected.head).toString('hex') })
}

export async function assertChunks(store: Store, session: string, contents: readonly StoredChunk[]): Promise<void> {
  for (let from = 0; from < contents.length; from += 64) {
    const batch = contents.slice(from, from + 64)
    const found = await store.chunks(session, batch.map(({ key }) => key))
    assert.equal(found.length, batch.length)
    for (const [index, { bytes }] of batch.entries()) assert.ok(found[index] !== undefined && Buffer.compare(found[index], bytes) === 0, 'chunks must come back as they were written')
  }
}
