import { deserialize } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { encode } from '../../lib/encode.js'
import { NOT_PLAIN, readPlain, readPlainText } from '../../lib/plain-reader.js'
import { writePlain } from '../../lib/plain-writer.js'
import { never } from './reader.js'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const byV8 = (value: unknown): Uint8Array => encode(value, 'value', never)
/** As V8 of Node reads it; the last byte is ours. */
const read = (bytes: Uint8Array | undefined): unknown => deserialize(Buffer.from(bytes as Uint8Array).subarray(0, -1))

const holed = (): unknown[] => Object.assign(new Array<unknown>(3), { 0: 1, 2: 3 })
const record = (id: number): object => ({ id, name: `record ${id}`, tags: ['small', 'blue'], price: id * 1.25, parent: null, gone: undefined, 'two words': true })

const PLAIN: [string, object][] = [
  ['an empty list', []],
  ['a list of primitives', [undefined, null, true, false, 0, -0, 1, -1, 63, 64, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 1.5, 5e-324, NaN, Infinity, '', 'ÿ', 'x'.repeat(200)]],
  ['an object', record(1)],
  ['records', [1, 2, 3].map(record)],
  ['records of other shapes', [{ a: 1, b: 2 }, { b: 1, a: 2 }, { a: 1 }, { ab: 1 }, { b: { b: 1 }, c: [{ a: 1 }] }]],
  ['lists in lists', [[[[]], []], [[1]]]],
  ['names of every kind', { '': 1, ' ': 2, a1: 3, 'é': 4, length: 5, next: 6 }],
]

describe('plain values', () => {
  test.each(PLAIN)('%s: V8 reads what is written here', (_, value) => {
    expect(read(writePlain(value))).toStrictEqual(value)
  })

  test.each(PLAIN)('%s: what V8 or this writes is read here, as text and as bytes', (_, value) => {
    for (const bytes of [byV8(value), writePlain(value) as Uint8Array]) {
      expect(readPlainText(text(bytes))).toStrictEqual(value)
      // A part of a larger buffer.
      expect(readPlain(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3))).toStrictEqual(value)
    }
  })

  test('the order of properties is kept', () => {
    const value = { z: 1, a: { y: 1, b: 2 }, m: 3 }
    expect(JSON.stringify(read(writePlain(value)))).toBe(JSON.stringify(value))
    expect(JSON.stringify(readPlain(byV8(value)))).toBe(JSON.stringify(value))
  })

  test('dates are read', () => {
    const value = { at: new Date(12.5), never: [new Date(NaN)] }
    expect(readPlain(byV8(value))).toStrictEqual(value)
  })

  test('what V8 has read and writes again is read', () => {
    for (const [, value] of PLAIN) expect(readPlain(byV8(read(byV8(value))))).toStrictEqual(value)
    expect(readPlain(byV8(read(byV8(holed()))))).toBe(NOT_PLAIN)
  })

  test('long lists are read, with names that come again', () => {
    const value = Array.from({ length: 5000 }, (_, id) => record(id))
    expect(readPlain(byV8(value))).toStrictEqual(value)
  })

  test('a getter is read once, and may make a message of its own', () => {
    let reads = 0
    const value = { get own() { reads += 1; return writePlain([1]) === undefined } }
    expect(read(writePlain(value))).toStrictEqual({ own: true })
    expect(reads).toBe(1)
    expect(writePlain([1])).toBeDefined()
  })
})

describe('left to V8', () => {
  const shared = { a: 1 }
  const cycle: unknown[] = []
  cycle.push(cycle)
  const shrinks = { get first() { delete (this as { last?: number }).last; return 1 }, last: 2 }
  const args = (function () { return arguments }) as unknown as (...args: unknown[]) => object
  class Point { x = 1 }
  const written: [string, unknown][] = [
    ['an object that is there twice', [shared, shared]],
    ['a cycle', cycle],
    ['an empty object', {}],
    ['an instance of a class', new Point()],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['a Map', new Map([[1, 2]])],
    ['a Map within', { map: new Map() }],
    ['a Map with the prototype of objects', Object.setPrototypeOf(new Map(), Object.prototype)],
    ['an error', { error: new Error('e') }],
    ['an error with the prototype of objects', Object.setPrototypeOf(Object.assign(new Error('e'), { a: 1 }), Object.prototype)],
    ['arguments', args(1)],
    ['Math', Math],
    ['a boxed string', new String('s')],
    ['a Date', [new Date(0)]],
    ['bytes', [new Uint8Array(2)]],
    ['a Proxy', new Proxy({ a: 1 }, {})],
    ['a Proxy of a list', [new Proxy([1], {})]],
    ['a function', { method() {} }],
    ['a symbol', [Symbol('s')]],
    ['a bigint', [1n]],
    ['characters of two bytes', ['Ā']],
    ['a name of two bytes', { 'Ā': 1 }],
    ['a long string', ['x'.repeat(257)]],
    ['much', Array.from({ length: 20 }, () => 'x'.repeat(200))],
    ['a long list', Array.from({ length: 33 }, () => 1)],
    ['many objects', Array.from({ length: 30 }, () => [[], [{ a: 1 }]])],
    ['a deep list', JSON.parse('['.repeat(100) + ']'.repeat(100))],
    ['a list with a hole', holed()],
    ['a list with a property', Object.assign([1], { extra: 1 })],
    ['a list with a hole and a property', Object.assign(holed(), { extra: 1 })],
    ['an index as a name', { 1: 1 }],
    ['a stream', { a: 1, async *[Symbol.asyncIterator]() {} }],
    ['an object that changes while it is read', shrinks],
    ['a getter that throws', { get a() { throw new Error('thrown') } }],
    ['a primitive', 1],
  ]
  test.each(written)('%s is not written', (_, value) => {
    expect(writePlain(value)).toBeUndefined()
  })

  test.each([
    ['an object that is there twice', [shared, shared]],
    ['a Map', new Map([[1, 2]])],
    ['a Map within', { map: new Map() }],
    ['characters of two bytes', ['Ā']],
    ['an index as a name', { 1: 1 }],
    ['a list with a hole', holed()],
    ['a list with a property', Object.assign([1], { extra: 1 })],
    ['a deep list', JSON.parse('['.repeat(100) + ']'.repeat(100))],
    ['what the prototype of objects has', JSON.parse('{ "__proto__": { "a": 1 } }')],
    ['a name that every object has', { toString: 1 }],
    ['a bigint', [1n]],
  ])('%s is not read', (_, value) => {
    expect(readPlain(byV8(value))).toBe(NOT_PLAIN)
    expect(readPlainText(text(byV8(value)))).toBe(NOT_PLAIN)
  })

  test('what the host adds to the prototype of objects is not set', () => {
    const bytes = byV8([{ added: 1 }, { added: 2 }])
    expect(readPlain(bytes)).toStrictEqual([{ added: 1 }, { added: 2 }])
    const everywhere = Object.getPrototypeOf({}) as { added?: unknown }
    Object.defineProperty(everywhere, 'added', { set() { expect.unreachable() }, configurable: true })
    try {
      expect(readPlain(bytes)).toBe(NOT_PLAIN)
    } finally {
      delete everywhere.added
    }
  })

  test('whatever bytes come, reading ends and throws nothing', () => {
    const whole = byV8(PLAIN.map(([, value]) => value))
    for (let length = 0; length < whole.length; length += 1) expect(readPlain(whole.subarray(0, length))).toBe(NOT_PLAIN)
    for (let at = 2; at < whole.length; at += 1) {
      for (const byte of [0, 0x22, 0x41, 0x6f, 0x7f, 0xff]) {
        const changed = Uint8Array.from(whole)
        changed[at] = byte
        readPlain(changed)
      }
    }
    // A list that says it has four thousand million items.
    expect(readPlain(Uint8Array.from([0xff, 15, 0x41, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]))).toBe(NOT_PLAIN)
  })
})
