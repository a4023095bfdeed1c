import { Given, MAX_TIMEOUT_MS, wrong } from '../checks.js'
import { asked } from '../store/failure.js'
import { deleteSession, listSessions, pruneSessions } from '../store/sessions.js'
import type { PrunePolicy, PruneReport } from '../store/sessions.js'
import type { SessionRecord, Store } from '../store/types.js'
import { checkSessionId, checkStore } from './options.js'
import { useStore } from './stores.js'

/** The sessions of a store, without opening any. */
export interface Sessions {
  /**
   * All sessions whose ids begin with a prefix, in an order of the store's; page by page, so there may be any number.
   *
   * @param prefix default `''`: all
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STORE` when it is read
   */
  list(store: Store | string, prefix?: string): AsyncIterable<SessionRecord>
  /**
   * One session; `undefined` if it has never been saved.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STORE`
   */
  inspect(store: Store | string, id: string): Promise<SessionRecord | undefined>
  /**
   * Removes a session with all its revisions; nothing if there is none.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_SESSION_LOCKED` while somebody has it open, or `ERR_STORE`
   */
  delete(store: Store | string, id: string): Promise<void>
  /**
   * Removes old revisions and idle sessions. The newest revision of a session stays, unless the whole session goes.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STORE`
   */
  prune(store: Store | string, policy: PrunePolicy): Promise<PruneReport>
}

/** The sessions of a store, without opening any. */
export const sessions: Sessions = {
  list(store, prefix = '') {
    const from = checkStore('sessions.list', store)
    if (typeof prefix !== 'string') throw wrong('sessions.list', 'prefix', 'a string', prefix)
    return listed(from, prefix)
  },
  inspect(store, id) {
    const [from, checked] = [checkStore('sessions.inspect', store), checkSessionId('sessions.inspect', id)]
    return withStore(from, (opened) => asked('find a session', () => opened.find(checked)))
  },
  delete(store, id) {
    const [from, checked] = [checkStore('sessions.delete', store), checkSessionId('sessions.delete', id)]
    return withStore(from, (opened) => deleteSession(opened, checked))
  },
  prune(store, policy) {
    const from = checkStore('sessions.prune', store)
    const checked = checkPolicy(policy)
    return withStore(from, (opened) => pruneSessions(opened, checked))
  },
}

async function* listed(from: Store | string, prefix: string): AsyncGenerator<SessionRecord, void, void> {
  const use = await useStore(from)
  try {
    yield* listSessions(use.store, prefix)
  } finally {
    await use.release()
  }
}

async function withStore<T>(from: Store | string, work: (store: Store) => Promise<T>): Promise<T> {
  const use = await useStore(from)
  try {
    return await work(use.store)
  } finally {
    await use.release()
  }
}

function checkPolicy(policy: unknown): PrunePolicy {
  const given = new Given('sessions.prune', policy, ['keep', 'olderThanMs', 'idleMs', 'prefix', 'dryRun'])
  const optional = (name: string, range: readonly [number, number]): number | undefined =>
    given.get(name) === undefined ? undefined : given.integer(name, range, 0)
  const prefix = given.get('prefix')
  if (prefix !== undefined && typeof prefix !== 'string') throw given.fail('prefix', 'a string')
  return {
    keep: optional('keep', [1, MAX_TIMEOUT_MS]),
    olderThanMs: optional('olderThanMs', [0, Number.MAX_SAFE_INTEGER]),
    idleMs: optional('idleMs', [0, Number.MAX_SAFE_INTEGER]),
    prefix,
    dryRun: given.boolean('dryRun', false),
  }
}
