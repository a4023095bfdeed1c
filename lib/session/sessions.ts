import { Given, MAX_TIMEOUT_MS, wrong } from '../checks.js'
import { tooLong } from '../store/reading.js'
import { deleteSession, listSessions, pruneSessions } from '../store/sessions.js'
import type { PrunePolicy, PruneReport } from '../store/sessions.js'
import type { SessionRecord, Store } from '../store/types.js'
import { checkSessionId, checkStore } from './options.js'
import { IMPORT_OPTIONS, INSPECT_OPTIONS, READ_OPTIONS, checkImport, checkInspect, checkRead, importState, inspectSession, readState } from './stored.js'
import type { ImportStateOptions, InspectSessionOptions, ReadStateOptions, SessionInspection, StoredState } from './stored-types.js'
import { useStore } from './stores.js'
import type { SavedState } from './types.js'

/** The sessions of a store, without opening any. */
export interface Sessions {
  /**
   * All sessions whose ids begin with a prefix, in an order of the store's; page by page, so there may be any number. Their
   * states are not read: `inspect` tells what is in one.
   *
   * @param prefix default `''`: all
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STORE` when it is read
   */
  list(store: Store | string, prefix?: string): AsyncIterable<SessionRecord>
  /**
   * One session and what is in its state: how large it is, which names it has, and what is under them. Needs neither
   * an isolate nor the session's lease, so somebody may have it open.
   *
   * Takes time and memory in proportion to the state, off the event loop; what it tells is bounded. Of a state that is
   * encrypted, and without a key, it tells what the store knows.
   *
   * @returns `undefined` if there is no such session, or no such revision
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_SESSION_KEY` if none of the keys is the right one, `ERR_SESSION_DAMAGED` if no
   * revision is sound, `ERR_STATE_LIMIT`, `ERR_STATE_CORRUPT` or `ERR_STORE`
   */
  inspect(store: Store | string, id: string, options?: InspectSessionOptions): Promise<SessionInspection | undefined>
  /**
   * The state of a session as bytes, as `session.exportState` gives them. Needs neither an isolate nor the session's
   * lease; what somebody has not saved yet is not in it.
   *
   * @returns `undefined` if there is no such session, or no such revision
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws as `inspect`
   */
  exportState(store: Store | string, id: string, options?: ReadStateOptions): Promise<StoredState | undefined>
  /**
   * Makes bytes of `exportState` the state of a session, as its next revision: all of them, or nothing is changed. The
   * session is made if there is none. Needs no isolate: whether the snapshot has the code that the state refers to is
   * found out when the session is opened. **A state with kept functions is code.**
   *
   * Bytes that the session has already are not written again.
   *
   * @returns the newest revision
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STATE_CORRUPT` if the bytes are no state, `ERR_STATE_LIMIT`, `ERR_SESSION_LOCKED`
   * while somebody has the session, `ERR_SESSION_KEY` if what it has now is encrypted with another key,
   * `ERR_SESSION_DAMAGED` if no revision of it is sound, `ERR_SESSION_LEASE_LOST` or `ERR_STORE`
   */
  importState(store: Store | string, id: string, bytes: Uint8Array, options?: ImportStateOptions): Promise<SavedState>
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
  inspect(store, id, options = {}) {
    const [from, checked] = [checkStore('sessions.inspect', store), checkSessionId('sessions.inspect', id)]
    const request = checkInspect(new Given('sessions.inspect', options, INSPECT_OPTIONS))
    return withStore(from, (opened) => inspectSession(opened, checked, request))
  },
  exportState(store, id, options = {}) {
    const [from, checked] = [checkStore('sessions.exportState', store), checkSessionId('sessions.exportState', id)]
    const request = checkRead(new Given('sessions.exportState', options, READ_OPTIONS))
    return withStore(from, (opened) => readState(opened, checked, request))
  },
  importState(store, id, bytes, options = {}) {
    const [from, checked] = [checkStore('sessions.importState', store), checkSessionId('sessions.importState', id)]
    if (!(bytes instanceof Uint8Array)) throw wrong('sessions.importState', 'bytes', 'a Uint8Array', bytes)
    const request = checkImport(new Given('sessions.importState', options, IMPORT_OPTIONS))
    const max = request.limits.payloadBytes
    // Before it is copied.
    if (bytes.byteLength > max) return Promise.reject(tooLong(bytes.byteLength, max))
    const state = bytes.slice()
    return withStore(from, (opened) => importState(opened, checked, state, request))
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
