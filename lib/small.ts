import { Buffer } from 'node:buffer'
import { types } from 'node:util'

/**
 * Most calls take and answer a few primitives. V8's own serializer costs more
 * than all the rest of such a call, so these are written and read here: in the
 * same format, a part of it (see `wire.ts`).
 */

const MOST_ARGUMENTS = 16
const LONGEST_STRING = 256

const VERSION = 15

const [UNDEFINED, NULL, TRUE, FALSE, INT, DOUBLE, STRING, ARRAY, END_OF_ARRAY] = [0x5f, 0x30, 0x54, 0x46, 0x49, 0x4e, 0x22, 0x41, 0x24] as const

const double = new DataView(new ArrayBuffer(8))

/** The message for a list of arguments; none if it holds anything but small primitives. */
export function encodeSmallArguments(args: readonly unknown[]): Uint8Array | undefined {
  const { length } = args
  if (length > MOST_ARGUMENTS || types.isProxy(args)) return undefined
  let size = 8
  for (let index = 0; index < length; index += 1) {
    const itemSize = sizeOf(args[index])
    if (itemSize === 0) return undefined
    size += itemSize
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = begin(bytes)
  bytes[at++] = ARRAY
  bytes[at++] = length
  for (let index = 0; index < length; index += 1) {
    at = write(bytes, at, args[index])
    // Not the same any more, read again: no list of plain values.
    if (at === 0) return undefined
  }
  bytes[at++] = END_OF_ARRAY
  bytes[at++] = 0
  bytes[at++] = length
  return end(bytes, at)
}

/** The message for a small primitive; none for anything else. */
export function encodeSmall(value: unknown): Uint8Array | undefined {
  const size = sizeOf(value)
  if (size === 0) return undefined
  const bytes = Buffer.allocUnsafe(size + 3)
  return end(bytes, write(bytes, begin(bytes), value))
}

function begin(bytes: Uint8Array): number {
  bytes[0] = 0xff
  bytes[1] = VERSION
  return 2
}

function end(bytes: Buffer, at: number): Uint8Array | undefined {
  bytes[at] = 0
  return at + 1 === bytes.length ? bytes : undefined
}

/** How many bytes a value takes; 0 for what is not small. */
function sizeOf(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
      return 1
    case 'number':
      return isInt(value) ? 1 + varintSize(zigzag(value)) : 9
    case 'string':
      return isShort(value) ? 1 + varintSize(value.length) + value.length : 0
    default:
      return value === null ? 1 : 0
  }
}

/** Writes a value; the next position, or 0 if it is not small. */
function write(bytes: Uint8Array, at: number, value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      bytes[at] = UNDEFINED
      return at + 1
    case 'boolean':
      bytes[at] = value ? TRUE : FALSE
      return at + 1
    case 'number':
      if (isInt(value)) {
        bytes[at] = INT
        return writeVarint(bytes, at + 1, zigzag(value))
      }
      bytes[at] = DOUBLE
      double.setFloat64(0, value, true)
      for (let index = 0; index < 8; index += 1) bytes[at + 1 + index] = double.getUint8(index)
      return at + 9
    case 'string': {
      bytes[at] = STRING
      const start = writeVarint(bytes, at + 1, value.length)
      for (let index = 0; index < value.length; index += 1) bytes[start + index] = value.charCodeAt(index)
      return start + value.length
    }
    default:
      if (value !== null) return 0
      bytes[at] = NULL
      return at + 1
  }
}

function isInt(value: number): boolean {
  return (value | 0) === value && !(value === 0 && 1 / value < 0)
}

/** One byte a character: others take V8's form of two. */
function isShort(text: string): boolean {
  if (text.length > LONGEST_STRING) return false
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0xff) return false
  }
  return true
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let next = at
  for (; rest >= 0x80; rest >>>= 7) bytes[next++] = (rest & 0x7f) | 0x80
  bytes[next++] = rest
  return next
}

/** Stands for no value: any real one may be the value of a message. */
export const NOT_SMALL = Symbol('not small')

/**
 * The value of a message that the native side sent as text, a character for
 * each byte; `NOT_SMALL` for what only V8 can read.
 */
export function decodeSmall(text: string): unknown {
  const last = text.length - 1
  switch (text.charCodeAt(2)) {
    case UNDEFINED:
      return last === 3 ? undefined : NOT_SMALL
    case NULL:
      return last === 3 ? null : NOT_SMALL
    case TRUE:
      return last === 3 ? true : NOT_SMALL
    case FALSE:
      return last === 3 ? false : NOT_SMALL
    case INT: {
      let value = 0
      for (let at = 3, shift = 0; at < last; at += 1, shift += 7) value |= (text.charCodeAt(at) & 0x7f) << shift
      return (value >>> 1) ^ -(value & 1)
    }
    case DOUBLE:
      for (let index = 0; index < 8; index += 1) double.setUint8(index, text.charCodeAt(3 + index))
      return last === 11 ? double.getFloat64(0, true) : NOT_SMALL
    case STRING:
      // A length of one byte; longer strings take V8's way.
      return text.charCodeAt(3) < 0x80 && last === 4 + text.charCodeAt(3) ? text.slice(4, last) : NOT_SMALL
    default:
      return NOT_SMALL
  }
}

/** The bytes of a message that came as text. */
export function unpack(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

