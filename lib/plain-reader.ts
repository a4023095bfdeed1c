import { Buffer } from 'node:buffer'

/**
 * Reads plain objects and arrays with primitives and dates in them. V8's
 * deserializer takes three times as long for records, whose names it looks up
 * one by one; it gets every other message.
 */

const [UNDEFINED, NULL, TRUE, FALSE, INT, DOUBLE, STRING, DATE] = [0x5f, 0x30, 0x54, 0x46, 0x49, 0x4e, 0x22, 0x44] as const
const [ARRAY, END_OF_ARRAY, SPARSE_ARRAY, END_OF_SPARSE_ARRAY] = [0x41, 0x24, 0x61, 0x40] as const
const [OBJECT, END_OF_OBJECT] = [0x6f, 0x7b] as const

/** In bytes. */
const LARGEST = 1024 * 1024
/** V8 makes no copy of a part of a string that is this long: the part would keep all of a large message. */
const SHORTEST_SLICE = 13
/** No deeper than this, so that the host's stack is nobody's concern. */
const DEEPEST = 64

/** Stands for no value: any real one may be the value of a message. */
export const NOT_PLAIN = Symbol('not plain')

/** What is remembered of the names of an object's properties. */
const MOST_NAMES = 32
const LONGEST_NAME = 32

const double = new DataView(new ArrayBuffer(8))
const objectPrototype = Object.prototype
const arrayPrototype = Array.prototype

/** What is being read; nothing that is not ours runs meanwhile. */
let text = ''
let source: Buffer | undefined
let at = 0
/** Of the objects read last, by their depth. All are there from the start, so that no prototype is asked for one. */
const namesAt: readonly string[][] = Array.from({ length: DEEPEST }, () => Array.from({ length: MOST_NAMES }, () => ''))

/** The value of a small message as text, a character for each byte; `NOT_PLAIN` for what only V8 can read. */
export function readPlainText(message: string): unknown {
  text = message
  at = 2
  const value = canBePlain(message.charCodeAt(at)) ? read(0) : NOT_PLAIN
  // Nothing follows but the end: no errors, and nothing that the message brings.
  const isWhole = at === message.length - 1 && message.charCodeAt(at) === 0
  text = ''
  return isWhole ? value : NOT_PLAIN
}

/** As `readPlainText`, of a message of any size. */
export function readPlain({ buffer, byteOffset, byteLength }: Uint8Array): unknown {
  const message = Buffer.from(buffer, byteOffset, byteLength)
  if (byteLength > LARGEST || !canBePlain(message[2])) return NOT_PLAIN
  source = message
  try {
    return readPlainText(message.toString('latin1'))
  } finally {
    source = undefined
  }
}

function canBePlain(tag: number | undefined): boolean {
  return tag === OBJECT || tag === ARRAY || tag === SPARSE_ARRAY
}

function read(depth: number): unknown {
  switch (text.charCodeAt(at++)) {
    case STRING:
      return readString()
    case INT: {
      const value = readVarint()
      return (value >>> 1) ^ -(value & 1)
    }
    case DOUBLE:
      return readDouble()
    case DATE:
      return new Date(readDouble())
    case OBJECT:
      return depth < DEEPEST ? readObject(depth) : NOT_PLAIN
    case ARRAY:
      return depth < DEEPEST ? readArray(depth) : NOT_PLAIN
    case SPARSE_ARRAY:
      return depth < DEEPEST ? readSparseArray(depth) : NOT_PLAIN
    case TRUE:
      return true
    case FALSE:
      return false
    case NULL:
      return null
    case UNDEFINED:
      return undefined
    default:
      return NOT_PLAIN
  }
}

/** One without holes, and with nothing but its items. They are defined, not set: as with the names of objects. */
function readArray(depth: number): unknown {
  const length = readVarint()
  const array: unknown[] = []
  for (let index = 0; index < length; index += 1) {
    const item = read(depth + 1)
    if (item === NOT_PLAIN || index in arrayPrototype) return NOT_PLAIN
    array.push(item)
  }
  if (text.charCodeAt(at++) !== END_OF_ARRAY || readVarint() !== 0 || readVarint() !== length) return NOT_PLAIN
  return array
}

/** V8 takes whatever could have holes for sparse, such as an array that it has read. One that has none. */
function readSparseArray(depth: number): unknown {
  const length = readVarint()
  const array: unknown[] = []
  for (let index = 0; index < length; index += 1) {
    if (text.charCodeAt(at++) !== INT || readVarint() !== index * 2) return NOT_PLAIN
    const item = read(depth + 1)
    if (item === NOT_PLAIN || index in arrayPrototype) return NOT_PLAIN
    array.push(item)
  }
  const isWhole = text.charCodeAt(at++) === END_OF_SPARSE_ARRAY && readVarint() === length && readVarint() === length
  return isWhole ? array : NOT_PLAIN
}

function readObject(depth: number): unknown {
  const object: Record<string, unknown> = {}
  const known = namesAt[depth] as string[]
  let count = 0
  for (; text.charCodeAt(at) === STRING; count += 1) {
    at += 1
    const name = readName(known, count)
    if (name === undefined) return NOT_PLAIN
    const value = read(depth + 1)
    if (value === NOT_PLAIN) return NOT_PLAIN
    object[name] = value
  }
  return text.charCodeAt(at++) === END_OF_OBJECT && readVarint() === count ? object : NOT_PLAIN
}

/** Records in a list have the same names: then nothing is made or looked up for them. */
function readName(known: string[], index: number): string | undefined {
  const start = at
  const length = readVarint()
  const last = index < MOST_NAMES ? (known[index] as string) : ''
  const isKnown = last.length === length && text.startsWith(last, at)
  at = isKnown ? at + length : start
  const name = isKnown ? last : readString()
  // To be defined, not set: the host may have put anything there, and `__proto__` is.
  if (name in objectPrototype) return undefined
  if (!isKnown && index < MOST_NAMES && length <= LONGEST_NAME) known[index] = name
  return name
}

function readString(): string {
  const length = readVarint()
  const start = at
  at += length
  if (at > text.length) return ''
  return source === undefined || length < SHORTEST_SLICE ? text.slice(start, at) : source.toString('latin1', start, at)
}

function readDouble(): number {
  for (let index = 0; index < 8; index += 1) double.setUint8(index, text.charCodeAt(at++))
  return double.getFloat64(0, true)
}

/** At most 32 bits; past the end of the text it is zero. */
function readVarint(): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = text.charCodeAt(at++)
    value |= (byte & 0x7f) << shift
    if (!(byte >= 0x80)) break
  }
  return value >>> 0
}
