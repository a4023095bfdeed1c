import { IsoseedError } from '../errors.js'
import { asked } from './failure.js'
import { HeldLease } from './lease.js'
import { pack, unpack } from './packing.js'
import type { Packed, Packing, Unpacked } from './packing.js'
import { historyOf } from './sessions.js'
import type { RevisionMeta, Store, StoredRevision } from './types.js'

/** Chunks that are read at once: some megabytes. */
const CHUNKS_AT_ONCE = 64
/** No chunk but a state's last is shorter. */
const SMALLEST_CHUNK = 8192

/** What a ledger is opened with. */
export interface LedgerOptions {
  readonly store: Store
  readonly session: string
  /** How this host calls itself. */
  readonly holder: string
  /** For how long the session stays locked when this host is gone, in milliseconds. */
  readonly ttlMs: number
  readonly packing: Packing
  /** A state is refused that is longer, before memory is taken for it. */
  readonly maxBytes: number
  /** Hears that another host took the session over. */
  readonly onLost?: (error: Error) => void
}

/** What of a state's surroundings is kept with it. */
export interface SavedWith {
  readonly schema: number
  readonly snapshotKey: string
}

/** A state that was read. */
export interface Loaded {
  readonly state: Uint8Array
  /** Its hex SHA-256. */
  readonly sha256: string
  readonly revision: RevisionMeta
  /** Set if newer revisions are damaged, and this is the newest one that is sound. */
  readonly recovered?: Recovered
}

/** Why an older revision was taken. */
export interface Recovered {
  /** The newest revision, which can't be read. */
  readonly revision: number
  /** What is wrong with each that can't be, the newest first. */
  readonly reasons: readonly string[]
}

/** A state that was saved, or had been. */
export interface Saved {
  readonly revision: RevisionMeta
  readonly sha256: string
  /** False if the state was the newest revision's already, and nothing was written. */
  readonly written: boolean
}

/** The state that the store has, as far as this host knows. */
interface Current extends SavedWith {
  readonly revision: RevisionMeta
  readonly sha256: string
}

/**
 * The revisions of one session that this host holds: a state is saved whole or not at all, read as it was written or
 * not at all, and never written by two hosts. States are opaque bytes. What `openSession` stands on.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #lease: HeldLease
  /** The newest revision's number, damaged or not. */
  #newest = 0
  /** None while the newest revision is not known to be sound and under the current key: then each save writes. */
  #current: Current | undefined
  /** Chunks that the store has, and that were read or written here: others may be damaged. */
  #known: ReadonlySet<string> = new Set()
  /** A write that failed, and may have been done. */
  #doubt: { packed: Packed; saved: Current } | undefined
  /** Saves go one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: LedgerOptions, lease: HeldLease) {
    this.#options = options
    this.#lease = lease
  }

  /**
   * Takes the session's lease, and keeps it until `close`.
   *
   * @throws `IsoseedError` with `ERR_SESSION_LOCKED` while somebody else has it, or `ERR_STORE`
   */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { store, session, holder, ttlMs, onLost = () => undefined } = options
    const lease = await HeldLease.acquire(store, session, holder, ttlMs, onLost)
    return new Ledger(options, lease)
  }

  /**
   * Reads the newest revision that is sound; nothing if there has never been one. Has to be called before the first
   * `save`.
   *
   * @throws `IsoseedError` with `ERR_SESSION_DAMAGED` if there are revisions and none is sound, `ERR_SESSION_KEY`,
   * `ERR_STATE_LIMIT` or `ERR_STORE`
   */
  async load(): Promise<Loaded | undefined> {
    const { store, session } = this.#options
    const { newest, revision } = await asked('read a revision', () => store.read(session))
    this.#newest = newest
    if (newest === 0) return undefined
    const reasons: string[] = []
    let found = await this.#tryRead(newest, revision, reasons)
    if (found === undefined) {
      for await (const older of historyOf(store, session, newest)) {
        found = await this.#tryRead(older.revision, undefined, reasons)
        if (found !== undefined) break
      }
    }
    if (found === undefined) {
      const what = `no revision of session ${JSON.stringify(session)} is sound: ${reasons.slice(0, 5).join('; ')}`
      throw new IsoseedError('ERR_SESSION_DAMAGED', what)
    }
    this.#known = new Set(found.stored.chunks)
    const { state, sha256, underOldKey, stored } = found
    const meta = metaOf(stored)
    if (reasons.length === 0 && !underOldKey) this.#current = { revision: meta, sha256, schema: meta.schema, snapshotKey: meta.snapshotKey }
    return { state, sha256, revision: meta, ...(reasons.length === 0 ? {} : { recovered: { revision: newest, reasons } }) }
  }

  /**
   * Reads one revision, as it is.
   *
   * @returns `undefined` if there is none with this number
   * @throws `IsoseedError` with `ERR_SESSION_DAMAGED`, `ERR_SESSION_KEY`, `ERR_STATE_LIMIT` or `ERR_STORE`
   */
  async read(revision: number): Promise<Loaded | undefined> {
    const { store, session } = this.#options
    const answer = await asked('read a revision', () => store.read(session, revision))
    if (answer.revision === undefined) return undefined
    const { state, sha256 } = await this.#unpack(answer.revision, revision)
    return { state, sha256, revision: metaOf(answer.revision) }
  }

  /**
   * Saves a state as the next revision, unless it is what the newest one has. Its bytes may change as soon as this
   * has returned. When it rejects with `ERR_STORE`, the revision may be there or not; the next save finds out.
   *
   * @throws `IsoseedError` with `ERR_SESSION_LEASE_LOST`, `ERR_STATE_LIMIT` or `ERR_STORE`
   */
  save(state: Uint8Array, within: SavedWith): Promise<Saved> {
    const { maxBytes } = this.#options
    if (state.byteLength > maxBytes) return Promise.reject(tooLong(state.byteLength, maxBytes))
    const copy = state.slice()
    const saved = this.#last.then(() => this.#save(copy, within))
    this.#last = saved.catch(() => undefined)
    return saved
  }

  /** The session's revisions, the newest first. */
  history(): AsyncIterable<RevisionMeta> {
    return historyOf(this.#options.store, this.#options.session)
  }

  /** Waits for saves, and lets others have the session. */
  async close(): Promise<void> {
    await this.#last
    await this.#lease.release()
  }

  async #save(state: Uint8Array, { schema, snapshotKey }: SavedWith): Promise<Saved> {
    const { store, session, packing } = this.#options
    this.#lease.check()
    await this.#settle()
    const createdAt = Date.now()
    // A second attempt has the chunks that the store turned out not to have.
    for (let attempt = 0; attempt < 2; attempt++) {
      const current = this.#current
      const same = current !== undefined && current.schema === schema && current.snapshotKey === snapshotKey ? current : undefined
      const order = { session, revision: this.#newest + 1, createdAt, schema, snapshotKey, known: this.#known, unless: same?.sha256 }
      const packed = await pack(state, order, packing)
      if (packed === undefined) return { revision: (same as Current).revision, sha256: (same as Current).sha256, written: false }
      const saved: Current = { revision: metaOf(packed.revision), sha256: packed.sha256, schema, snapshotKey }
      this.#doubt = { packed, saved }
      const answer = await asked('write a revision', () => store.write(session, this.#lease.epoch, packed.revision, packed.chunks))
      this.#doubt = undefined
      if (answer.status === 'written') {
        this.#written(packed, saved)
        return { revision: saved.revision, sha256: saved.sha256, written: true }
      }
      if (answer.status === 'fenced') throw this.#lease.lose(answer.lease)
      if (answer.status === 'conflict') {
        throw new IsoseedError('ERR_STORE', `the store has revision ${answer.newest} of session ${JSON.stringify(session)}, and ${order.revision} was to be written`)
      }
      const missing = new Set(answer.keys)
      this.#known = new Set([...this.#known].filter((key) => !missing.has(key)))
    }
    throw new IsoseedError('ERR_STORE', `the store misses chunks of session ${JSON.stringify(session)} that it was given`)
  }

  #written({ revision }: Packed, saved: Current): void {
    this.#newest = revision.revision
    this.#known = new Set(revision.chunks)
    this.#current = saved
  }

  /** Finds out what became of a write that failed. */
  async #settle(): Promise<void> {
    const doubt = this.#doubt
    if (doubt === undefined) return
    const { store, session } = this.#options
    const { newest, revision } = await asked('read a revision', () => store.read(session))
    if (newest > this.#newest && revision !== undefined && Buffer.compare(revision.head, doubt.packed.revision.head) === 0) {
      this.#written(doubt.packed, doubt.saved)
    }
    this.#doubt = undefined
  }

  /** A revision, or the reason why there is none. */
  async #tryRead(number: number, given: StoredRevision | undefined, reasons: string[]): Promise<(Unpacked & { stored: StoredRevision }) | undefined> {
    const { store, session } = this.#options
    try {
      const stored = given ?? (await asked('read a revision', () => store.read(session, number))).revision
      if (stored !== undefined) return { ...(await this.#unpack(stored, number)), stored }
      reasons.push(`revision ${number} is lost`)
    } catch (error) {
      if (!(error instanceof IsoseedError) || error.code !== 'ERR_SESSION_DAMAGED') throw error
      reasons.push(error.message)
    }
    return undefined
  }

  async #unpack(revision: StoredRevision, number: number): Promise<Unpacked> {
    const { store, session, packing, maxBytes } = this.#options
    // Sound in itself, but an older one must not pass for it.
    if (revision.revision !== number) throw new IsoseedError('ERR_SESSION_DAMAGED', `revision ${number} is damaged: it is revision ${revision.revision}`)
    // What the store says, and what the head is checked against before memory is taken.
    if (revision.bytes > maxBytes) throw tooLong(revision.bytes, maxBytes)
    // More chunks than a state of this length is cut into are not asked for.
    if (revision.chunks.length > revision.bytes / SMALLEST_CHUNK + 1) throw new IsoseedError('ERR_SESSION_DAMAGED', `revision ${number} is damaged: it has ${revision.chunks.length} chunks for ${revision.bytes} bytes`)
    const keys = [...new Set(revision.chunks)]
    const chunks: Uint8Array[] = []
    for (let from = 0; from < keys.length; from += CHUNKS_AT_ONCE) {
      const batch = keys.slice(from, from + CHUNKS_AT_ONCE)
      const found = await asked('read chunks', () => store.chunks(session, batch))
      for (const index of batch.keys()) chunks.push(found[index] ?? new Uint8Array())
    }
    return unpack(session, revision, chunks, packing.keys)
  }
}

function metaOf({ revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }: StoredRevision): RevisionMeta {
  return { revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }
}

/** A state that is longer than its limit `payloadBytes`. */
export function tooLong(actual: number, max: number): IsoseedError {
  const details = { name: 'payloadBytes', actual, max }
  return new IsoseedError('ERR_STATE_LIMIT', `the state passed its limit payloadBytes of ${max}: ${actual}`, { details })
}
