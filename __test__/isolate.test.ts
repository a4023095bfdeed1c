import { buildSnapshot, createIsolate, GuestError, Isolate, IsoseedError } from 'isoseed'
import type { Snapshot } from 'isoseed'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deferred, rejection } from './support/rejection.js'

let isolate: Isolate
let snapshot: Snapshot

beforeAll(async () => {
  snapshot = await buildSnapshot({
    bundle: `var fromVar = 'snapshot'; let fromLet = 'snapshot'; globalThis.assigned = 'snapshot'
      function declared() { return 'snapshot' }
      globalThis.read = () => ({ fromVar, fromLet, assigned, declared: typeof declared })`,
  })
})

beforeEach(async () => {
  isolate = await createIsolate()
})

afterEach(() => isolate.dispose())

describe('eval', () => {
  const results: [string, unknown][] = [
    ['1 + 1', 2],
    ['', undefined],
    ['var a = 1', undefined],
    ['let b = 1; b + 1', 2],
    ['if (true) "completion"', 'completion'],
    ['({ a: 1 })', { a: 1 }],
    ['Promise.resolve(7)', 7],
    ['(async () => { await null; return [await 1] })()', [1]],
    ['Promise.resolve(Promise.resolve(8))', 8],
    ['({ then(resolve) { resolve("thenable") } })', 'thenable'],
    ['({ then(resolve) { resolve({ then(again) { again("nested") } }) } })', 'nested'],
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    ['({ then: "no function" })', { then: 'no function' }],
    ['new Promise((resolve) => { Promise.resolve().then(() => resolve("later")) })', 'later'],
    ['"use strict"; this === globalThis', true],
    ['typeof require + typeof process + typeof setTimeout + typeof fetch + typeof module', 'undefinedundefinedundefinedundefinedundefined'],
    ['eval("1 + 1") + new Function("return 40")()', 42],
    ['#!/usr/bin/env node\n7', 7],
    ['// \u2028\n7', 7],
    ['"\u4f60\u{1f600}"', '\u4f60\u{1f600}'],
  ]
  test.each(results)('%j', async (code, expected) => {
    expect(await isolate.eval(code)).toEqual(expected)
  })

  test('top-level declarations stay, and are visible to later code and to call', async () => {
    await isolate.eval('let count = 0; const next = () => ++count; class Counter { static next() { return ++count } }; function plain() { return ++count }')
    expect(await isolate.eval('next()')).toBe(1)
    expect(await isolate.call('next')).toBe(2)
    expect(await isolate.call('Counter.next')).toBe(3)
    expect(await isolate.call('plain')).toBe(4)
  })

  test('a declaration made twice is a SyntaxError, as in any script', async () => {
    await isolate.eval('let once = 1')
    expect(await rejection(isolate.eval('let once = 2'))).toMatchObject({ code: 'ERR_GUEST', name: 'SyntaxError' })
    expect(await isolate.eval('once')).toBe(1)
  })

  const thrown: [string, object][] = [
    ['throw new TypeError("text")', { name: 'TypeError', message: 'text' }],
    ['Promise.reject(new RangeError("text"))', { name: 'RangeError', message: 'text' }],
    ['({ then(_, reject) { reject(new URIError("text")) } })', { name: 'URIError', message: 'text' }],
    ['({ get then() { throw new EvalError("text") } })', { name: 'EvalError', message: 'text' }],
    ['missing', { name: 'ReferenceError' }],
    ['throw Object.assign(new Error("text", { cause: { own: [1] } }), { code: "E_OWN" })', { guestCode: 'E_OWN', cause: { own: [1] } }],
    ['throw new AggregateError([new Error("a"), 2], "text")', { name: 'AggregateError', errors: [expect.objectContaining({ message: 'a' }), 2] }],
    ['throw { own: 1 }', { name: 'Error', cause: { own: 1 } }],
    ['throw "text"', { name: 'Error', cause: 'text' }],
    ['throw undefined', { name: 'Error', cause: undefined }],
    ['throw null', { name: 'Error', cause: null }],
    ['Promise.reject(0)', { name: 'Error', cause: 0 }],
    ['class Custom extends Error { name = "Custom" }; throw new Custom("text")', { name: 'Custom', message: 'text' }],
    ['(function deep() { deep() })()', { name: 'RangeError' }],
    ['JSON.parse("{")', { name: 'SyntaxError' }],
  ]
  test.each(thrown)('%s', async (code, expected) => {
    const error = await rejection(isolate.eval(code))
    expect(error).toBeInstanceOf(GuestError)
    expect(error).toBeInstanceOf(IsoseedError)
    expect(error.code).toBe('ERR_GUEST')
    for (const [key, value] of Object.entries(expected)) expect(error[key as 'name']).toEqual(value)
    expect(await isolate.eval('"usable"')).toBe('usable')
  })

  test.each([
    ['eval.js', '\nthrow new Error("x")', {}],
    ['given.js', '\nthrow new Error("x")', { filename: 'given.js' }],
    ['own name.js', { code: '\nthrow new Error("x")', name: 'own name.js' }, { filename: 'given.js' }],
  ])('the stack names %s and the line', async (name, source, options) => {
    expect((await rejection(isolate.eval(source, options))).stack).toBe(`Error: x\n    at ${name}:2:7`)
  })

  test('a syntax error shows file, line and a caret', async () => {
    const error = await rejection(isolate.eval('let fine = 1\nlet = 5 5', { filename: 'bad.js' }))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'SyntaxError' })
    expect(error.stack).toMatch(/^bad\.js:2:9\nlet = 5 5\n {8}\^\n/)
  })

  test('a stack through asynchronous functions goes on to the guest\'s line', async () => {
    const error = await rejection(isolate.eval({ code: 'async function inner() { await null\nthrow new Error("x") }\nasync function outer() { await inner() }\nouter()', name: 'a.js' }))
    expect(error.stack).toContain('at inner (a.js:2:7)')
    expect(error.stack).toContain('at async outer (a.js:3:')
  })
})

describe('call', () => {
  beforeEach(async () => {
    await isolate.eval(`globalThis.tools = { unit: 'm', format(value) { return value + this.unit }, nested: { deep: { add: (a, b) => a + b } } }
      globalThis.list = [() => 'first']; globalThis.later = async (value) => { await null; return value }
      globalThis.args = (...all) => all; globalThis.self = function () { return this === globalThis }
      globalThis.value = 7; globalThis.nothing = null; var then = () => 'then'; globalThis['odd name'] = () => 'odd'; globalThis.callableProxy = new Proxy(() => 'proxied', {})
      const lexical = { method() { return this === lexical } }; 1`)
  })

  const calls: [string, unknown[], unknown][] = [
    ['tools.format', [5], '5m'],
    ['tools.nested.deep.add', [1, 2], 3],
    ['list.0', [], 'first'],
    ['later', ['value'], 'value'],
    ['args', [undefined, null, 1], [undefined, null, 1]],
    ['args', [], []],
    ['self', [], true],
    ['lexical.method', [], true],
    ['then', [], 'then'],
    ['odd name', [], 'odd'],
    ['callableProxy', [], 'proxied'],
    ['Math.max', [1, 3, 2], 3],
    ['globalThis.globalThis.Math.max', [1, 3], 3],
    ['JSON.parse', ['{"a":[1]}'], { a: [1] }],
    ['String.prototype.constructor', [7], '7'],
  ]
  test.each(calls)('%s(%j)', async (path, args, expected) => {
    expect(await isolate.call(path, args)).toEqual(expected)
  })

  test.each(['missing', 'tools.missing', 'value', 'value.deep', 'nothing.deep', 'tools', 'missing.deep.er', '1 + 1', 'tools[0]', 'this', 'import'])('%s is no function: a GuestError, a TypeError that names it', async (path) => {
    const error = await rejection(isolate.call(path))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: expect.stringContaining(path) })
  })

  test('a getter on the way that throws is the guest\'s exception', async () => {
    await isolate.eval('Object.defineProperty(globalThis, "trap", { get() { throw new RangeError("mine") } }); 1')
    expect(await rejection(isolate.call('trap.deep'))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'mine' })
  })

  test('wrong arguments throw at once', () => {
    for (const path of ['', '.', 'a.', '.a', 'a..b', 7, undefined]) {
      expect(() => isolate.call(path as string)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
    }
    expect(() => isolate.call('args', 'text' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('args') }))
    expect(() => isolate.eval(7 as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
    expect(() => isolate.eval('1', { timeout: 5 } as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('"timeout"') }))
  })

  test('many at once are answered in order, each with its own answer', async () => {
    await isolate.eval('globalThis.order = []; globalThis.mark = async (n) => { order.push(n); await null; return n * 2 }; 1')
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => isolate.call('mark', [index])))
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, index) => index * 2))
    expect(await isolate.eval('order.every((n, index) => n === index) && order.length')).toBe(1000)
  })
})

describe('api', () => {
  test('reaches functions by name, and nested ones', async () => {
    const typed = await createIsolate<{ add(a: number, b: number): number; deep: { er: { greet(name: string): Promise<string> } } }>()
    await typed.eval('globalThis.add = (a, b) => a + b; globalThis.deep = { er: { greet: async (name) => "hi " + name } }; 1')
    expect(await typed.api.add(1, 2)).toBe(3)
    expect(await typed.api.deep.er.greet('you')).toBe('hi you')
    await typed.dispose()
  })

  test('a function that does not exist is an error when it is called', async () => {
    expect(await rejection(isolate.api.missing.deep())).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError' })
  })

  test('has the isolate\'s time limit', async () => {
    const limited = await createIsolate({ timeoutMs: 50 })
    await limited.eval('globalThis.spin = () => { for (;;); }; 1')
    expect((await rejection(limited.api.spin())).code).toBe('ERR_TIMEOUT')
    await limited.dispose()
  })
})

describe('globals', () => {
  test('replace those of the snapshot, however they were made', async () => {
    const own = await createIsolate({ snapshot, globals: { fromVar: 'session', assigned: 'session', declared: 'session', added: [1] } })
    expect(await own.call('read')).toMatchObject({ fromVar: 'session', assigned: 'session', declared: 'string' })
    expect(await own.eval('[fromVar, assigned, declared, added]')).toEqual(['session', 'session', 'session', [1]])
    await own.dispose()
  })

  test('that can not be set are refused, and never dropped without a word', async () => {
    for (const name of ['undefined', 'NaN', 'Infinity']) {
      const outcome = await Promise.resolve().then(() => createIsolate({ globals: { [name]: 'mine' } })).then((own) => own.eval(name).finally(() => own.dispose()), (error: Error) => error.message)
      expect(outcome).toEqual(expect.stringMatching(/mine|globals/))
    }
  })

  test.each(['odd name', '', '0', 'a.b', '\u4f60', 'constructor', 'toString', 'Map', 'console', 'eval', 'then', '\ud800'])('may be named %j', async (name) => {
    const own = await createIsolate({ globals: { [name]: { own: 'mine' } } })
    await own.eval(`globalThis.find = (name) => globalThis[name]; 1`)
    expect(await own.call('find', [name])).toEqual({ own: 'mine' })
    await own.dispose()
  })

  test('of one isolate are no other\'s, and writable', async () => {
    const shared = { list: [1] }
    const [a, b] = await Promise.all([createIsolate({ snapshot, globals: { shared } }), createIsolate({ snapshot, globals: { shared } })])
    expect(await a.eval('shared.list.push(2); shared.list')).toEqual([1, 2])
    expect(await a.eval('shared = 7; shared')).toBe(7)
    expect(await b.eval('shared.list')).toEqual([1])
    await Promise.all([a.dispose(), b.dispose()])
  })
})

test('seededFrom says what the isolate started from', async () => {
  expect(isolate.seededFrom).toBe('blank')
  await using own = await createIsolate({ snapshot })
  expect(own.seededFrom).toBe('snapshot')
})

test('an Isolate is not made by new', () => {
  expect(() => Reflect.construct(Isolate, [])).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
})

test('stats count calls, host calls, memory and buffers', async () => {
  const own = await createIsolate({ memoryLimitMb: 64, bindings: { host: () => 1 } })
  await own.eval('globalThis.kept = new Uint8Array(1 << 20); host().then(host)')
  await own.eval('for (let end = Date.now() + 20; Date.now() < end;);')
  const stats = await own.stats()
  expect(stats).toMatchObject({ heapLimitBytes: 64 * 2 ** 20, calls: 2, hostCalls: 2 })
  expect(stats.bufferBytes).toBeGreaterThanOrEqual(2 ** 20)
  expect(stats.heapUsedBytes).toBeGreaterThan(0)
  expect(stats.heapTotalBytes).toBeGreaterThanOrEqual(stats.heapUsedBytes)
  expect(stats.cpuMs).toBeGreaterThan(0)
  expect(stats.startMs).toBeGreaterThan(0)
  await own.dispose()
})

describe('what one call leaves behind', () => {
  test.each(['Promise.reject(new Error("detached")); 1', '(async () => { throw new Error("detached") })(); 1', 'new Promise((_, reject) => reject(1)); 1'])('%s poisons no later call', async (code) => {
    expect(await isolate.eval(code)).toBe(1)
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('a rejection after a host call is detached, too', async () => {
    const answer = deferred()
    const own = await createIsolate({ bindings: { host: () => answer.promise } })
    expect(await own.eval('host().then(() => { globalThis.ran = true; throw new Error("detached") }); 1')).toBe(1)
    answer.resolve()
    expect(await own.eval('host().then(() => ran)')).toBe(true)
    await own.dispose()
  })

  test('a call can settle what another one waits for', async () => {
    const waiting = isolate.eval('new Promise((resolve) => { globalThis.settle = resolve })')
    await isolate.eval('settle("by another"); 1')
    expect(await waiting).toBe('by another')
  })
})
