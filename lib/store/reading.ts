import { IsoseedError } from '../errors.js'
import { asked } from './failure.js'
import { unpack } from './packing.js'
import type { Unpacked } from './packing.js'
import { historyOf } from './sessions.js'
import type { ReadAnswer, RevisionMeta, Store, StoredRevision } from './types.js'

/** Chunks that are read at once: some megabytes. */
const CHUNKS_AT_ONCE = 64
/** No chunk but a state's last is shorter. */
const SMALLEST_CHUNK = 8192

/** The session whose revisions are read, and how. */
export interface ReadFrom {
  readonly store: Store
  readonly session: string
  /** Each may be the one that it was encrypted with. */
  readonly keys: readonly Uint8Array[]
  /** A state is refused that is longer, before memory is taken for it. */
  readonly maxBytes: number
}

/** A revision that is sound. */
export interface ReadRevision extends Unpacked {
  readonly stored: StoredRevision
}

/** Why an older revision was taken. */
export interface Recovered {
  /** The newest revision, which can't be read. */
  readonly revision: number
  /** What is wrong with each that can't be, the newest first. */
  readonly reasons: readonly string[]
}

/**
 * Reads one revision, as it is.
 *
 * @returns `undefined` if there is none with this number
 * @throws `IsoseedError` with `ERR_SESSION_DAMAGED`, `ERR_SESSION_KEY`, `ERR_STATE_LIMIT` or `ERR_STORE`
 */
export async function readRevision(from: ReadFrom, revision: number): Promise<ReadRevision | undefined> {
  const { store, session } = from
  const { revision: stored } = await asked('read a revision', () => store.read(session, revision))
  return stored === undefined ? undefined : read(from, stored, revision)
}

/**
 * Reads the newest revision that is sound.
 *
 * @param newest what the store has answered when it was asked for the newest; there must be one
 * @throws `IsoseedError` with `ERR_SESSION_DAMAGED` if none is sound, `ERR_SESSION_KEY`, `ERR_STATE_LIMIT` or `ERR_STORE`
 */
export async function readSound(from: ReadFrom, { newest, revision }: ReadAnswer): Promise<ReadRevision & { readonly recovered?: Recovered }> {
  const { store, session } = from
  const reasons: string[] = []
  let found = await tryRead(from, newest, revision, reasons)
  if (found !== undefined) return found
  for await (const older of historyOf(store, session, newest)) {
    found = await tryRead(from, older.revision, undefined, reasons)
    if (found !== undefined) return { ...found, recovered: { revision: newest, reasons } }
  }
  const what = `no revision of session ${JSON.stringify(session)} is sound: ${reasons.slice(0, 5).join('; ')}`
  throw new IsoseedError('ERR_SESSION_DAMAGED', what)
}

/** What is known of a revision, without what isoseed needs of it. */
export function metaOf({ revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }: StoredRevision): RevisionMeta {
  return { revision, createdAt, schema, snapshotKey, hash, bytes, storedBytes }
}

/** A state is too long to be read or written. */
export function tooLong(actual: number, max: number): IsoseedError {
  const details = { name: 'payloadBytes', actual, max }
  return new IsoseedError('ERR_STATE_LIMIT', `the state passed its limit payloadBytes of ${max}: ${actual}`, { details })
}

/** A revision, or the reason why there is none. */
async function tryRead(from: ReadFrom, number: number, given: StoredRevision | undefined, reasons: string[]): Promise<ReadRevision | undefined> {
  const { store, session } = from
  try {
    const stored = given ?? (await asked('read a revision', () => store.read(session, number))).revision
    if (stored !== undefined) return await read(from, stored, number)
    reasons.push(`revision ${number} is lost`)
  } catch (error) {
    if (!(error instanceof IsoseedError) || error.code !== 'ERR_SESSION_DAMAGED') throw error
    reasons.push(error.message)
  }
  return undefined
}

async function read({ store, session, keys, maxBytes }: ReadFrom, stored: StoredRevision, number: number): Promise<ReadRevision> {
  // Sound in itself, but an older one must not pass for it.
  if (stored.revision !== number) throw new IsoseedError('ERR_SESSION_DAMAGED', `revision ${number} is damaged: it is revision ${stored.revision}`)
  // What the store says, and what the head is checked against before memory is taken.
  if (stored.bytes > maxBytes) throw tooLong(stored.bytes, maxBytes)
  // More chunks than a state of this length is cut into are not asked for.
  if (stored.chunks.length > stored.bytes / SMALLEST_CHUNK + 1) {
    throw new IsoseedError('ERR_SESSION_DAMAGED', `revision ${number} is damaged: it has ${stored.chunks.length} chunks for ${stored.bytes} bytes`)
  }
  const names = [...new Set(stored.chunks)]
  const chunks: Uint8Array[] = []
  for (let from = 0; from < names.length; from += CHUNKS_AT_ONCE) {
    const batch = names.slice(from, from + CHUNKS_AT_ONCE)
    const found = await asked('read chunks', () => store.chunks(session, batch))
    for (const index of batch.keys()) chunks.push(found[index] ?? new Uint8Array())
  }
  return { ...(await unpack(session, stored, chunks, keys)), stored }
}
