/** A state that was written down. */
export interface KeptState {
  /** The document: see docs/state-format.md. */
  readonly bytes: Uint8Array
  /** Its SHA-256, in hex. */
  readonly hash: string
  /** The globals that are not in it. */
  readonly unkept: readonly { readonly name: string; readonly path: string; readonly why: string }[]
  /** Whether it is that of a session in which nothing has happened. */
  readonly isEmpty: boolean
}

/** What the engine says of a document. */
interface Told {
  readonly hash: string
  readonly objects: number
  readonly variables: readonly string[]
  readonly unkept: KeptState['unkept']
}

const DIGEST_BYTES = 32
/** The mark, the version, the number of variables. */
const HEAD_BYTES = 11
/** A new object: an ordinary one, without flags and properties. */
const EMPTY_OBJECT = '09000000'

/** What an export of an isolate brought. */
export function keptState(bytes: Uint8Array, json: string): KeptState {
  const { hash, objects, variables, unkept } = JSON.parse(json) as Told
  const [name = ''] = variables
  const end = bytes.byteLength - DIGEST_BYTES
  // The name with its length in one byte, as a short ASCII name has it, and attributes.
  const isSmallest = end === HEAD_BYTES + 1 + name.length + 1 + EMPTY_OBJECT.length / 2
  const isEmpty = isSmallest && objects === 1 && hex(bytes.subarray(end - EMPTY_OBJECT.length / 2, end)) === EMPTY_OBJECT
  return { bytes, hash, unkept, isEmpty }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
