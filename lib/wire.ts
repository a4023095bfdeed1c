/**
 * The agreement with the Rust side about encoded values: V8's own serializer
 * does the work, and what it can't do portably goes through host objects
 * (errors and array buffer views), each of them beginning with a kind.
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
