import { connect } from '../connection.js'
import type { StoredChunk, StoredRevision } from './types.js'

/** How a session's states are kept: the same in every store. */
export interface Packing {
  /** 32 bytes. States are encrypted with the first; the others open what was written before. */
  readonly keys: readonly Uint8Array[]
  readonly compression: 'zstd' | 'none'
}

/** A revision that is to be made. */
export interface PackOrder {
  readonly session: string
  readonly revision: number
  readonly createdAt: number
  readonly schema: number
  readonly snapshotKey: string
  /** Chunks that the store has. */
  readonly known: Iterable<string>
  /** The state's hex SHA-256, where it is known. */
  readonly sha256: string | undefined
  /** Nothing is made for a state with this SHA-256. */
  readonly unless: string | undefined
}

/** A revision, and the chunks that are new. */
export interface Packed {
  readonly revision: StoredRevision
  /** The state's hex SHA-256. */
  readonly sha256: string
  readonly chunks: readonly StoredChunk[]
}

/** A state that was put together again. */
export interface Unpacked {
  readonly state: Uint8Array
  readonly sha256: string
  /** Whether it was encrypted with a key other than the first. */
  readonly underOldKey: boolean
}

/**
 * Makes a revision of a state; nothing if the state is the one that `unless` names.
 *
 * @throws `IsoseedError` with `ERR_STORE`
 */
export async function pack(state: Uint8Array, order: PackOrder, { keys, compression }: Packing): Promise<Packed | undefined> {
  const { native } = connect()
  const request = JSON.stringify({ ...order, known: [...order.known], compressed: compression === 'zstd' })
  const { json, buffers = [] } = await connect().request((id) => native.packState(id, state, request, keys[0]))
  const made = JSON.parse(json as string) as { revision: Omit<StoredRevision, 'head'>; sha256: string; keys: string[] } | null
  if (made === null) return undefined
  const [head, ...chunks] = buffers as Uint8Array[]
  return {
    revision: { ...made.revision, head: head as Uint8Array },
    sha256: made.sha256,
    chunks: made.keys.map((key, index) => ({ key, bytes: chunks[index] as Uint8Array })),
  }
}

/**
 * Puts a state together, and sees that it is the one that was written.
 *
 * @param chunks one for each name that the revision has, each once, in the order of their first places; empty for
 * one that is not there
 * @throws `IsoseedError` with `ERR_SESSION_DAMAGED`, or with `ERR_SESSION_KEY` if none of the keys is the right one
 */
export async function unpack(session: string, { head, ...revision }: StoredRevision, chunks: readonly Uint8Array[], keys: readonly Uint8Array[]): Promise<Unpacked> {
  const { native } = connect()
  const request = JSON.stringify({ session, revision })
  const { json, buffers } = await connect().request((id) => native.unpackState(id, request, [head, ...chunks], [...keys]))
  return { ...(JSON.parse(json as string) as Omit<Unpacked, 'state'>), state: buffers?.[0] as Uint8Array }
}
