import { deserialize } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { encode } from '../../lib/encode.js'
import { NOT_SMALL, decodeSmall, encodeSmall, encodeSmallArguments, unpack } from '../../lib/small.js'
import { never } from './reader.js'

const SMALL: unknown[] = [
  undefined, null, true, false, 0, -0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 30, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32, 1.5, -1e308, 5e-324,
  NaN, Infinity, -Infinity, '', 'a', 'ÿ', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(256), 'tab\t "quotes" \0',
]
const LARGE: unknown[] = ['Ā', 'x'.repeat(257), '\ud800', 1n, Symbol('s'), () => 1, {}, [], new Date(0)]

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
/** As V8 of Node reads it; the last byte is ours. */
const read = (bytes: Uint8Array | undefined): unknown => deserialize(Buffer.from(bytes as Uint8Array).subarray(0, -1))

describe('small values', () => {
  test.each(SMALL.map((value) => [value]))('%o is written as V8 writes it, and read again', (value) => {
    const bytes = encodeSmall(value) as Uint8Array
    expect(read(bytes)).toBe(value)
    expect(bytes.at(-1)).toBe(0)
    const isLong = typeof value === 'string' && value.length > 127
    // What V8 writes is read as well: V8 takes more kinds of numbers for integers, or fewer.
    expect(decodeSmall(text(encode(value, 'value', never)))).toBe(isLong ? NOT_SMALL : value)
    expect(decodeSmall(text(bytes))).toBe(isLong ? NOT_SMALL : value)
  })

  test.each(LARGE.map((value) => [value]))('%o is left to V8', (value) => {
    expect(encodeSmall(value)).toBeUndefined()
    expect(encodeSmallArguments([1, value])).toBeUndefined()
  })

  test('lists of arguments', () => {
    for (const args of [[], [1], SMALL.slice(0, 16), SMALL.slice(16, 32), ['a', 'b']]) {
      expect(read(encodeSmallArguments(args))).toEqual(args)
    }
    expect(read(encodeSmallArguments(Object.assign(new Array<unknown>(2), { 1: 1 })))).toEqual([undefined, 1])
    expect(encodeSmallArguments(SMALL.slice(0, 17))).toBeUndefined()
    expect(encodeSmallArguments(new Proxy([1], {}))).toBeUndefined()
  })

  test('a list whose items change while they are read is left to V8', () => {
    for (const second of ['longer', {}, 1.5]) {
      let reads = 0
      expect(encodeSmallArguments(Object.defineProperty([1], 0, { get: () => (reads++ === 0 ? 1 : second) }))).toBeUndefined()
    }
  })
})

describe('messages that are not small', () => {
  test('go to V8', () => {
    for (const value of [{}, [1], 'Ā', new Map(), 1n, new Date(0), 'x'.repeat(200)]) {
      const packed = text(encode(value, 'value', never))
      expect(decodeSmall(packed)).toBe(NOT_SMALL)
      expect(unpack(packed)).toEqual(Buffer.from(encode(value, 'value', never)))
    }
  })
})
