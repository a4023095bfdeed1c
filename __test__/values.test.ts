import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { runInThisContext } from 'node:vm'
import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let isolate: Isolate
const echo = <T>(value: T): Promise<T> => isolate.call<T>('identity', [value])

// One for each test: what loses an isolate must fail one test only.
beforeEach(async () => {
  isolate = await createIsolate({ memoryLimitMb: 512 })
  await isolate.eval('globalThis.identity = (value) => value; 1')
})

afterEach(() => isolate.dispose())

/** Node's comparison: it tells prototypes, holes and zeros apart. */
const sameAs = (expected: unknown) => (received: unknown): boolean => isDeepStrictEqual(received, expected)

/** Expressions that mean the same on both sides. */
const expressions: Record<string, string[]> = {
  primitives: ['undefined', 'null', 'true', 'false', '0', '-0', 'NaN', 'Infinity', '-Infinity'],
  numbers: ['1', '-1', '2 ** 30', '-(2 ** 30) - 1', '2 ** 31', '2 ** 32', 'Number.MAX_SAFE_INTEGER', '2 ** 53 + 2', '1.5', '5e-324', 'Number.MAX_VALUE'],
  bigints: ['0n', '-1n', '2n ** 63n', '-(2n ** 64n)', '7n ** 4000n', '-(3n ** 9000n)'],
  strings: ["''", "'ascii'", "'caf\\xe9'", "'\\u4f60\\u597d'", "'\\u{1f600}'", "'\\ud800'", "'a\\udc00b'", "'\\0'", "'\\u2028'", "'x'.repeat(2 ** 20)", "'\\u0394'.repeat(2 ** 20)", "'a'.repeat(1000) + 'b'.repeat(1000)"],
  dates: ['new Date(0)', 'new Date(-1)', 'new Date(8.64e15)'],
  regexps: ['/a/', '/(?<year>\\d+)\\/[/]/dgimsuy', '/[\\p{L}--[a-z]]/v', "new RegExp('')", "new RegExp('\\n\\u2028\\u{1f600}', 'u')"],
  boxes: ["Object('text')", 'Object(1.5)', 'Object(-0)', 'Object(false)', 'Object(7n)', "new String('\\u4f60')"],
  maps: ['new Map()', "new Map([['a', 1], [NaN, 2], [undefined, 3], [-0, 4]])", 'new Map([[new Map([[{}, []]]), new Set([1])]])', 'new Map([[{ a: 1 }, { b: [2] }], [[1], null]])'],
  sets: ['new Set()', "new Set([1, '1', NaN, null, undefined])", 'new Set([new Set([new Set()]), { a: [] }])'],
  arrays: ['[]', '[1, 2.5, -0]', '[undefined, null]', '[,]', '[1, , 3]', 'new Array(5)', 'Object.assign([], { 100: 1 })', 'Object.assign(new Array(2 ** 20), { 3: 1, 1000000: 2 })', "Object.assign([1, 2], { own: 'property', '-1': 0 })", 'Object.assign([], { length: 3 })', '[[[[]]]]', '[1, "a", {}, [true], 2n]'],
  objects: ['({})', '({ a: undefined })', "({ 1: 'b', 0: 'a', 4294967295: 'c', '-1': 'd', '01': 'e', 1.5: 'f' })", "({ '': 1, ' ': 2, '\\u4f60': 3, '\\ud800': 4 })", '({ constructor: 1, toString: 2, hasOwnProperty: 3, then: 4 })', "JSON.parse('{\"__proto__\":{\"a\":1}}')", 'Object.fromEntries(Array.from({ length: 5000 }, (_, i) => ["key" + i, i]))'],
  buffers: ['new ArrayBuffer(0)', 'new Uint8Array([1, 2, 3]).buffer', 'new ArrayBuffer(4, { maxByteLength: 16 })'],
  views: [
    ...['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64'].map((kind) => `new ${kind}Array([1, 2, 250, 1.5])`),
    'new BigInt64Array([-1n, 2n ** 62n])',
    'new BigUint64Array([2n ** 64n - 1n])',
    'new Float64Array([-0, NaN, Infinity])',
    'new Uint8Array(0)',
    'new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)',
    'new Uint16Array(new Uint8Array([1, 2, 3, 4, 5, 6]).buffer, 2, 1)',
    'new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }), 2, 4)',
  ],
}

describe.each(Object.entries(expressions))('%s', (_, list) => {
  test.each(list.map((code) => [code]))('%s', async (code) => {
    const own: unknown = runInThisContext(`(${code})`)
    // What the guest made, then what the host made and the guest gave back.
    for (const received of [await isolate.eval(`(${code})`), await echo(own)]) {
      expect(received).toSatisfy(sameAs(own))
      expect(keysOf(received)).toEqual(keysOf(own))
    }
  })
})

/** Keys in their order: the comparison does not look at it. */
function keysOf(value: unknown): unknown[] {
  if (value instanceof Map || value instanceof Set) return [...value.keys()]
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? Reflect.ownKeys(value) : []
}

describe('what equality does not show', () => {
  test('an invalid date stays one', async () => {
    for (const received of [await echo(new Date(NaN)), await isolate.eval<Date>('new Date(NaN)')]) {
      expect(received).toBeInstanceOf(Date)
      expect(received.getTime()).toBe(NaN)
    }
  })

  test('__proto__ as a key is a property, and no prototype', async () => {
    const value = JSON.parse('{"__proto__":{"admin":true}}') as object
    for (const received of [await echo(value), await isolate.eval<object>('JSON.parse(\'{"__proto__":{"admin":true}}\')')]) {
      expect(Object.getPrototypeOf(received)).toBe(Object.prototype)
      expect(Object.hasOwn(received, '__proto__')).toBe(true)
      expect('admin' in received).toBe(false)
    }
  })

  test('the guest sees what the host sent', async () => {
    await isolate.eval('globalThis.look = (value) => [typeof value, Object.prototype.toString.call(value), Object.getPrototypeOf(value) === globalThis[Object.getPrototypeOf(value).constructor.name].prototype]; 1')
    const seen = (value: unknown): Promise<unknown> => isolate.call('look', [value])
    for (const [value, tag] of [[new Map(), 'Map'], [[1], 'Array'], [{ a: 1 }, 'Object'], [new Date(0), 'Date'], [Buffer.from('a'), 'Uint8Array'], [new TypeError('x'), 'Error'], [new DataView(new ArrayBuffer(1)), 'DataView']] as const) {
      expect(await seen(value)).toEqual(['object', `[object ${tag}]`, true])
    }
  })

  test('an object without a prototype, of a class, or with symbol keys becomes a plain one', async () => {
    class Point {
      x = 1
      get y(): number {
        return 2
      }
    }
    const received = [
      await echo<object>(new Point()),
      await isolate.eval<object>('new (class Point { x = 1; get y() { return 2 } })()'),
      await echo(Object.assign(Object.create(null), { x: 1, [Symbol('s')]: 2 }) as object),
      await isolate.eval<object>('Object.assign(Object.create(null), { x: 1, [Symbol.iterator]: 2 })'),
    ]
    for (const object of received) expect(object).toSatisfy(sameAs({ x: 1 }))
  })

  test('own getters are read once, hidden properties stay', async () => {
    let reads = 0
    const value = Object.defineProperty({ get own() { return ++reads } }, 'hidden', { value: 1, enumerable: false })
    expect(await echo<unknown>(value)).toSatisfy(sameAs({ own: 1 }))
    expect(reads).toBe(1)
    expect(await isolate.eval('globalThis.reads = 0; ({ get own() { return ++reads } })')).toEqual({ own: 1 })
  })

  test('lastIndex of a regular expression starts at 0', async () => {
    const pattern = /a/g
    pattern.lastIndex = 3
    expect((await echo(pattern)).lastIndex).toBe(0)
    expect(await isolate.eval<RegExp>('const p = /a/g; p.lastIndex = 3; p')).toMatchObject({ lastIndex: 0 })
  })
})

describe('identity', () => {
  const code = `(() => {
    const shared = { own: 1 }
    const root = { a: shared, b: shared, list: [shared], map: new Map([[shared, shared]]), set: new Set([shared]) }
    root.self = root
    root.list.push(root.list)
    root.map.set('map', root.map)
    root.set.add(root.set)
    root.date = root.sameDate = new Date(1)
    root.box = root.sameBox = Object('text')
    return root
  })()`

  test.each(['host', 'guest'])('cycles and shared references made by the %s', async (side) => {
    type Root = Record<string, any>
    const root = side === 'guest' ? await isolate.eval<Root>(code) : await echo(runInThisContext(code) as Root)
    expect(root.self).toBe(root)
    expect(root.b).toBe(root.a)
    expect(root.list[0]).toBe(root.a)
    expect(root.list[1]).toBe(root.list)
    expect(root.map.get(root.a)).toBe(root.a)
    expect(root.map.get('map')).toBe(root.map)
    expect(root.set.has(root.a) && root.set.has(root.set)).toBe(true)
    expect(root.sameDate).toBe(root.date)
    expect(root.sameBox).toBe(root.box)
  })

  test('arguments share references among each other', async () => {
    const shared = {}
    await isolate.eval('globalThis.same = (a, b) => a === b; 1')
    expect(await isolate.call('same', [shared, shared])).toBe(true)
    expect(await isolate.call('same', [shared, {}])).toBe(false)
  })

  test('a clone is a copy: neither side changes the other', async () => {
    const mine = { list: [1], bytes: new Uint8Array([1]) }
    await isolate.eval('globalThis.keep = (value) => { globalThis.kept = value; value.list.push(2); value.bytes[0] = 9 }; 1')
    await isolate.call('keep', [mine])
    mine.list.push(3)
    expect(mine).toSatisfy(sameAs({ list: [1, 3], bytes: new Uint8Array([1]) }))
    expect(await isolate.eval('kept')).toSatisfy(sameAs({ list: [1, 2], bytes: new Uint8Array([9]) }))
  })
})

describe('array buffers', () => {
  const makers = {
    host: (code: string) => echo(runInThisContext(code) as Record<string, any>),
    guest: (code: string) => isolate.eval<Record<string, any>>(code),
  }

  describe.each(Object.entries(makers))('made by the %s', (_, make) => {
    test('views share their one buffer', async () => {
      const value = await make('(() => { const buffer = new ArrayBuffer(8); return { a: new Uint8Array(buffer), b: new Uint16Array(buffer, 2, 2), c: new DataView(buffer), buffer } })()')
      expect(value.a.buffer).toBe(value.buffer)
      expect(value.b.buffer).toBe(value.buffer)
      expect(value.c.buffer).toBe(value.buffer)
      value.a[2] = 7
      expect(value.b[0]).toBe(7)
    })

    test('a resizable buffer stays resizable, and a view that follows its length goes on following', async () => {
      const value = await make('(() => { const buffer = new ArrayBuffer(4, { maxByteLength: 16 }); return { tracking: new Uint8Array(buffer, 1), tail: new DataView(buffer, 2), fixed: new Uint8Array(buffer, 1, 2), buffer } })()')
      expect(value.buffer).toMatchObject({ resizable: true, maxByteLength: 16, byteLength: 4 })
      value.buffer.resize(10)
      expect([value.tracking.length, value.tail.byteLength, value.fixed.length]).toEqual([9, 8, 2])
    })

    test('a subclass of a typed array becomes its base class', async () => {
      expect(await make('new (class Bytes extends Uint8Array {})([1, 2])')).toSatisfy(sameAs(new Uint8Array([1, 2])))
    })
  })

  test('a Buffer arrives as a Uint8Array, without the pool around it', async () => {
    const pooled = Buffer.from('secret-free')
    expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.byteLength)
    const received = await echo<Uint8Array>(pooled)
    expect(Object.getPrototypeOf(received)).toBe(Uint8Array.prototype)
    expect(received).toHaveLength(11)
    expect(received.buffer.byteLength).toBe(11)
    await isolate.eval('globalThis.reach = (bytes) => [bytes.constructor.name, bytes.buffer.byteLength, bytes.byteOffset]; 1')
    expect(await isolate.call('reach', [pooled])).toEqual(['Uint8Array', 11, 0])
    expect(await echo({ nested: [Buffer.from([1])] })).toSatisfy(sameAs({ nested: [new Uint8Array([1])] }))
  })

  test('a Float16Array crosses, or is refused with its path by a Node that has none', async () => {
    const carried = { deep: [{ length: 2, 0: 1.5, BYTES_PER_ELEMENT: 2 }] }
    const refused = { code: 'ERR_DATA_CLONE', message: expect.stringContaining('result.deep[0]') }
    const outcome = isolate.eval('({ deep: [new Float16Array([1.5, 2])] })').catch((error: unknown) => error)
    expect(await outcome).toMatchObject('Float16Array' in globalThis ? carried : refused)
  })
})

describe('size', () => {
  const big: Record<string, () => unknown> = {
    'ten million characters': () => 'ab'.repeat(5e6),
    'ten million wide characters': () => '\u4f60'.repeat(5e6),
    'ten million bytes': () => new Uint8Array(1e7).fill(7),
    'a million numbers': () => Array.from({ length: 1e6 }, (_, index) => index * 1.5),
    'a hundred thousand objects': () => Array.from({ length: 1e5 }, (_, index) => ({ index, name: `row ${index}` })),
    'a hundred thousand map entries': () => new Map(Array.from({ length: 1e5 }, (_, index) => [index, String(index)])),
    'nesting a thousand deep': () => JSON.parse('['.repeat(1000) + ']'.repeat(1000)) as unknown,
  }
  test.each(Object.entries(big))('%s', async (_, make) => {
    const value = make()
    expect(await echo(value)).toSatisfy(sameAs(value))
  })
})
