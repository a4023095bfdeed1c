import { Buffer } from 'node:buffer'

/**
 * The agreement with the Rust side about encoded values: V8's own serializer
 * does the work, and what it can't do, or not portably, goes through host
 * objects (errors, array buffer views, functions and streams), each of them
 * beginning with a kind.
 */

/** Host object kind: an error whose parts follow after the root value. */
export const ERROR_SHELL = 0

/** Host object kind: a view, which follows in V8's own form. */
export const VIEW = 1

/** Follows the root value: one more list of an error's parts. */
export const MORE_DETAILS = 1

/** Follows the last list of parts. */
export const END_OF_DETAILS = 0

/** The byte V8 writes before an error; a message without this byte holds none. */
export const V8_ERROR_TAG = 0x72

/** Error classes by their number on the wire. */
export const ERROR_CLASSES = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
] as const

/** The properties of an error that cross, in the order they are written. */
export const ERROR_KEYS = ['message', 'stack', 'cause', 'code', 'name', 'errors'] as const
export type ErrorKey = (typeof ERROR_KEYS)[number]

/** Kinds of host objects that stand for functions and streams: then follow their owner and their number there. */
export const ReferenceKind = { Function: 2, Stream: 3 } as const
export type ReferenceKind = (typeof ReferenceKind)[keyof typeof ReferenceKind]

/** Whose a function or stream is. */
export const Owner = { Guest: 0, Host: 1 } as const
export type Owner = (typeof Owner)[keyof typeof Owner]

/** What a reference stands for; `Readable` is a `ReadableStream`. */
export const Nature = { Function: 0, SyncFunction: 1, Iterable: 2, Readable: 3 } as const
export type Nature = (typeof Nature)[keyof typeof Nature]

export function kindOf(nature: Nature): ReferenceKind {
  return nature === Nature.Function || nature === Nature.SyncFunction ? ReferenceKind.Function : ReferenceKind.Stream
}

/** A function or stream that the sender of a message brings. */
export interface Brought {
  number: number
  nature: Nature
}

/** Instead of `END_OF_DETAILS`, and once more as the last byte: the list of what the message brings stands between them. */
const REFERENCES_FOLLOW = 2
const ENTRY_BYTES = 5
const COUNT_BYTES = 4

/** The end of a message that brings references. */
export function endWith(brought: readonly Brought[]): Buffer {
  const bytes = Buffer.alloc(1 + brought.length * ENTRY_BYTES + COUNT_BYTES + 1)
  let at = bytes.writeUInt8(REFERENCES_FOLLOW, 0)
  for (const { number, nature } of brought) at = bytes.writeUInt8(nature, bytes.writeUInt32LE(number, at))
  at = bytes.writeUInt32LE(brought.length, at)
  bytes.writeUInt8(REFERENCES_FOLLOW, at)
  return bytes
}

const NONE: readonly Brought[] = []

/** What a message brings; nothing if it is not one of ours. */
export function broughtBy(message: Uint8Array): readonly Brought[] {
  const end = message.length - 1 - COUNT_BYTES
  if (message.at(-1) !== REFERENCES_FOLLOW || end < 0) return NONE
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const count = bytes.readUInt32LE(end)
  if (count * ENTRY_BYTES > end) return NONE
  return Array.from({ length: count }, (_, index) => {
    const at = end - (count - index) * ENTRY_BYTES
    return { number: bytes.readUInt32LE(at), nature: bytes.readUInt8(at + COUNT_BYTES) as Nature }
  })
}
