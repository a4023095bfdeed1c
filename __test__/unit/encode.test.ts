import assert from 'node:assert/strict'
import vm from 'node:vm'
import { describe, expect, test } from 'vitest'
import { encode, encodeThrown } from '../../lib/encode.js'
import { always, never, readMessage } from './reader.js'

const cross = <T>(value: T): T => readMessage(encode(value, 'value', always)) as T
const crossThrown = (value: unknown): Record<string, unknown> => readMessage(encodeThrown(value, 'db.get', always)) as Record<string, unknown>
const code = (run: () => unknown): { code?: unknown; message: string; cause?: unknown } => {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not throw')
}

describe('what crosses is deeply equal', () => {
  // The `r` makes each message pass for one with errors: the rewritten form is checked as well as V8's own.
  const values: Record<string, unknown> = {
    primitives: [undefined, null, true, false, 0, 1, -1, 2 ** 31, 1.5, NaN, Infinity, '', 'latin r', 'кириллица', '\ud800'],
    'negative zero': [-0],
    bigints: [0n, -1n, 1n << 200n],
    dates: [new Date(0), new Date(1e12)],
    'regular expressions': [/r/giu, /\//s],
    boxed: [Object(1), Object('r'), Object(true), Object(1n)],
    'maps and sets': [new Map<unknown, unknown>([[{ r: 1 }, new Set([1, 'r'])], ['k', new Map()]]), new Set([new Map([[1, 2]])])],
    buffers: [new Uint8Array([1, 2, 3]).buffer, new ArrayBuffer(0)],
    views: [
      new Int8Array([-1]),
      new Uint8Array([1]),
      new Uint8ClampedArray([2]),
      new Int16Array([-3]),
      new Uint16Array([4]),
      new Int32Array([-5]),
      new Uint32Array([6]),
      new Float32Array([0.5]),
      new Float64Array([NaN, -0]),
      new DataView(new ArrayBuffer(3), 1),
      new BigInt64Array([-1n]),
      new BigUint64Array([1n]),
      new Uint8Array(0),
    ],
    'an own key __proto__': JSON.parse('{"__proto__":{"r":1},"b":2}'),
    'a null prototype becomes an ordinary object': { r: Object.assign(Object.create(null), { a: 1 }) as unknown },
  }
  test.each(Object.entries(values))('%s', (_, value) => {
    const expected = structuredClone(value)
    assert.deepStrictEqual(readMessage(encode(value, 'value', never)), expected)
    assert.deepStrictEqual(readMessage(encode(['r', value], 'value', always)), ['r', expected])
  })

  test('an invalid date', () => {
    expect(cross(new Date(NaN)).getTime()).toBeNaN()
    expect(cross({ r: new Date(NaN) }).r.getTime()).toBeNaN()
  })

  test('sparse arrays keep their holes, length and other properties', () => {
    const sparse = Object.assign([1], { r: 'x' })
    sparse[2] = 3
    sparse.length = 5000
    const copy = cross(sparse)
    assert.deepStrictEqual(copy, sparse)
    expect(1 in copy).toBe(false)
    expect(copy.length).toBe(5000)
  })

  test('cycles and shared references', () => {
    const shared = { r: 1 }
    const value: Record<string, unknown> = { a: shared, b: shared, map: new Map(), set: new Set() }
    value.self = value
    ;(value.map as Map<unknown, unknown>).set(value, value.set)
    ;(value.set as Set<unknown>).add(value)
    const copy = cross(value)
    expect(copy.a).toBe(copy.b)
    expect(copy.self).toBe(copy)
    expect((copy.map as Map<unknown, unknown>).get(copy)).toBe(copy.set)
    expect((copy.set as Set<unknown>).has(copy)).toBe(true)
  })

  test('views of one buffer still share it', () => {
    const buffer = new ArrayBuffer(8)
    const [bytes, words, itself] = cross([new Uint8Array(buffer, 2, 4), new Uint16Array(buffer), buffer] as const)
    expect(bytes.buffer).toBe(itself)
    expect(words.buffer).toBe(itself)
    expect([bytes.byteOffset, bytes.length, words.length]).toEqual([2, 4, 4])
  })

  test('views of a resizable buffer follow it, or not, as before', () => {
    const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(length: number): void }
    const buffer = new Resizable(4, { maxByteLength: 8 })
    const [following, fixed] = cross([new Uint8Array(buffer), new Uint8Array(buffer, 0, 4)] as const)
    ;(following.buffer as typeof buffer).resize(8)
    expect([following.length, fixed.length]).toEqual([8, 4])
  })

  test('deep nesting with an error at the bottom', () => {
    let value: unknown = new Error('bottom')
    for (let depth = 0; depth < 1000; depth += 1) value = [value]
    let copy: unknown = cross(value)
    for (let depth = 0; depth < 1000; depth += 1) copy = (copy as unknown[])[0]
    expect((copy as Error).message).toBe('bottom')
  })

  test('values of another realm', () => {
    const value = vm.runInNewContext('[new Map([[1, new Date(5)]]), new Uint8Array([1]), Object.assign(new TypeError("far"), { code: "E" })]') as unknown
    const [map, bytes, error] = cross(value) as [Map<number, Date>, Uint8Array, TypeError & { code: string }]
    expect(map.get(1)?.getTime()).toBe(5)
    expect([...bytes]).toEqual([1])
    expect(error).toBeInstanceOf(TypeError)
    expect([error.message, error.code]).toEqual(['far', 'E'])
  })
})

describe('a Buffer ships its own bytes only', () => {
  test('a part of a pool', () => {
    const pooled = Buffer.from('secret neighbour').subarray(7)
    const copy = cross(pooled) as Uint8Array
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype)
    expect(Buffer.from(copy).toString()).toBe('neighbour')
    expect(copy.buffer.byteLength).toBe(9)
  })

  test('one that spans its buffer keeps sharing it', () => {
    const whole = Buffer.from(new Uint8Array([1, 2]).buffer)
    const [copy, buffer] = cross([whole, whole.buffer] as const)
    expect(copy.buffer).toBe(buffer)
  })

  test('the same Buffer twice stays one', () => {
    const pooled = Buffer.from('abc')
    const [first, second] = cross([pooled, pooled] as const)
    expect(first).toBe(second)
  })
})

describe('errors', () => {
  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])('%o', (Class) => {
    const error = Object.assign(new Class('message', { cause: { r: 1 } }), { code: 'E_CODE', dropped: 1 })
    const copy = cross(error)
    expect(Object.getPrototypeOf(copy)).toBe(Class.prototype)
    expect([copy.message, copy.stack, copy.code]).toEqual(['message', error.stack, 'E_CODE'])
    expect(copy.cause).toEqual({ r: 1 })
    expect(Object.keys(copy)).toEqual(['code'])
  })

  test('a class of its own is an error of its built-in class, with its name', () => {
    class OwnError extends RangeError {
      override get name(): string {
        return 'OwnError'
      }
    }
    const copy = cross(new OwnError('x'))
    expect(copy).toBeInstanceOf(RangeError)
    expect(copy.name).toBe('OwnError')
    expect(Object.keys(copy)).toEqual([])
  })

  test('an own name stays enumerable', () => {
    expect(Object.keys(cross(Object.assign(new Error('x'), { name: 'Mine' })))).toEqual(['name'])
  })

  test('cyclic causes', () => {
    const first = new Error('first')
    const second = new Error('second', { cause: first })
    first.cause = second
    const copy = cross({ error: first, again: first })
    expect(copy.error).toBe(copy.again)
    expect((copy.error.cause as Error).cause).toBe(copy.error)
    expect((copy.error.cause as Error).message).toBe('second')
  })

  test('a cause of undefined is a cause', () => {
    expect('cause' in cross(new Error('x', { cause: undefined }))).toBe(true)
    expect('cause' in cross(new Error('x'))).toBe(false)
  })

  test('AggregateError with its errors, one of them itself', () => {
    const error = new AggregateError([new TypeError('inner'), 1], 'outer')
    error.errors.push(error)
    const copy = cross(error)
    expect(copy).toBeInstanceOf(AggregateError)
    expect(copy.errors[0]).toBeInstanceOf(TypeError)
    expect(copy.errors[1]).toBe(1)
    expect(copy.errors[2]).toBe(copy)
    expect(Object.keys(copy)).toEqual([])
  })

  test('errors in maps, sets and holes keep their places', () => {
    const error = new Error('r')
    const value = [new Map([[error, error]]), new Set([error]), error]
    Reflect.deleteProperty(value, 2)
    const copy = cross(value) as [Map<Error, Error>, Set<Error>]
    const [[key, item]] = [...copy[0]] as [[Error, Error]]
    expect(copy.length).toBe(3)
    expect(2 in copy).toBe(false)
    expect(key).toBe(item)
    expect(copy[1].has(key)).toBe(true)
  })

  test('a stack that is not text is left out', () => {
    const error = Object.defineProperty(new Error('x'), 'stack', { value: [1] })
    expect(cross(error).stack).toBeUndefined()
  })

  test('what only the error refers to is refused where V8 does not look', () => {
    const error = new AggregateError([{ hidden: new WeakRef({}) }], 'x')
    expect(code(() => cross({ error }))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('value.error.errors[0].hidden') })
  })
})

describe('what a host function threw', () => {
  test('an error without any stack', () => {
    const error = Object.assign(new TypeError('outer', { cause: { inner: new Error('inner') } }), { code: 'E' })
    const copy = crossThrown(error) as unknown as TypeError & { code: string; cause: { inner: Error } }
    expect(copy).toBeInstanceOf(TypeError)
    expect([copy.message, copy.code, copy.cause.inner.message]).toEqual(['outer', 'E', 'inner'])
    expect(Object.hasOwn(copy, 'stack')).toBe(false)
    expect(Object.hasOwn(copy.cause.inner, 'stack')).toBe(false)
  })

  test('a DOMException, as the reason of a signal', () => {
    const copy = crossThrown(AbortSignal.abort().reason)
    expect(copy).toBeInstanceOf(Error)
    expect(copy).toMatchObject({ name: 'AbortError', code: 20, message: 'This operation was aborted' })
  })

  test('an error loses the parts that can not cross', () => {
    const error = Object.assign(new Error('x', { cause: { socket: () => 1 } }), { code: Symbol('no') })
    const copy = crossThrown(error)
    expect(copy.message).toBe('x')
    expect('cause' in copy).toBe(false)
    expect('code' in copy).toBe(false)
  })

  test('an error whose getters throw', () => {
    const error = Object.defineProperty(new Error('x'), 'name', {
      get() {
        throw new Error('no name')
      },
    })
    expect(crossThrown(error).message).toBe('x')
  })

  test('a value that is no error, as itself', () => {
    expect(crossThrown({ r: 42 })).toEqual({ r: 42 })
    expect(crossThrown(undefined)).toBeUndefined()
    expect(crossThrown('r')).toBe('r')
  })

  test('errors inside a thrown value have no stacks either', () => {
    const copy = crossThrown([new Error('inner')]) as unknown as Error[]
    expect(Object.hasOwn(copy[0] as Error, 'stack')).toBe(false)
  })

  const refused: Record<string, unknown> = { f: () => 1, symbol: Symbol('s'), object: { f() {} }, promise: Promise.resolve(), proxy: new Proxy({}, {}) }
  test.each(Object.keys(refused))('an Error that says so, for a value that can not cross: %s', (name) => {
    const value = refused[name]
    const copy = crossThrown(value)
    expect(copy).toBeInstanceOf(Error)
    expect(copy).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('db.get') })
  })
})

describe('what can not cross is named by its path', () => {
  const detached = new ArrayBuffer(8)
  const detachedView = new DataView(detached)
  structuredClone(detached, { transfer: [detached] })
  const cyclic: Record<string, unknown> = {}
  cyclic.down = { up: cyclic }
  cyclic.save = () => 1
  // `WebAssembly` has types only for browsers.
  const emptyModule: unknown = vm.runInThisContext('new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))')
  class Connection {
    socket = new WeakMap()
  }
  const cases: [value: unknown, message: string][] = [
    [() => 1, 'args can\'t be cloned: a function'],
    [[{ user: { onSave() {} } }], 'args[0].user.onSave can\'t be cloned: a function'],
    [[{ 'a-b': [Symbol('x')] }], 'args[0]["a-b"][0] can\'t be cloned: a symbol'],
    [[cyclic], 'args[0].save can\'t be cloned: a function'],
    [[new Map([['k', { f() {} }]])], 'args[0].get("k").f can\'t be cloned: a function'],
    [[new Map([[() => 1, 1]])], 'args[0].keys()[0] can\'t be cloned: a function'],
    [[new Set([1, () => 1])], 'args[0].values()[1] can\'t be cloned: a function'],
    [[Promise.resolve()], 'args[0] can\'t be cloned: a Promise (await it first)'],
    [[new Connection()], 'args[0].socket can\'t be cloned: a WeakMap'],
    [[new WeakRef({})], 'args[0] can\'t be cloned: a WeakRef'],
    [[new Proxy([], {})], 'args[0] can\'t be cloned: a Proxy'],
    [[new SharedArrayBuffer(1)], 'args[0] can\'t be cloned: a SharedArrayBuffer'],
    [[new Uint8Array(new SharedArrayBuffer(1))], 'args[0] can\'t be cloned: a view of a SharedArrayBuffer'],
    [[{ detached }], 'args[0].detached can\'t be cloned: an ArrayBuffer that is detached or out of bounds'],
    [[detachedView], 'args[0] can\'t be cloned: a DataView that is detached or out of bounds'],
    [[emptyModule], 'args[0] can\'t be cloned: a WebAssembly.Module'],
    [[new MessageChannel().port1], 'args[0] can\'t be cloned: a MessagePort'],
    [[{ e: new Error('x', { cause: { f() {} } }) }], 'args[0].e.cause.f can\'t be cloned: a function'],
    [[new Intl.NumberFormat()], 'args[0] can\'t be cloned: an Intl.NumberFormat'],
  ]
  // By message alone: vitest can't print some of the values.
  const byMessage = new Map(cases.map(([value, message]) => [message, value]))
  test.each([...byMessage.keys()])('%s', (message) => {
    const value = byMessage.get(message)
    expect(code(() => encode(value, 'args', always))).toMatchObject({ name: 'IsoseedError', code: 'ERR_DATA_CLONE', message })
  })

  test('a getter that throws is the cause', () => {
    const cause = new RangeError('mine')
    const value = [
      {
        get a(): never {
          throw cause
        },
      },
    ]
    const error = code(() => encode(value, 'args', always))
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('args[0].a can\'t be cloned: its getter threw')
  })

  test('nesting that overflows the stack', () => {
    let value: unknown[] = []
    for (let depth = 0; depth < 200_000; depth += 1) value = [value]
    expect(code(() => encode(value, 'args', always))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringMatching(/^args(\[0\])+\.\.\.(\[0\])+ can't be cloned: it is nested too deeply$/) })
  })
})
