// A store as a user would write one: in a few maps. Two that are opened on the same maps are two hosts.
import type { LeaseAnswer, ReadAnswer, RevisionMeta, RevisionPolicy, RevisionsPruned, SessionRecord, Store, StoreLease, StoredChunk, StoredRevision, WriteAnswer } from 'isoseed'

interface Session {
  createdAt: number
  epoch: number
  holder: string | undefined
  expiresAt: number
  revisions: Map<number, StoredRevision>
  chunks: Map<string, Uint8Array>
}

export interface Data {
  sessions: Map<string, Session>
  lastEpoch: number
}

export const emptyData = (): Data => ({ sessions: new Map(), lastEpoch: 0 })

export class MapStore implements Store {
  readonly data: Data

  constructor(data: Data) {
    this.data = data
  }

  async acquire(id: string, holder: string, ttlMs: number): Promise<LeaseAnswer> {
    const session = this.data.sessions.get(id) ?? { createdAt: Date.now(), epoch: 0, holder: undefined, expiresAt: 0, revisions: new Map(), chunks: new Map() }
    const lease = leaseOf(session)
    if (lease !== undefined) return { held: false, lease }
    this.data.sessions.set(id, session)
    Object.assign(session, { holder, epoch: ++this.data.lastEpoch, expiresAt: Date.now() + ttlMs })
    return { held: true, lease: { holder, epoch: session.epoch, expiresAt: session.expiresAt } }
  }

  async renew(id: string, epoch: number, ttlMs: number): Promise<LeaseAnswer> {
    const session = this.data.sessions.get(id)
    if (session?.holder === undefined || session.epoch !== epoch) return refusal(session)
    session.expiresAt = Date.now() + ttlMs
    return { held: true, lease: { holder: session.holder, epoch, expiresAt: session.expiresAt } }
  }

  async release(id: string, epoch: number): Promise<void> {
    const session = this.data.sessions.get(id)
    if (session?.epoch === epoch) session.holder = undefined
  }

  async read(id: string, revision?: number): Promise<ReadAnswer> {
    const session = this.data.sessions.get(id)
    const newest = newestOf(session)
    const found = session?.revisions.get(revision ?? newest)
    return { newest, ...(newest > 0 && { createdAt: session!.createdAt }), ...(found !== undefined && { revision: found }) }
  }

  async chunks(id: string, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.data.sessions.get(id)?.chunks.get(key))
  }

  async write(id: string, epoch: number, revision: StoredRevision, chunks: readonly StoredChunk[]): Promise<WriteAnswer> {
    const session = this.data.sessions.get(id)
    if (session?.holder === undefined || session.epoch !== epoch) return { status: 'fenced', ...leaseIn(session) }
    const newest = newestOf(session)
    const last = session.revisions.get(newest)
    if (newest === revision.revision && last !== undefined && Buffer.compare(last.head, revision.head) === 0) return { status: 'written' }
    if (revision.revision !== newest + 1) return { status: 'conflict', newest }
    const given = new Set(chunks.map(({ key }) => key))
    const keys = [...new Set(revision.chunks)].filter((key) => !given.has(key) && !session.chunks.has(key))
    if (keys.length > 0) return { status: 'missing', keys }
    for (const { key, bytes } of chunks) session.chunks.set(key, bytes)
    session.revisions.set(revision.revision, revision)
    return { status: 'written' }
  }

  async history(id: string, limit: number, before = Infinity): Promise<RevisionMeta[]> {
    const revisions = [...(this.data.sessions.get(id)?.revisions.values() ?? [])].filter(({ revision }) => revision < before)
    return revisions.toSorted((a, b) => b.revision - a.revision).slice(0, limit).map(metaOf)
  }

  async find(id: string): Promise<SessionRecord | undefined> {
    const session = this.data.sessions.get(id)
    const newest = session?.revisions.get(newestOf(session))
    if (session === undefined || newest === undefined) return undefined
    const storedBytes = [...session.revisions.values()].reduce((sum, revision) => sum + revision.storedBytes, 0)
    return { id, createdAt: session.createdAt, newest: metaOf(newest), revisions: session.revisions.size, storedBytes, ...leaseIn(session) }
  }

  async list(prefix: string, limit: number, after?: string): Promise<SessionRecord[]> {
    const ids = [...this.data.sessions].filter(([id, { revisions }]) => revisions.size > 0 && id.startsWith(prefix) && (after === undefined || id > after)).map(([id]) => id)
    return (await Promise.all(ids.toSorted().slice(0, limit).map((id) => this.find(id)))) as SessionRecord[]
  }

  async delete(id: string): Promise<StoreLease | undefined> {
    const lease = leaseOf(this.data.sessions.get(id))
    if (lease === undefined) this.data.sessions.delete(id)
    return lease
  }

  async prune(id: string, { keep, before, dryRun }: RevisionPolicy): Promise<RevisionsPruned> {
    const session = this.data.sessions.get(id)
    if (session === undefined) return { revisions: 0, bytes: 0 }
    const all = [...session.revisions.values()].toSorted((a, b) => b.revision - a.revision)
    const gone = all.slice(keep).filter(({ createdAt }) => createdAt < before)
    const kept = new Set(all.filter((revision) => !gone.includes(revision)).flatMap(({ chunks }) => chunks))
    const keys = [...new Set(gone.flatMap(({ chunks }) => chunks))].filter((key) => !kept.has(key))
    const bytes = keys.reduce((sum, key) => sum + (session.chunks.get(key)?.byteLength ?? 0), 0) + gone.reduce((sum, { head }) => sum + head.byteLength, 0)
    if (!dryRun) {
      for (const key of keys) session.chunks.delete(key)
      for (const { revision } of gone) session.revisions.delete(revision)
    }
    return { revisions: gone.length, bytes }
  }

  async close(): Promise<void> {}
}

function leaseOf(session: Session | undefined): StoreLease | undefined {
  if (session?.holder === undefined || session.expiresAt <= Date.now()) return undefined
  return { holder: session.holder, epoch: session.epoch, expiresAt: session.expiresAt }
}

function leaseIn(session: Session | undefined): { lease?: StoreLease } {
  const lease = leaseOf(session)
  return lease === undefined ? {} : { lease }
}

function refusal(session: Session | undefined): LeaseAnswer {
  return { held: false, ...leaseIn(session) }
}

function newestOf(session: Session | undefined): number {
  return Math.max(0, ...(session?.revisions.keys() ?? []))
}

function metaOf({ revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }: StoredRevision): RevisionMeta {
  return { revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }
}
