// A state with something of everything that the format has. It is the same in every run.
(() => {
  const shared = { deep: [1, { deeper: null }] }
  const cycle = { name: 'cycle' }
  cycle.self = cycle
  const fault = new TypeError('wrong', { cause: shared })
  fault.stack = 'TypeError: wrong\n    at golden.js:1'
  fault.code = 'E_GOLDEN'
  const sparse = [, 1, , 'two', , undefined]
  sparse.note = 'an array has properties'
  Object.defineProperty(sparse, 9, { value: 'hidden', enumerable: false, configurable: true, writable: true })
  const pattern = /a+(?<b>é)?/dgimsuy
  pattern.lastIndex = 3
  const buffer = new ArrayBuffer(16)
  const bytes = new Uint8Array(buffer, 2, 5)
  bytes.set([1, 2, 3, 254, 255])
  const resizable = new ArrayBuffer(4, { maxByteLength: 64 })
  const views = [Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array, Float32Array].map((View) => new View([1, 2]))
  const attributes = { plain: 1 }
  for (let bits = 1; bits < 8; bits++) {
    Object.defineProperty(attributes, `bits${bits}`, { value: bits, writable: !(bits & 1), enumerable: !(bits & 2), configurable: !(bits & 4) })
  }
  return {
    primitives: [undefined, null, false, true, '', 'short', 'x'.repeat(95), 'y'.repeat(96), 'ÿ', 'Ā', '日本 \ud83d\ude00 \ud800'],
    numbers: [0, 1, 127, 128, -1, -64, 2147483647, -2147483648, 2147483648, -0, 0.1, -1.5e300, NaN, Infinity, -Infinity],
    bigints: [0n, 1n, -1n, 255n, 256n, 2n ** 64n - 1n, -(2n ** 100n)],
    symbols: [Symbol.iterator, Symbol.for('registered'), marks.mark],
    shared: [shared, shared, shared.deep],
    cycle,
    code: [helpers.twice, Point, Point.prototype, Math, globalThis, [].map, Object.getOwnPropertyDescriptor(helpers, 'current').get, ns.Deep],
    instances: [new Point(1, 2), new Point(3, 4), new shapes.Circle(5, 6), new Cache([[1, 2]]), new Tags([1]), List.of(1, 2), new ns.Deep()],
    dates: [new Date(0), new Date(-1), new Date(8.64e15), new Date(NaN)],
    pattern,
    map: new Map([[1, 'one'], [shared, new Map()], [NaN, -0]]),
    set: new Set([shared, 'a', undefined]),
    fault,
    boxes: [Object(false), Object(true), Object(1), Object(-0), Object('boxed'), Object(7n), Object(Symbol.iterator)],
    buffer,
    bytes,
    view: new DataView(buffer, 1, 3),
    resizable,
    tracking: [new Uint8Array(resizable), new Uint16Array(resizable, 2), new DataView(resizable, 1), new Float64Array([1.5]), new BigInt64Array([-1n]), new BigUint64Array([1n])],
    views,
    sparse,
    long: new Array(4294967295),
    elements: { 5: 'five', 6: 'six', 100: 'hundred', name: 1 },
    attributes,
    frozen: Object.freeze({ a: 1, b: Object.freeze([1, 2]) }),
    sealed: Object.seal({ a: 1 }),
    closed: Object.preventExtensions({ a: 1 }),
    fixedLength: Object.defineProperty([1, 2], 'length', { writable: false }),
    bare: Object.assign(Object.create(null), { a: 1 }),
    heir: Object.assign(Object.create(shared), { own: true }),
    keys: { z: 1, a: 2, [Symbol.for('key')]: 3, [Symbol.toStringTag]: 'tagged', [Object.getOwnPropertySymbols(marks)[0]]: 4 },
    members: [new Secret(shared), new Secret('again'), new Guarded()],
    forms: [new Money(5), new Wallet(new Money(9))],
    ['odd key ж']: { 'constructor': 1, ['__proto__']: 2 },
  }
})()
