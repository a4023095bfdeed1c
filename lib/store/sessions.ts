import { asked, locked } from './failure.js'
import type { RevisionMeta, SessionRecord, Store } from './types.js'

/** Records in memory at once. */
const PAGE = 256

/** What `pruneSessions` removes. Without any of it, nothing. */
export interface PrunePolicy {
  /** Of each session so many of the newest revisions stay. */
  readonly keep?: number | undefined
  /** Revisions that are older go, in milliseconds; the newest of each session stays. */
  readonly olderThanMs?: number | undefined
  /** Sessions whose newest revision is older go whole, in milliseconds; not those that somebody holds. */
  readonly idleMs?: number | undefined
  /** Only sessions whose id begins with it. */
  readonly prefix?: string | undefined
  /** Only count. */
  readonly dryRun?: boolean | undefined
}

/** What was removed, or would be. */
export interface PruneReport {
  /** Sessions that went whole. */
  sessions: number
  /** Revisions, those of such sessions included. */
  revisions: number
  /** What they took in the store, in bytes. */
  bytes: number
}

/** A store's sessions whose ids begin with a prefix, page by page: there may be any number. */
export async function* listSessions(store: Store, prefix = ''): AsyncGenerator<SessionRecord, void, void> {
  for (let after: string | undefined; ; ) {
    const from = after
    const page = await asked('list sessions', () => store.list(prefix, PAGE, from))
    yield* page
    if (page.length < PAGE) return
    after = page.at(-1)?.id
  }
}

/** A session's revisions, the newest first, page by page. */
export async function* historyOf(store: Store, session: string, before?: number): AsyncGenerator<RevisionMeta, void, void> {
  for (let from = before; ; ) {
    const last = from
    const page = await asked('list revisions', () => store.history(session, PAGE, last))
    yield* page
    if (page.length < PAGE) return
    from = page.at(-1)?.revision
  }
}

/**
 * Removes a session with all its revisions; nothing if there is none.
 *
 * @throws `IsoseedError` with `ERR_SESSION_LOCKED` while somebody has it, or `ERR_STORE`
 */
export async function deleteSession(store: Store, session: string): Promise<void> {
  const lease = await asked('delete a session', () => store.delete(session))
  if (lease !== undefined) throw locked(session, lease)
}

/** Removes what nobody needs any more. */
export async function pruneSessions(store: Store, { keep, olderThanMs, idleMs, prefix, dryRun = false }: PrunePolicy): Promise<PruneReport> {
  const report = { sessions: 0, revisions: 0, bytes: 0 }
  const now = Date.now()
  for await (const { id, newest, lease, revisions, storedBytes } of listSessions(store, prefix)) {
    const idle = idleMs !== undefined && newest !== undefined && newest.createdAt < now - idleMs && lease === undefined
    // Somebody may have taken it meanwhile.
    if (idle && (dryRun || (await asked('delete a session', () => store.delete(id))) === undefined)) {
      report.sessions += 1
      report.revisions += revisions
      report.bytes += storedBytes
    } else if (keep !== undefined || olderThanMs !== undefined) {
      const before = olderThanMs === undefined ? Number.MAX_SAFE_INTEGER : now - olderThanMs
      const pruned = await asked('prune a session', () => store.prune(id, { keep: keep ?? 1, before, dryRun }))
      report.revisions += pruned.revisions
      report.bytes += pruned.bytes
    }
  }
  return report
}
