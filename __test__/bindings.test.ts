import { runInNewContext } from 'node:vm'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate, Snapshot } from 'isoseed'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { deferred, rejection } from './support/rejection.js'

const opened: Isolate[] = []

async function open(options: CreateIsolateOptions): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

describe('the guest calls', () => {
  const bindings = {
    add: (a: number, b: number) => a + b,
    later: async (value: unknown) => {
      await Promise.resolve()
      return value
    },
    nothing: () => {},
    math: { factor: 10, times(this: { factor: number }, n: number) { return n * this.factor }, deep: { er: { id: (value: unknown) => value } } },
    variadic: (...all: unknown[]) => all,
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    thenable: () => ({ then: (resolve: (value: unknown) => void) => resolve('thenable') }),
    'odd name': () => 'odd',
  }
  // A data property is no function: only functions and objects of functions are taken.
  const { factor, ...math } = bindings.math
  class Methods {
    #own = 3
    times = (n: number): number => n * this.#own
  }

  test.each([
    ['add(1, 2)', 3],
    ['later({ a: [1] })', { a: [1] }],
    ['nothing()', undefined],
    ['math.deep.er.id(new Map([[1, 2]]))', new Map([[1, 2]])],
    ['variadic(1, undefined, null)', [1, undefined, null]],
    ['variadic()', []],
    ['thenable()', 'thenable'],
    ['globalThis["odd name"]()', 'odd'],
    ['methods.times(2)', 6],
    ['Promise.all(Array.from({ length: 500 }, (_, i) => later(i))).then((all) => all.reduce((a, b) => a + b))', 124750],
    ['add(1, 2) instanceof Promise', true],
    ['(async () => { try { await add() } finally { return "settled" } })()', 'settled'],
    ['[add.name, math.times.name, typeof math.deep]', ['add', 'times', 'object']],
    ['try { new add() } catch (error) { error.name }', 'TypeError'],
  ])('%s', async (code, expected) => {
    const isolate = await open({ bindings: { ...bindings, math, methods: new Methods() as never } })
    expect(await isolate.eval(code)).toEqual(expected)
  })

  test('with the object that holds it as `this`', async () => {
    const holder = { times(this: unknown) { return this === holder } }
    const isolate = await open({ bindings: { holder } })
    expect(await isolate.eval('holder.times()')).toBe(true)
    expect(await isolate.eval('const { times } = holder; times.call({ mine: 1 })')).toBe(true)
    expect(factor).toBe(10)
  })

  test('what was there when the isolate was made, even if the object changes', async () => {
    const functions = { get: () => 'first' }
    const isolate = await open({ bindings: { functions } })
    functions.get = () => 'second'
    expect(await isolate.eval('functions.get()')).toBe('first')
  })

  test('concurrently, and is answered in whatever order the host does it', async () => {
    const first = deferred<string>()
    const second = deferred<string>()
    const both = deferred()
    const isolate = await open({ bindings: { first: () => first.promise, second: () => { both.resolve(); return second.promise } } })
    const order = isolate.eval('(async () => { const order = []; await Promise.all([first().then((v) => order.push(v)), second().then((v) => order.push(v))]); return order })()')
    await both.promise
    second.resolve('second')
    await second.promise
    first.resolve('first')
    expect(await order).toEqual(['second', 'first'])
  })

  test('the isolate that it runs in, again', async () => {
    const isolate: Isolate = await open({ bindings: { again: (n: number) => isolate.call('step', [n - 1]) } })
    await isolate.eval('globalThis.step = async (n) => n === 0 ? "bottom" : await again(n); 1')
    expect(await isolate.call('step', [20])).toBe('bottom')
  })

  test('each isolate its own host', async () => {
    const isolates = await Promise.all(Array.from({ length: 20 }, (_, index) => open({ bindings: { who: async () => index } })))
    const answers = await Promise.all(isolates.map((isolate) => isolate.eval('Promise.all([who(), who(), who()])')))
    expect(answers).toEqual(isolates.map((_, index) => [index, index, index]))
  })
})

describe('an error of the host', () => {
  class Custom extends RangeError {
    override name = 'Custom'
    code = 'E_CUSTOM'
  }
  const errors: Record<string, [() => unknown, string, unknown]> = {
    'a TypeError': [() => new TypeError('text'), '[error instanceof TypeError, error.name, error.message]', [true, 'TypeError', 'text']],
    'an EvalError': [() => new EvalError('text'), '[error instanceof EvalError, error.name, error.message]', [true, 'EvalError', 'text']],
    'an AggregateError': [() => new AggregateError([new Error('a'), 1], 'all'), '[error instanceof AggregateError, error.errors[0].message, error.errors[1]]', [true, 'a', 1]],
    'one of a class of its own': [() => new Custom('text'), '[error instanceof RangeError, error.name, error.code]', [true, 'Custom', 'E_CUSTOM']],
    'one with a code': [() => Object.assign(new Error('text'), { code: 'ENOENT', path: '/etc/passwd' }), '[error.code, error.path]', ['ENOENT', undefined]],
    'one with causes': [() => new Error('outer', { cause: new TypeError('inner', { cause: { deep: 1 } }) }), '[error.cause instanceof TypeError, error.cause.message, error.cause.cause]', [true, 'inner', { deep: 1 }]],
    'one with a cyclic cause': [() => { const error = new Error('text'); error.cause = error; return error }, 'error.cause === error', true],
    'a DOMException': [() => new DOMException('text', 'DataCloneError'), '[error instanceof Error, error.name, error.message, error.code]', [true, 'DataCloneError', 'text', 25]],
    'an abort': [() => AbortSignal.abort().reason as unknown, '[error instanceof Error, error.name]', [true, 'AbortError']],
    'one of another realm': [() => runInNewContext('new RangeError("text")') as unknown, '[error instanceof RangeError, error.message]', [true, 'text']],
    'one with an uncloneable cause': [() => new Error('text', { cause: () => 1 }), '["cause" in error, error.message]', [false, 'text']],
    'one with getters that throw': [() => Object.defineProperty(new Error('text'), 'code', { get() { throw new Error('mine') } }), '[error.message, error.code]', ['text', undefined]],
    'a string': [() => 'text', 'error', 'text'],
    'undefined': [() => undefined, 'error', undefined],
    'an object': [() => ({ own: [1] }), 'error', { own: [1] }],
    'a function': [() => () => 1, '[error instanceof Error, error.code]', [true, 'ERR_DATA_CLONE']],
    'a symbol': [() => Symbol('s'), '[error instanceof Error, error.code]', [true, 'ERR_DATA_CLONE']],
    'a hostile proxy': [() => new Proxy({}, { get() { throw new Error('trap') }, getPrototypeOf() { throw new Error('trap') } }), '[error instanceof Error, error.code]', [true, 'ERR_DATA_CLONE']],
  }
  test.each(Object.entries(errors))('%s, thrown or rejected, is the same in the guest', async (_, [make, look, expected]) => {
    const isolate = await open({ bindings: { throws: () => { throw make() }, rejects: () => Promise.reject(make()) } })
    for (const name of ['throws', 'rejects']) {
      expect(await isolate.eval(`${name}().then(() => 'resolved', (error) => (${look}))`)).toEqual(expected)
    }
  })

  test('shows nothing of the host: no stack, no path', async () => {
    const isolate = await open({ bindings: { fail: () => { throw new Error('text', { cause: new TypeError('inner') }) }, id: () => new Error('returned') } })
    const stacks = await isolate.eval<string[]>('(async function guestFunction() { try { await fail() } catch (error) { return [error.stack, error.cause.stack] } })()')
    for (const stack of stacks) {
      expect(stack).toMatch(/text|inner/)
      expect(stack).not.toMatch(/bindings\.test|node:|isolate-core|index\.js|\//)
    }
  })

  test('that the guest does not catch is a GuestError', async () => {
    const isolate = await open({ bindings: { fail: () => { throw Object.assign(new RangeError('text'), { code: 'E_HOST' }) } } })
    expect(await rejection(isolate.eval('fail()'))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'text', guestCode: 'E_HOST' })
  })

  test('a result that can not cross is an error that names the binding and the path', async () => {
    const isolate = await open({ bindings: { db: { get: () => ({ rows: [{ cursor: Symbol('s') }] }) } } })
    expect(await isolate.eval('db.get().catch((error) => [error.code, error.message])')).toEqual(['ERR_DATA_CLONE', expect.stringContaining('db.get().rows[0].cursor')])
  })

  test('arguments that can not cross reject in the guest, and the host is not called', async () => {
    let calls = 0
    const isolate = await open({ bindings: { host: () => { calls += 1 } } })
    expect(await isolate.eval('host(Symbol()).catch((error) => error.name + error.message)')).toMatch(/TypeError.*host/)
    expect(calls).toBe(0)
  })
})

describe('bindings of a snapshot', () => {
  let snapshot: Snapshot

  beforeAll(async () => {
    snapshot = await buildSnapshot({
      bindings: ['who', 'db.get'],
      unsafe: 'warn',
      bundle: `const captured = who, get = db.get; db.helper = () => 'helper'
        let refused; try { who() } catch (error) { refused = error.message }
        globalThis.ask = () => captured(); globalThis.read = (key) => get(key); globalThis.refusal = refused`,
    })
  })

  test('are refused while building', async () => {
    expect(await (await open({ snapshot })).eval('refusal')).toContain('who')
  })

  test('that were captured call each session\'s own host', async () => {
    const sessions = await Promise.all(['a', 'b', 'c'].map((name) => open({ snapshot, bindings: { who: () => name, db: { get: (key: string) => name + key } } })))
    expect(await Promise.all(sessions.map((session) => session.eval('Promise.all([ask(), read("1"), who(), db.get("2")])')))).toEqual(['a', 'b', 'c'].map((name) => [name, `${name}1`, name, `${name}2`]))
  })

  test('that a session does not supply reject when they are called, and name themselves', async () => {
    const session = await open({ snapshot, bindings: { who: () => 'only' } })
    expect(await session.eval('ask()')).toBe('only')
    expect((await rejection(session.eval('read("1")'))).message).toContain('db.get')
  })

  test('a session may have more than the snapshot knew', async () => {
    const session = await open({ snapshot, bindings: { extra: () => 'extra' } })
    expect(await session.eval('extra()')).toBe('extra')
  })

  test('replace what the bundle made under their name, and are never dropped without a word', async () => {
    const other = await buildSnapshot({ bundle: 'var fetchUser = () => "bundle"; function save() { return "bundle" }' })
    const session = await open({ snapshot: other, bindings: { fetchUser: () => 'host', save: () => 'host' } })
    expect(await session.eval('Promise.all([fetchUser(), save()])')).toEqual(['host', 'host'])
  })
})

describe('the guest can not reach the host', () => {
  test.each([
    ['a function\'s constructor', 'new (host.constructor)("return typeof process + typeof require")()'],
    ['a promise\'s constructor', 'host().constructor.constructor("return typeof process + typeof require")()'],
    ['a result\'s constructor', 'host().then((value) => value.constructor.constructor("return typeof process + typeof require")())'],
    ['an error\'s constructor', 'fail().catch((error) => error.constructor.constructor("return typeof process + typeof require")())'],
    ['the prototype chain', 'Object.getPrototypeOf(host).constructor("return typeof process + typeof require")()'],
    ['import', 'import("node:fs").then(() => "loaded", () => "undefinedundefined")'],
    ['the caller', '(function () { return String(host.caller) + String(host.arguments) }).call().replaceAll("null", "undefined")'],
    ['Error.prepareStackTrace', 'Error.prepareStackTrace = (_, sites) => sites.map((site) => typeof site.getThis()).find((type) => type !== "undefined" && type !== "object") ?? "undefinedundefined"; fail().catch((error) => { void error.stack; return new Error("x").stack })'],
  ])('by %s', async (_, code) => {
    const isolate = await open({ bindings: { host: () => ({ own: 1 }), fail: () => { throw new Error('text') } } })
    const outcome = await isolate.eval(code).catch((error: Error) => (error.name === 'TypeError' ? 'undefinedundefined' : error))
    expect(outcome).toBe('undefinedundefined')
  })

  test('polluting prototypes in a result does not pollute the host\'s', async () => {
    const isolate = await open({ bindings: { host: (value: object) => Object.keys(value) } })
    await isolate.eval('host(JSON.parse(\'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\'))')
    expect('polluted' in {}).toBe(false)
  })

  test('replaced built-ins of the guest do not change what the host receives', async () => {
    const seen: unknown[] = []
    const isolate = await open({ bindings: { host: (...args: unknown[]) => { seen.push(args); return new Uint16Array([7]) } } })
    await isolate.eval('Array.prototype[Symbol.iterator] = Map.prototype.set = Promise.prototype.then = Promise.resolve = () => { throw 1 }; Object.defineProperty(Object.prototype, "own", { get() { return "hijacked" } }); globalThis.Uint16Array = globalThis.Error = class { constructor() { globalThis.hijacked = true } }; 1')
    await isolate.eval('host(1, { a: 2 }); 1').catch(() => {})
    expect(await isolate.eval('typeof hijacked')).toBe('undefined')
    expect(seen.at(0)).toEqual([1, { a: 2 }])
  })
})

test('an option that is no binding throws at once and names it', () => {
  for (const [bindings, name] of [[{ a: 7 }, 'bindings.a'], [{ a: { b: null } }, 'bindings.a.b'], [{ 'a.b': () => 1 }, '"a.b"'], [{ '': () => 1 }, '""'], [{ a: {} }, 'bindings.a'], [[], 'bindings'], [{ a: new Map() }, 'bindings.a']] as const) {
    expect(() => createIsolate({ bindings: bindings as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining(name) }))
  }
})
