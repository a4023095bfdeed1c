import type { Case } from '../differential.js'

/** Expressions whose clone is looked at through `show`. */
const VALUES = [
  'undefined', 'null', 'true', '-0', 'NaN', '1n', '"text"', '"\\ud800"', '[1, , 3]', '{ a: { b: [1] } }',
  'new Date(5)', 'new Date(NaN)', '/a\\/b/giu', 'new Map([[1, { a: 1 }], ["k", new Set([1, 2])]])', 'new Set(["a", new Map()])',
  'new Boolean(false)', 'new Number(5)', 'new String("s")', 'Object(1n)',
  'new Uint8Array([1, 2, 3])', 'new Float64Array([1.5])', 'new BigInt64Array([5n])', 'new DataView(new ArrayBuffer(4), 1, 2)', 'new ArrayBuffer(3)',
  'new Error("m")', 'new TypeError("t", { cause: 5 })', 'new RangeError("r")', 'Object.assign(new Error("e"), { extra: 1 })',
  'Object.create({ inherited: 1 })', 'Object.assign(Object.create(null), { a: 1 })', 'new (class A { x = 1; #y = 2 })()',
  '{ get a() { return 5 } }', 'Object.defineProperty({}, "hidden", { value: 1 })', '{ [Symbol("s")]: 1, b: 2 }', 'Object.assign([1], { own: 2 })',
  'new Array(3)', 'Object.freeze({ f: 1 })', '{ __proto__: { a: 1 }, b: 2 }', 'JSON.parse(\'{"__proto__": 1}\')',
  'new Blob(["abc"], { type: "text/plain" })',
]

const REFUSED = [
  '() => {}', 'Symbol("s")', 'new WeakMap()', 'new WeakSet()', 'Promise.resolve()', 'function* () {}', 'new Proxy({}, {})', '{ a: { f() {} } }',
  '[Symbol.iterator]', 'new WeakRef({})', '(function* () {})()', 'new Map([[1, () => {}]])', 'Object.create(Blob.prototype).constructor',
  'new EventTarget().addEventListener',
]

const PROGRAMS: [name: string, code: string][] = [
  ['identity and cycles', `const o = { self: null, list: [] }; o.self = o; o.list.push(o.list, o); const c = structuredClone(o); return [c !== o, c.self === c, c.list[0] === c.list, c.list[1] === c]`],
  ['shared buffers stay shared', `const b = new ArrayBuffer(4); const c = structuredClone({ one: new Uint8Array(b), two: new Uint8Array(b, 2) }); c.one[2] = 7; return [c.two[0], c.one.buffer === c.two.buffer, b.byteLength]`],
  ['transfer', `const b = new Uint8Array([1, 2, 3]).buffer; const c = structuredClone({ b, v: new Uint8Array(b, 1) }, { transfer: [b] }); return [b.byteLength, bytes(c.b), bytes(c.v), c.v.buffer === c.b]`],
  ['transfer of what is not in the value', `const b = new ArrayBuffer(3); return [structuredClone(5, { transfer: [b] }), b.byteLength]`],
  ['a failed clone transfers nothing', `const b = new ArrayBuffer(3); return [caught(() => structuredClone({ b, f() {} }, { transfer: [b] }))[0], b.byteLength]`],
  ['a detached buffer', `const b = new ArrayBuffer(3); structuredClone(b, { transfer: [b] }); return caught(() => structuredClone(b))`],
  ['a resizable buffer', `const c = structuredClone(new ArrayBuffer(2, { maxByteLength: 8 })); return [c.byteLength, c.resizable, c.maxByteLength]`],
  ['an exception of a getter', `class Own extends Error {} return caught(() => structuredClone({ get a() { throw new Own('x') } }))[1]`],
  ['a getter is called once', `let n = 0; structuredClone({ get a() { return ++n } }); return n`],
  ['an error keeps what it says', `const e = structuredClone(new TypeError('m', { cause: { a: 1 } })); return [e instanceof TypeError, e.message, e.cause, e.name, typeof e.stack]`],
  ['no argument', `return [caught(() => structuredClone()), structuredClone.name, structuredClone(undefined)]`],
  ['deep', `let o = {}; for (let i = 0; i < 1000; i++) o = { o }; let d = structuredClone(o), n = 0; while (d.o) { d = d.o; n++ } return n`],
  ['a blob and a file', `const [b, f] = structuredClone([new Blob(['ab'], { type: 'a/b' }), new File(['c'], 'n')]); return [b instanceof Blob, b.type, b.size, await b.text(), f instanceof Blob]`],
  ['what refuses is a DOMException', `try { structuredClone(() => {}) } catch (e) { return [e instanceof DOMException, e.name, e.code, e.message] }`],
  ['a message port', `const { port1, port2 } = new MessageChannel(); const moved = structuredClone(port1, { transfer: [port1] }); const got = new Promise((resolve) => { moved.onmessage = resolve }); port2.postMessage('hi'); const { data } = await got; moved.close(); return [data, moved !== port1, caught(() => structuredClone(new MessageChannel().port1))[0]]`],
]

export const clone: Case[] = [
  ...VALUES.map((value) => ({
    name: `structuredClone(${value})`,
    code: `
      const original = (${value}), copy = structuredClone(original)
      const tag = Object.prototype.toString.call(copy)
      if (copy === null || typeof copy !== 'object') return [tag, Object.is(copy, original), typeof copy]
      const own = Reflect.ownKeys(copy).filter((key) => typeof key === 'string' && key !== 'stack' && !key.startsWith('_')).map((key) => [key, Object.getOwnPropertyDescriptor(copy, key).enumerable])
      const plain = copy instanceof Error || copy instanceof Blob ? [copy.name, copy.message, copy.size] : copy
      return [tag, copy !== original, copy instanceof DOMException ? [] : own, plain, Object.getPrototypeOf(copy) === Object.getPrototypeOf(original)]`,
  })),
  ...REFUSED.map((value) => ({ name: `structuredClone(${value}) is refused`, code: `return caught(() => structuredClone(${value}))` })),
  ...PROGRAMS.map(([name, code]) => ({ name, code })),
  ...['new URL("http://h")', 'new Headers()', 'new AbortController()', 'new Event("x")', 'new TextEncoder()', 'new URLSearchParams()', 'new FormData()', 'new Response()', 'new ReadableStream()'].map((value) => ({
    name: `structuredClone(${value}) is refused, as the standard says`,
    code: `return caught(() => structuredClone(${value}))`,
    expected: ['threw', 'DOMException', 'DataCloneError'],
  })),
  {
    name: 'transfer of wrong things',
    code: `const b = new ArrayBuffer(3); const d = new ArrayBuffer(3); structuredClone(d, { transfer: [d] }); return [caught(() => structuredClone(1, { transfer: [{}] })), caught(() => structuredClone(1, { transfer: [b, b] })), caught(() => structuredClone(1, { transfer: [d] })), caught(() => structuredClone(1, { transfer: 5 })), caught(() => structuredClone(1, { transfer: [new Uint8Array(1)] }))]`,
    expected: [
      ['threw', 'DOMException', 'DataCloneError'],
      ['threw', 'DOMException', 'DataCloneError'],
      ['threw', 'DOMException', 'DataCloneError'],
      ['threw', 'TypeError', 'TypeError'],
      ['threw', 'DOMException', 'DataCloneError'],
    ],
    differs: 'Node throws TypeErrors, and transfers a buffer that is detached',
  },
  { name: 'a DOMException', code: `const e = structuredClone(new DOMException('m', 'DataCloneError')); return [e instanceof DOMException, e.name, e.message, e.code]`, expected: [true, 'DataCloneError', 'm', 25], differs: 'Node 20 makes a plain object of it' },
  { name: 'streams are not transferred', code: `const s = new ReadableStream(); return [caught(() => structuredClone(s)), caught(() => structuredClone(s, { transfer: [s] }))].map((outcome) => outcome[2])`, expected: ['DataCloneError', 'DataCloneError'], differs: 'Node transfers them' },
]
