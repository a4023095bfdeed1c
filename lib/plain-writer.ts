import { Buffer } from 'node:buffer'
import { types } from 'node:util'

/**
 * Most of what crosses and is not a primitive are plain objects and arrays of
 * them. To make one of V8's serializers takes as long as to write a few
 * records, and it looks up by name what can be kept here. So these are written
 * here, in the same format (see `wire.ts`); all that is not surely plain, or
 * stands in a message twice, is left to V8.
 */

const VERSION = 15

const [UNDEFINED, NULL, TRUE, FALSE, INT, DOUBLE, STRING] = [0x5f, 0x30, 0x54, 0x46, 0x49, 0x4e, 0x22] as const
const [ARRAY, END_OF_ARRAY, OBJECT, END_OF_OBJECT] = [0x41, 0x24, 0x6f, 0x7b] as const

/** Larger messages take V8 less time. */
const ROOM = 2048
/** A list or an object with more is not looked at any further. */
const MOST_ITEMS = 32
const MOST_OBJECTS = 64
const LONGEST_STRING = 256
/** The most that a number takes, with its tag. */
const LARGEST_NUMBER = 9

const double = new Float64Array(1)
const doubleBytes = new Uint8Array(double.buffer)
/** The format is that of the machine, as V8's is: `lib/` has no other than these. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const prototype = Object.prototype
const { hasOwn, keys, getPrototypeOf } = Object
const classOf = prototype.toString

/** What is being written: made once, and in use by one message at a time. */
let bytes: Buffer | undefined
let isBusy = false
let at = 0
/** The objects of the message so far. All places are there from the start, so that no prototype is asked for one. */
const met: (object | undefined)[] = Array.from({ length: MOST_OBJECTS }, () => undefined)
let metCount = 0

/**
 * The message for plain objects and arrays, and what primitives are in them; none for all else.
 *
 * Getters run, and may run again when V8 writes the value instead.
 */
export function writePlain(value: unknown): Uint8Array | undefined {
  // A getter may make a call of its own.
  if (isBusy || typeof value !== 'object' || value === null || !isLittleEndian) return undefined
  isBusy = true
  try {
    bytes ??= Buffer.allocUnsafeSlow(ROOM)
    bytes[0] = 0xff
    bytes[1] = VERSION
    at = 2
    if (!write(bytes, value)) return undefined
    bytes[at++] = 0
    const message = Buffer.allocUnsafe(at)
    bytes.copy(message, 0, 0, at)
    return message
  } catch {
    // What a getter throws, V8's serializer meets as well, and who asks it says where.
    return undefined
  } finally {
    for (; metCount > 0; metCount -= 1) met[metCount - 1] = undefined
    isBusy = false
  }
}

/** Writes a value. `false`: V8 is to write the message. */
function write(to: Buffer, value: unknown): boolean {
  if (at > ROOM - LARGEST_NUMBER) return false
  switch (typeof value) {
    case 'string':
      return writeString(to, value)
    case 'number':
      writeNumber(to, value)
      return true
    case 'boolean':
      to[at++] = value ? TRUE : FALSE
      return true
    case 'undefined':
      to[at++] = UNDEFINED
      return true
    case 'object':
      if (value === null) {
        to[at++] = NULL
        return true
      }
      // No trap of a Proxy runs, and an object that comes again is V8's to refer to. So there is an end to it.
      if (metCount === MOST_OBJECTS || types.isProxy(value) || met.includes(value)) return false
      met[metCount++] = value
      return Array.isArray(value) ? writeArray(to, value) : writeObject(to, value)
    default:
      return false
  }
}

/** One without holes, and with nothing but its items. */
function writeArray(to: Buffer, array: readonly unknown[]): boolean {
  const { length } = array
  if (length > MOST_ITEMS || isStreaming(array) || keys(array).length !== length) return false
  to[at++] = ARRAY
  writeVarint(to, length)
  for (let index = 0; index < length; index += 1) {
    const item = array[index]
    if (item === undefined && !hasOwn(array, index)) return false
    if (!write(to, item)) return false
  }
  // A getter may have changed it.
  if (array.length !== length || at > ROOM - LARGEST_NUMBER) return false
  to[at++] = END_OF_ARRAY
  to[at++] = 0
  writeVarint(to, length)
  return true
}

/** One that nothing tells from an object of `{}`; an empty one may be something else with another prototype. */
function writeObject(to: Buffer, object: object): boolean {
  if (getPrototypeOf(object) !== prototype || classOf.call(object) !== '[object Object]' || isStreaming(object)) return false
  const names = keys(object)
  if (names.length === 0 || names.length > MOST_ITEMS) return false
  to[at++] = OBJECT
  for (const name of names) {
    // V8 writes an index as a number.
    const first = name.charCodeAt(0)
    if (first <= 0x39 && first >= 0x30) return false
    if (at > ROOM - LARGEST_NUMBER || !writeString(to, name)) return false
    const value = (object as Record<string, unknown>)[name]
    // A getter may have removed it.
    if (value === undefined && !hasOwn(object, name)) return false
    if (!write(to, value)) return false
  }
  if (at > ROOM - LARGEST_NUMBER) return false
  to[at++] = END_OF_OBJECT
  writeVarint(to, names.length)
  return true
}

function isStreaming(object: object): boolean {
  return (object as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] !== undefined
}

/** One byte a character: others take V8's form of two. */
function writeString(to: Buffer, text: string): boolean {
  const { length } = text
  if (length > LONGEST_STRING || at + length > ROOM - 2 * LARGEST_NUMBER) return false
  to[at++] = STRING
  writeVarint(to, length)
  let next = at
  for (let index = 0; index < length; index += 1) {
    const character = text.charCodeAt(index)
    if (character > 0xff) return false
    to[next++] = character
  }
  at = next
  return true
}

function writeNumber(to: Buffer, value: number): void {
  if ((value | 0) === value && !(value === 0 && 1 / value < 0)) {
    to[at++] = INT
    writeVarint(to, ((value << 1) ^ (value >> 31)) >>> 0)
    return
  }
  to[at++] = DOUBLE
  double[0] = value
  for (let index = 0; index < 8; index += 1) to[at++] = doubleBytes[index] as number
}

function writeVarint(to: Buffer, value: number): void {
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) to[at++] = (rest & 0x7f) | 0x80
  to[at++] = rest
}
