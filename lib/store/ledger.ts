import { IsoseedError } from '../errors.js'
import { asked } from './failure.js'
import { HeldLease } from './lease.js'
import { pack } from './packing.js'
import type { Packed, Packing } from './packing.js'
import { metaOf, readRevision, readSound, tooLong } from './reading.js'
import type { ReadFrom, Recovered } from './reading.js'
import { historyOf } from './sessions.js'
import type { RevisionMeta, Store } from './types.js'

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
  /** The state's hex SHA-256, where it is known: it is not made again then. */
  readonly sha256?: string
}

/** A state that was read. */
export interface Loaded {
  readonly state: Uint8Array
  /** Its hex SHA-256. */
  readonly sha256: string
  readonly revision: RevisionMeta
  /** When the session was first opened: known of the newest. */
  readonly createdAt?: number | undefined
  /** Set if newer revisions are damaged, and this is the newest one that is sound. */
  readonly recovered?: Recovered
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
    const { newest, revision, createdAt } = await asked('read a revision', () => store.read(session))
    this.#newest = newest
    if (newest === 0) return undefined
    const { state, sha256, underOldKey, stored, recovered } = await readSound(this.#from, { newest, ...(revision === undefined ? {} : { revision }) })
    this.#known = new Set(stored.chunks)
    const meta = metaOf(stored)
    if (recovered === undefined && !underOldKey) this.#current = { revision: meta, sha256, schema: meta.schema, snapshotKey: meta.snapshotKey }
    return { state, sha256, revision: meta, createdAt, ...(recovered === undefined ? {} : { recovered }) }
  }

  /**
   * Reads one revision, as it is.
   *
   * @returns `undefined` if there is none with this number
   * @throws `IsoseedError` with `ERR_SESSION_DAMAGED`, `ERR_SESSION_KEY`, `ERR_STATE_LIMIT` or `ERR_STORE`
   */
  async read(revision: number): Promise<Loaded | undefined> {
    const found = await readRevision(this.#from, revision)
    return found === undefined ? undefined : { state: found.state, sha256: found.sha256, revision: metaOf(found.stored) }
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

  async #save(state: Uint8Array, { schema, snapshotKey, sha256 }: SavedWith): Promise<Saved> {
    const { store, session, packing } = this.#options
    this.#lease.check()
    await this.#settle()
    const createdAt = Date.now()
    // A second attempt has the chunks that the store turned out not to have.
    for (let attempt = 0; attempt < 2; attempt++) {
      const current = this.#current
      const same = current !== undefined && current.schema === schema && current.snapshotKey === snapshotKey ? current : undefined
      const order = { session, revision: this.#newest + 1, createdAt, schema, snapshotKey, known: this.#known, sha256, unless: same?.sha256 }
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

  get #from(): ReadFrom {
    const { store, session, packing, maxBytes } = this.#options
    return { store, session, keys: packing.keys, maxBytes }
  }
}
