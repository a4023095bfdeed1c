// States of sessions that are not opened: read and written without an isolate.
import { isInteger } from '../checks.js'
import type { Given } from '../checks.js'
import { IsoseedError } from '../errors.js'
import { asked } from '../store/failure.js'
import { Ledger } from '../store/ledger.js'
import type { Packing } from '../store/packing.js'
import { metaOf, readRevision, readSound } from '../store/reading.js'
import type { ReadFrom, ReadRevision, Recovered } from '../store/reading.js'
import type { Store } from '../store/types.js'
import { overviewOf } from './document.js'
import { checkKeys, checkLease, checkLimits, checkStateName, checkVersion } from './options.js'
import type { SessionInspection, StoredState } from './stored-types.js'
import type { SavedState, StateLimits } from './types.js'

/** Revisions that are written and removed while one is read: after so many, it was not that. */
const ATTEMPTS = 5

/** How a state is read. */
export interface ReadRequest {
  readonly keys: readonly Uint8Array[]
  readonly limits: Readonly<StateLimits>
  readonly revision: number | undefined
}

/** How a state is inspected. */
export interface InspectRequest extends ReadRequest {
  readonly state: string
}

/** How a state is imported. */
export interface ImportRequest {
  readonly packing: Packing
  readonly limits: Readonly<StateLimits>
  readonly schema: number | undefined
  readonly holder: string
  readonly ttlMs: number
}

export const READ_OPTIONS = ['encryptionKey', 'limits', 'revision'] as const
export const INSPECT_OPTIONS = [...READ_OPTIONS, 'state'] as const
export const IMPORT_OPTIONS = ['encryptionKey', 'compression', 'limits', 'schema', 'lease'] as const

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkRead(given: Given): ReadRequest {
  const revision = given.get('revision')
  if (revision !== undefined && !isInteger(revision, [1, Number.MAX_SAFE_INTEGER])) throw given.fail('revision', 'a positive integer')
  return { keys: checkKeys(given), limits: checkLimits(given), revision }
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkInspect(given: Given): InspectRequest {
  return { ...checkRead(given), state: checkStateName(given) }
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkImport(given: Given): ImportRequest {
  const schema = checkVersion(given)
  const packing: Packing = { keys: checkKeys(given), compression: given.choice('compression', ['zstd', 'none']) }
  return { packing, limits: checkLimits(given), schema, ...checkLease(given) }
}

/** One session, with what is in its state; `undefined` if there is no such session or revision. */
export async function inspectSession(store: Store, session: string, request: InspectRequest): Promise<SessionInspection | undefined> {
  const record = await asked('find a session', () => store.find(session))
  if (record === undefined) return undefined
  const encrypted = request.keys.length > 0
  let found
  try {
    found = await readState(store, session, request)
  } catch (error) {
    // Without a key, that there is one is all that can be told.
    if (!encrypted && (error as Partial<IsoseedError>).code === 'ERR_SESSION_KEY') return { ...record, encrypted: true }
    throw error
  }
  if (found === undefined) return undefined
  const { bytes, revision, recovered } = found
  const overview = await overviewOf(bytes, { state: request.state, keepGlobals: true, ...request.limits })
  return { ...record, encrypted, state: { revision, ...(recovered === undefined ? {} : { recovered }), ...overview } }
}

/** The state of a session as bytes; `undefined` if there is no such session or revision. */
export async function readState(store: Store, session: string, { keys, limits, revision }: ReadRequest): Promise<StoredState | undefined> {
  const from: ReadFrom = { store, session, keys, maxBytes: limits.payloadBytes }
  const found = await readUnlocked(from, revision)
  if (found === undefined) return undefined
  const { state, sha256, stored, recovered } = found
  return { bytes: state, hash: sha256, revision: metaOf(stored), ...(recovered === undefined ? {} : { recovered }) }
}

/** Makes bytes the state of a session: all of them, or nothing is changed. */
export async function importState(store: Store, session: string, state: Uint8Array, request: ImportRequest): Promise<SavedState> {
  const { packing, limits, schema, holder, ttlMs } = request
  const { hash, bytes } = await overviewOf(state, { state: 'state', keepGlobals: true, ...limits })
  const ledger = await Ledger.open({ store, session, holder, ttlMs, packing, maxBytes: limits.payloadBytes })
  let saved
  try {
    const loaded = await ledger.load()
    const within = { schema: schema ?? loaded?.revision.schema ?? 0, snapshotKey: loaded?.revision.snapshotKey ?? '' }
    saved = await ledger.save(state, within)
  } catch (error) {
    await ledger.close().catch(() => undefined)
    throw error
  }
  await ledger.close()
  return { revision: saved.revision.revision, bytes, hash }
}

/** Reads what nobody keeps others from changing: a revision may be removed on the way. */
async function readUnlocked(from: ReadFrom, revision: number | undefined): Promise<(ReadRevision & { recovered?: Recovered }) | undefined> {
  for (let attempt = 1; ; attempt++) {
    const answer = await asked('read a revision', () => from.store.read(from.session))
    if (answer.newest === 0) return undefined
    try {
      return revision === undefined ? await readSound(from, answer) : await readRevision(from, revision)
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof IsoseedError) || error.code !== 'ERR_SESSION_DAMAGED') throw error
      // Not damaged, but gone: or there is a newer one that took its place.
      if (revision === undefined ? await isStill(from, answer.newest) : await has(from, revision)) throw error
    }
  }
}

async function isStill({ store, session }: ReadFrom, newest: number): Promise<boolean> {
  return (await asked('read a revision', () => store.read(session))).newest === newest
}

async function has({ store, session }: ReadFrom, revision: number): Promise<boolean> {
  return (await asked('read a revision', () => store.read(session, revision))).revision !== undefined
}
