/** What is known of a revision without its content. */
export interface RevisionMeta {
  /** Counts from 1, without gaps; a number never comes twice in a session, even if the revision was damaged. */
  readonly revision: number
  /** When it was made, by the clock of the host that wrote it: milliseconds since 1970. */
  readonly createdAt: number
  /** The version of the state's schema. */
  readonly schema: number
  /** The `key` of the snapshot that the session ran on; `''` if it had none. */
  readonly snapshotKey: string
  /** The same for the same state: its hex SHA-256, or with an encryption key a keyed digest that tells nothing of it. */
  readonly hash: string
  /** The state's length in bytes. */
  readonly bytes: number
  /** What the revision added to the store, in bytes: its head, and the chunks that were new. */
  readonly storedBytes: number
}

/** A revision as a store keeps it. */
export interface StoredRevision extends RevisionMeta {
  /** The names of the chunks that the state consists of, in order; a name may come more than once. */
  readonly chunks: readonly string[]
  /** What isoseed needs to put the state together and to see that nothing was changed. Opaque to a store. */
  readonly head: Uint8Array
}

/** A piece of a state, never empty, at most 129 KiB. Compressed and encrypted already: opaque to a store. */
export interface StoredChunk {
  /** 32 hex digits; the same name means the same content within a session. */
  readonly key: string
  readonly bytes: Uint8Array
}

/** Who may write to a session. */
export interface StoreLease {
  /** How the holder called itself. */
  readonly holder: string
  /** Greater than the epoch of every lease that was given for a session of this id before, even if that was deleted since. */
  readonly epoch: number
  /** When it ends, by the store's own clock: milliseconds since 1970. */
  readonly expiresAt: number
}

/** Whether a lease is the caller's; with the lease of who has it otherwise, unless nobody does. */
export type LeaseAnswer = { readonly held: true; readonly lease: StoreLease } | { readonly held: false; readonly lease?: StoreLease }

/** What became of a write. Except for `'written'`, nothing was changed. */
export type WriteAnswer =
  | { readonly status: 'written' }
  /** The epoch is not that of the newest lease, or that was released; with the lease that there is now, unless it has ended. */
  | { readonly status: 'fenced'; readonly lease?: StoreLease }
  /** The revision does not follow `newest`. */
  | { readonly status: 'conflict'; readonly newest: number }
  /** The revision names chunks that are neither stored nor given. */
  | { readonly status: 'missing'; readonly keys: readonly string[] }

/** What there is of a revision. */
export interface ReadAnswer {
  /** The number of the newest revision that was ever written and not removed with its session; 0 if there is none. */
  readonly newest: number
  /** When the session was first opened, as its `SessionRecord` has it; absent if there is no revision. */
  readonly createdAt?: number
  /** The revision that was asked for. Absent though `newest` says there should be one: it was lost, which counts as damaged. */
  readonly revision?: StoredRevision
}

/** What a store knows of a session. */
export interface SessionRecord {
  readonly id: string
  /** When it was first opened, by the store's clock: milliseconds since 1970. */
  readonly createdAt: number
  /** The newest revision; absent if it was lost. */
  readonly newest?: RevisionMeta
  /** How many revisions are kept. */
  readonly revisions: number
  /** What they take, in bytes. */
  readonly storedBytes: number
  /** Who holds it; absent if nobody does, or the lease has ended. */
  readonly lease?: StoreLease
}

/** Which revisions of a session go. */
export interface RevisionPolicy {
  /** So many of the newest stay, whatever their age; an integer, at least 1. */
  readonly keep: number
  /** Only revisions with a `createdAt` before this go: milliseconds since 1970. */
  readonly before: number
  /** Only count. */
  readonly dryRun: boolean
}

/** What was removed from a session, or would be. */
export interface RevisionsPruned {
  readonly revisions: number
  /** Bytes of their heads, and of chunks that no other revision has. */
  readonly bytes: number
}

/**
 * Where sessions live. `openStore` opens one of isoseed's own; this interface is what it takes to write
 * another. `isoseed/store-conformance` has the checks that it must pass.
 *
 * A store keeps for each session a lease, revisions, and chunks of bytes by name. Compression, encryption,
 * checksums and the cutting into chunks happen above it: heads and chunks are opaque. What a method
 * promises holds across all hosts that have the same data open. A method that can't do what it is asked
 * for rejects, with any error; isoseed wraps it in one with `ERR_STORE`.
 *
 * Ids are 1 to 512 bytes of UTF-8 without control characters. Buffers that are given may be kept, and those
 * that are returned must not be changed later.
 */
export interface Store {
  /**
   * Takes the session's lease for `ttlMs` milliseconds from now, by the store's clock. The session need not
   * exist. Answers `held: false` while another lease of it has not ended, even one of the same holder.
   */
  acquire(session: string, holder: string, ttlMs: number): Promise<LeaseAnswer>

  /**
   * Lets the lease end `ttlMs` milliseconds from now. Also when it had ended already, as long as nobody has
   * acquired or deleted the session since.
   */
  renew(session: string, epoch: number, ttlMs: number): Promise<LeaseAnswer>

  /** Ends the lease, if it is still that of the epoch. From then on nobody writes under it. */
  release(session: string, epoch: number): Promise<void>

  /** Reads a revision without its chunks; the newest one if no number is given. */
  read(session: string, revision?: number): Promise<ReadAnswer>

  /** Reads chunks: one for each name, in their order; `undefined` for one that is not there. isoseed asks for at most 64 at once. */
  chunks(session: string, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>

  /**
   * Writes a revision and chunks of it, whole or not at all, and durably when it is fulfilled. Two writes of
   * a session never mix, nor a write and `acquire`, `release`, `prune` or `delete`.
   *
   * In this order: `fenced`, unless `epoch` is that of the newest lease and was not released (the lease may
   * have ended); `written`, if the newest revision has this number and the same `head` (the caller has not
   * heard of its success, and asks again); `conflict`, unless the number is one more than the newest;
   * `missing`, if it names chunks that are neither stored nor in `chunks`. Then it is written; a chunk
   * that is there already is replaced by the given one, because it may be damaged.
   */
  write(session: string, epoch: number, revision: StoredRevision, chunks: readonly StoredChunk[]): Promise<WriteAnswer>

  /** At most `limit` revisions, the newest first: those before number `before`, if it is given. */
  history(session: string, limit: number, before?: number): Promise<readonly RevisionMeta[]>

  /** A session that has a revision. */
  find(session: string): Promise<SessionRecord | undefined>

  /**
   * At most `limit` sessions that have a revision and an id which begins with `prefix`. In any order that
   * stays the same: the page after one is asked for with that one's last id as `after`.
   */
  list(prefix: string, limit: number, after?: string): Promise<readonly SessionRecord[]>

  /** Removes a session with all it has, unless there is a lease that has not ended: then it answers with that. */
  delete(session: string): Promise<StoreLease | undefined>

  /** Removes revisions, except for the newest, and the chunks that no other revision has. Needs no lease. */
  prune(session: string, policy: RevisionPolicy): Promise<RevisionsPruned>

  /** Ends all connections, after what is under way. Leases stay as they are. Nothing is asked for afterwards, but `close`. */
  close(): Promise<void>
}
