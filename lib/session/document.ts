// What a document says of itself before it is read: see docs/state-format.md.
import type { NativeStateRequest } from '../../native.js'
import { connect } from '../connection.js'
import { IsoseedError } from '../errors.js'
import type { StateOverview } from './stored-types.js'

/** The mark, and the version. */
const PREAMBLE_BYTES = 10
/** The tag of a text of at most 95 ASCII letters has its length in it. */
const SHORT_TEXT = 0x20
const LONGEST_SHORT_TEXT = 95
/** A count has at most so many groups of 7 bits: it is one of bytes. */
const LARGEST_FACTOR = 128 ** 4
/** So many names stand in a message. */
const MOST_NAMES = 10

/** The beginning of a document. */
interface Head {
  /** How many variables it has. */
  readonly count: number
  /** The name of the first, if it is short. What isoseed wrote has the state first. */
  readonly first: string | undefined
}

/** All that a document says of itself, without an isolate. */
export async function overviewOf(bytes: Uint8Array, request: NativeStateRequest): Promise<Omit<StateOverview, 'revision' | 'recovered'>> {
  const { native } = connect()
  const { json } = await connect().request((id) => native.inspectState(id, bytes, request))
  return JSON.parse(json as string) as Omit<StateOverview, 'revision' | 'recovered'>
}

/** Whether a document has no variables. One that is damaged may seem so. */
export function isBare(bytes: Uint8Array): boolean {
  return headOf(bytes).count === 0
}

/** Whether the state is in a document that isoseed wrote. */
export function hasState(bytes: Uint8Array, { state }: NativeStateRequest): boolean {
  return headOf(bytes).first === state
}

/**
 * Refuses a document of which a part would be lost: the session's next save has the state, and only with `keepGlobals`
 * other variables.
 *
 * @throws `IsoseedError` with `ERR_SESSION_SCHEMA`, or with `ERR_STATE_CORRUPT` or `ERR_STATE_LIMIT`
 */
export async function checkVariables(session: string, bytes: Uint8Array, request: NativeStateRequest): Promise<void> {
  const { state, keepGlobals } = request
  const { count } = headOf(bytes)
  if (count === 0 || (hasState(bytes, request) && (count === 1 || keepGlobals))) return
  // The head was read without a look at the rest: it may be that of no document.
  const { variables } = await overviewOf(bytes, request)
  const names = variables.map(({ name }) => name)
  const others = names.filter((name) => name !== state)
  const subject = `session ${JSON.stringify(session)} keeps ${state}`
  if (others.length === names.length) {
    throw new IsoseedError('ERR_SESSION_SCHEMA', `${subject}, and the state that it was to read has no such variable: it has ${listed(others, count)}`)
  }
  if (keepGlobals || others.length === 0) return
  const message = `${subject} alone, and the state that it was to read has other variables, which keepGlobals keeps: ${listed(others, count - 1)}`
  throw new IsoseedError('ERR_SESSION_SCHEMA', message)
}

function headOf(bytes: Uint8Array): Head {
  let at = PREAMBLE_BYTES
  let count = 0
  for (let factor = 1; factor <= LARGEST_FACTOR; factor *= 128) {
    const byte = bytes[at++] ?? 0
    count += (byte & 127) * factor
    if (byte < 128) break
  }
  const length = (bytes[at++] ?? 0) - SHORT_TEXT
  const isShort = length >= 0 && length <= LONGEST_SHORT_TEXT
  return { count, first: isShort ? String.fromCharCode(...bytes.subarray(at, at + length)) : undefined }
}

function listed(names: readonly string[], count: number): string {
  const shown = names.slice(0, MOST_NAMES)
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`
}
