import { runInThisContext } from 'node:vm'
import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, rejection } from './support/rejection.js'

let isolate: Isolate

beforeEach(async () => {
  isolate = await createIsolate({ memoryLimitMb: 256, bindings: { host: (value: unknown) => value } })
  await isolate.eval('globalThis.identity = (value) => value; 1')
})

afterEach(() => isolate.dispose())

const detached = (): ArrayBuffer => {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}
// The types of Node do not name it as a value.
const wasmModule = (): unknown => runInThisContext('new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))')

describe('the host can not send', () => {
  const wrong: Record<string, [() => unknown, string]> = {
    'a symbol': [() => Symbol('s'), 'args[0]'],
    'a symbol beside a function': [() => ({ f: () => 1, s: Symbol('s') }), 'args[0].s'],
    'a callable proxy': [() => ({ type: new Proxy(Map, {}) }), 'args[0].type'],
    'a sync generator beside an async one': [() => [(async function* () {})(), (function* () {})()], 'args[0][1]'],
    'a WeakRef beside a function': [() => ({ f: () => 1, deep: [new WeakRef({})] }), 'args[0].deep[0]'],
    'a promise beside a function': [() => [() => 1, { p: Promise.resolve(1) }], 'args[0][1].p'],
    'an Intl object beside a function': [() => [() => 1, new Intl.NumberFormat('en')], 'args[0][1]'],
    'a host object beside a function': [() => [() => 1, new MessageChannel().port1], 'args[0][1]'],
    'a promise': [() => [Promise.resolve(1)], 'args[0][0]'],
    'a proxy': [() => ({ a: { b: [0, new Proxy({}, {})] } }), 'args[0].a.b[1]'],
    'a WeakMap': [() => ({ 'odd name': new WeakMap() }), 'args[0]["odd name"]'],
    'a WeakSet': [() => new Set([1, new WeakSet()]), 'args[0].values()[1]'],
    'a WeakRef': [() => ({ ref: new WeakRef({}) }), 'args[0].ref'],
    'a generator': [() => ({ items: (function* () {})() }), 'args[0].items'],
    'a map\'s value': [() => new Map([['key', Symbol('s')]]), 'args[0].get("key")'],
    'a map\'s key': [() => new Map([[Symbol('s'), 1]]), 'args[0].keys()[0]'],
    'an error\'s cause': [() => new Error('x', { cause: { deep: () => 1 } }), 'args[0].cause.deep'],
    'a SharedArrayBuffer': [() => ({ shared: new SharedArrayBuffer(8) }), 'args[0].shared'],
    'a view of one': [() => ({ view: new Uint8Array(new SharedArrayBuffer(8)) }), 'args[0].view'],
    'a detached buffer': [() => ({ gone: detached() }), 'args[0].gone'],
    'a getter that throws': [() => ({ get own() { throw new Error('mine') } }), 'args[0].own'],
    'an error\'s cause beside a function': [() => [() => 1, new Error('x', { cause: { deep: () => 1 } })], 'args[0][1].cause.deep'],
    'a part of a cycle': [() => { const root: Record<string, unknown> = {}; root.self = root; root.bad = Symbol('s'); return root }, 'args[0].bad'],
  }
  test.each(Object.entries(wrong))('%s', async (_, [make, path]) => {
    const error = await rejection(isolate.call('identity', [make()]))
    expect(error.code).toBe('ERR_DATA_CLONE')
    expect(error.message).toContain(`${path} `)
    expect(await isolate.call('identity', ['usable'])).toBe('usable')
  })

  // Node's V8 leaves it out without a word: that something is wrong shows in the isolate only.
  test('a WebAssembly.Module', async () => {
    expect(await codeOf(isolate.call('identity', [[wasmModule()]]))).toBe('ERR_DATA_CLONE')
  })

  test('the argument is named, not only its part', async () => {
    expect((await rejection(isolate.call('identity', [1, 2, { f: Symbol('s') }]))).message).toContain('args[2].f ')
  })

  test('globals are named as such', async () => {
    const error = await rejection(createIsolate({ globals: { config: { log: Symbol('s') } } }))
    expect(error.code).toBe('ERR_DATA_CLONE')
    expect(error.message).toContain('globals.config.log ')
  })

  test('nesting too deep for the stack is an error, not a crash', async () => {
    let deep: unknown[] = []
    for (let depth = 0; depth < 200_000; depth += 1) deep = [deep]
    expect((await rejection(isolate.call('identity', [deep]))).code).toBe('ERR_DATA_CLONE')
  })
})

describe('the guest can not send', () => {
  const wrong: Record<string, [string, string]> = {
    'a symbol': ["Symbol('s')", 'result'],
    'a symbol beside a function': ["({ f: () => 1, s: Symbol('s') })", 'result.s'],
    'a sync generator beside an async one': ['[(async function* () {})(), (function* () {})()]', 'result[1]'],
    'a WeakRef beside a function': ['({ f: () => 1, deep: [new WeakRef({})] })', 'result.deep[0]'],
    'a WeakRef with properties beside a function': ['({ f: () => 1, deep: [Object.assign(new WeakRef({}), { a: 1 })] })', 'result.deep[0]'],
    'a promise beside a function': ['[() => 1, { p: Promise.resolve(1) }]', 'result[1].p'],
    'an Intl object beside a function': ["[() => 1, new Intl.NumberFormat('en')]", 'result[1]'],
    'the global object beside a function': ['[() => 1, globalThis]', 'result[1]'],
    'the arguments object beside a function': ['(function () { return [() => 1, arguments] })()', 'result[1]'],
    'a promise inside': ['[Promise.resolve(1)]', 'result[0]'],
    'a proxy': ['({ a: { b: [0, new Proxy({}, {})] } })', 'result.a.b[1]'],
    'a callable proxy': ['new Proxy(() => 1, {})', 'result'],
    'a WeakMap': ["({ 'odd name': new WeakMap() })", 'result["odd name"]'],
    'a WeakSet': ['({ set: new WeakSet() })', 'result.set'],
    'a WeakRef': ['({ ref: new WeakRef({}) })', 'result.ref'],
    'a generator': ['({ items: (function* () {})() })', 'result.items'],
    'an iterator': ['({ items: [].values() })', 'result.items'],
    'a map\'s value': ["({ map: new Map([['key', Symbol('s')]]) })", 'result.map'],
    'a set\'s value': ['({ set: new Set([Symbol()]) })', 'result.set'],
    'an error\'s cause': ["({ error: new Error('x', { cause: { deep: () => 1 } }) })", 'result.error.cause.deep'],
    'an error\'s cause beside a function': ["[() => 1, new Error('x', { cause: { deep: () => 1 } })]", 'result[1].cause.deep'],
    'an error in an AggregateError': ["new AggregateError([1, () => 1])", 'result.errors[1]'],
    'a SharedArrayBuffer': ['({ shared: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer })', 'result.shared'],
    'a view of one': ['({ view: new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer) })', 'result.view'],
    'a detached buffer': ['(() => { const gone = new ArrayBuffer(8); gone.transfer(); return { gone } })()', 'result.gone'],
    'a WebAssembly.Module': ['[new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))]', 'result[0]'],
    'a WebAssembly.Memory': ['[new WebAssembly.Memory({ initial: 1 })]', 'result[0]'],
    'an Intl object': ["({ format: new Intl.NumberFormat('en') })", 'result.format'],
    'the global object': ['globalThis', 'result'],
    'a part of a cycle': ['(() => { const root = {}; root.self = root; root.bad = Symbol(); return root })()', 'result.bad'],
    'what a promise brings': ['Promise.resolve({ f: Symbol() })', 'result.f'],
  }
  test.each(Object.entries(wrong))('%s', async (_, [code, path]) => {
    const error = await rejection(isolate.eval(`(${code})`))
    expect(error.code).toBe('ERR_DATA_CLONE')
    expect(error.message).toMatch(new RegExp(`^${path.replace(/[^\w]/g, '\\$&')}[. ]`))
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('arguments of a host function, and they are named', async () => {
    const error = await rejection(isolate.eval('host({ own: Symbol() })'))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: expect.stringMatching(/host.*\.own/) })
  })

  test('a getter that throws is the guest\'s own exception', async () => {
    const error = await rejection(isolate.eval("({ get own() { throw new RangeError('mine') } })"))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'mine' })
  })

  test('nesting too deep for the stack is an error, and the isolate goes on', async () => {
    const error = await rejection(isolate.eval('(() => { let deep = []; for (let i = 0; i < 2e5; i++) deep = [deep]; return deep })()'))
    expect(['ERR_DATA_CLONE', 'ERR_GUEST']).toContain(error.code)
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test.each([
    ['a function', '() => 1', 'guest threw'],
    ['a symbol', "Symbol('mine')", 'mine'],
    ['a proxy', 'new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 }, has() { throw 3 } })', 'guest threw'],
    ['an object that hates text', '({ toString() { throw 1 }, get own() { throw 2 } })', 'guest threw'],
    ['a revoked proxy', '(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()', 'guest threw'],
  ])('a thrown %s as it is, but the exception arrives', async (_, code, text) => {
    const error = await rejection(isolate.eval(`throw ${code}`))
    expect(error.code).toBe('ERR_GUEST')
    expect(error.message).toContain(text)
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('the uncloneable cause of a thrown error, but the rest of it arrives', async () => {
    const error = await rejection(isolate.eval("throw Object.assign(new TypeError('text', { cause: () => 1 }), { code: 'MINE' })"))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: 'text', guestCode: 'MINE' })
  })
})
