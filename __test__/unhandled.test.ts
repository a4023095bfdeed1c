import { GuestError, buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { ConsoleEntry, CreateIsolateOptions, Isolate, UnhandledRejection } from 'isoseed'
import { afterEach, describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from './support/rejection.js'
import { source } from './support/source-map.js'

const opened: Isolate[] = []

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

/** An isolate, and the errors that nobody caught in it. */
async function open(options: CreateIsolateOptions = {}): Promise<{ isolate: Isolate; found: UnhandledRejection[] }> {
  const found: UnhandledRejection[] = []
  const isolate = await createIsolate({ onUnhandledRejection: (rejected) => found.push(rejected), ...options })
  opened.push(isolate)
  return { isolate, found }
}

const errorOf = (found: UnhandledRejection | undefined): GuestError => found?.error as GuestError
const short = (found: UnhandledRejection[]): unknown[] => found.map(({ kind, origin, name, error }) => [kind, origin, name, (error as GuestError).message])

describe('a rejection that nobody handles', () => {
  const caused: [string, string, (isolate: Isolate) => Promise<unknown>, unknown[]][] = [
    ['by eval', '', (isolate) => isolate.eval('Promise.reject(new Error("x")); 1'), ['eval', 'eval.js']],
    ['by eval of a named source', '', (isolate) => isolate.eval({ code: 'Promise.reject(new Error("x")); 1', name: 'mine.js' }), ['eval', 'mine.js']],
    ['by an ES module', '', (isolate) => isolate.eval({ code: 'void (async () => { await null; throw new Error("x") })()', name: 'mine.mjs', type: 'module' }), ['eval', 'mine.mjs']],
    ['by a call', 'globalThis.a = { b() { Promise.reject(new Error("x")) } }', (isolate) => isolate.call('a.b'), ['call', 'a.b']],
    ['by a call by way of api', 'globalThis.a = { b: async () => { (async () => { throw new Error("x") })() } }', (isolate) => isolate.api.a.b(), ['call', 'a.b']],
    ['in a microtask', 'globalThis.f = () => { Promise.resolve().then(() => Promise.resolve()).then(() => { throw new Error("x") }) }', (isolate) => isolate.call('f'), ['call', 'f']],
    ['after a host call', 'globalThis.f = async () => { await later(); void (async () => { throw new Error("x") })(); return 1 }', (isolate) => isolate.call('f'), ['call', 'f']],
    ['of a host call that fails', 'globalThis.f = async () => { fail(); await later() }', (isolate) => isolate.call('f'), ['call', 'f']],
    ['while the result is read', 'globalThis.f = () => ({ get own() { Promise.reject(new Error("x")); return 1 } })', (isolate) => isolate.call('f'), ['call', 'f']],
    ['by a dynamic import', 'globalThis.f = () => { import("nowhere") }', (isolate) => isolate.call('f'), ['call', 'f']],
  ]
  test.each(caused)('%s is told with what caused it, and the call goes on', async (_, setup, run, [origin, name]) => {
    const { isolate, found } = await open({ bindings: { later: async () => 1, fail: () => { throw new Error('x') } } })
    await isolate.eval(`${setup};1`)
    await expect(run(isolate)).resolves.not.toThrow()
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ kind: 'rejection', origin, name, more: 0 })
    expect(errorOf(found[0])).toBeInstanceOf(GuestError)
    expect(errorOf(found[0]).code).toBe('ERR_GUEST')
    expect(await isolate.eval('40 + 2')).toBe(42)
    expect(found).toHaveLength(1)
  })

  test('of the sources that an isolate starts from', async () => {
    const { found } = await open({ fallback: { bridge: 'Promise.reject(new Error("early"))', bundle: { name: 'b.js', code: 'Promise.reject(new TypeError("late"))' } } })
    expect(short(found)).toEqual([['rejection', 'start', 'bridge.js', 'early'], ['rejection', 'start', 'b.js', 'late']])
  })

  test('beside the failure of its call', async () => {
    const { isolate, found } = await open()
    const error = await rejection(isolate.eval('Promise.reject(new Error("lost")); Promise.resolve().then(() => { throw new Error("later") }); throw new Error("mine")', { filename: 'a.js' }))
    expect(error.message).toBe('mine')
    expect(short(found)).toEqual([['rejection', 'eval', 'a.js', 'lost'], ['rejection', 'eval', 'a.js', 'later']])
  })

  const harmless = [
    'Promise.reject(new Error("x")).catch(() => {}); 1',
    'const p = Promise.reject(new Error("x")); Promise.resolve().then(() => p.catch(() => {})); 1',
    'const q = (async () => { throw new Error("x") })(); (async () => { for (let i = 0; i < 50; i++) await null; try { await q } catch {} })()',
    'Promise.all(Array.from({ length: 5000 }, async (_, i) => { throw new Error(i) })).catch(() => 1)',
    'Promise.allSettled([Promise.reject(1), Promise.reject(2)]).then(() => 1)',
    'Promise.race([Promise.reject(1), Promise.reject(2)]).catch(() => 1)',
    'Promise.any([Promise.reject(1), Promise.reject(2)]).catch(() => 1)',
    'new Promise((resolve, reject) => { resolve(1); reject(2) })',
    '(async () => { try { await Promise.reject(1) } finally { return 1 } })()',
  ]
  test.each(harmless.map((code) => [code]))('is none when it is handled in its turn: %s', async (code) => {
    const { isolate, found } = await open()
    await isolate.eval(code)
    expect(found).toEqual([])
    expect((await isolate.stats()).uncaughtErrors).toBe(0)
  })

  test.each([
    ['rejected already', 'Promise.reject(new Error("x"))'],
    ['rejected later', '(async () => { await null; throw new Error("x") })()'],
    ['rejected after a host call', '(async () => { await later(); throw new Error("x") })()'],
    ['a thenable', '({ then(_, reject) { reject(new Error("x")) } })'],
  ])('is none when the call waits for it (%s): it is the call\'s own', async (_, code) => {
    const { isolate, found } = await open({ bindings: { later: async () => 1 } })
    expect((await rejection(isolate.eval(code))).message).toBe('x')
    expect(found).toEqual([])
  })
})

describe('is told of the call that caused it, and never of the next one', () => {
  test('when that one has thrown before its microtasks ran', async () => {
    const { isolate, found } = await open()
    const failing = codeOf(isolate.eval('Promise.resolve().then(() => { globalThis.ran = true; throw new Error("of a") }); throw 1', { filename: 'a.js' }))
    const next = isolate.eval('globalThis.ran', { filename: 'b.js' })
    expect([await failing, await next]).toEqual(['ERR_GUEST', true])
    expect(short(found)).toEqual([['rejection', 'eval', 'a.js', 'of a']])
  })

  test('when that one was stopped: what it set off does not run in the next one', async () => {
    const { isolate, found } = await open()
    const stopped = codeOf(isolate.eval('Promise.reject(new TypeError("of a")); Promise.reject({ plain: 1 }); Promise.resolve().then(() => { globalThis.ran = true; throw new Error("never") }); for (;;);', { filename: 'a.js', timeoutMs: 50 }))
    const next = isolate.eval('typeof ran', { filename: 'b.js' })
    expect([await stopped, await next]).toEqual(['ERR_TIMEOUT', 'undefined'])
    expect(short(found)).toEqual([['rejection', 'eval', 'a.js', 'of a'], ['rejection', 'eval', 'a.js', 'guest threw #<Object>']])
    expect(errorOf(found[0]).name).toBe('TypeError')
  })

  test('when that one was answered before', async () => {
    const { isolate, found } = await open({ bindings: { wait: () => answer.promise } })
    const answer = deferred()
    await isolate.eval('globalThis.f = () => { void (async () => { await wait(); throw new Error("late") })() }; 1')
    await isolate.call('f')
    answer.resolve()
    while (found.length === 0) await isolate.eval('1', { filename: 'b.js' })
    expect(short(found)).toEqual([['rejection', 'detached', 'f', 'late']])
  })

  test('when another one resumes it', async () => {
    const { isolate, found } = await open({ bindings: { wait: () => answer.promise } })
    const answer = deferred<unknown>()
    await isolate.eval('globalThis.a = async () => { const gate = new Promise((open) => { globalThis.open = open }); void (async () => { await gate; throw new Error("of a") })(); return wait() }; globalThis.b = () => { open() }; 1')
    const waiting = isolate.call('a')
    await isolate.call('b')
    expect(short(found)).toEqual([['rejection', 'call', 'a', 'of a']])
    answer.resolve('done')
    expect(await waiting).toBe('done')
  })

  test('for each of many calls at once', async () => {
    const { isolate, found } = await open({ bindings: { later: async () => 1 } })
    await isolate.eval('globalThis.f = async (n) => { await later(); Promise.reject(new Error("of " + n)); await later(); if (n % 2) throw new Error("own") }; for (let i = 0; i < 30; i++) globalThis["f" + i] = () => f(i); 1')
    await Promise.allSettled(Array.from({ length: 30 }, (_, index) => isolate.call(`f${index}`)))
    expect(short(found).toSorted()).toEqual(Array.from({ length: 30 }, (_, index) => ['rejection', 'call', `f${index}`, `of ${index}`]).toSorted())
  })
})

describe('is told of what belongs to a call in other ways, too', () => {
  test('of an import, and of the modules that it evaluates', async () => {
    const { isolate, found } = await open({ modules: { 'm.js': 'import "./n.js"; Promise.reject(new Error("of m")); export const m = 1', 'n.js': 'await null; Promise.reject(new Error("of n"))' } })
    expect(await isolate.import('m.js')).toEqual({ m: 1 })
    expect(short(found)).toEqual([['rejection', 'import', 'm.js', 'of n'], ['rejection', 'import', 'm.js', 'of m']])
  })

  test('of an import by way of a loader', async () => {
    const { isolate, found } = await open({ modules: async (name) => ({ code: `Promise.reject(new Error("of ${name}")); export default 1`, type: 'module' }) })
    expect(await isolate.import('a.js')).toEqual({ default: 1 })
    expect(await isolate.eval('import("b.js").then(({ default: one }) => one)', { filename: 'e.js' })).toBe(1)
    expect(short(found)).toEqual([['rejection', 'import', 'a.js', 'of a.js'], ['rejection', 'eval', 'e.js', 'of b.js']])
  })

  test('of a call within a call: each has its own', async () => {
    const { isolate, found } = await open({ bindings: { nested: { sync: true, fn: () => isolate.call('inner') } } })
    await isolate.eval('globalThis.inner = () => { Promise.reject(new Error("of inner")); return 1 }; globalThis.outer = () => { const handled = Promise.reject(new Error("handled later")); Promise.reject(new Error("of outer")); nested(); handled.catch(() => {}); Promise.reject(new Error("of outer, after")); return 2 }; 1')
    expect(await isolate.call('outer')).toBe(2)
    expect(short(found)).toEqual([['rejection', 'call', 'inner', 'of inner'], ['rejection', 'call', 'outer', 'of outer'], ['rejection', 'call', 'outer', 'of outer, after']])
  })

  test('of a call within a call that is stopped: the outer one goes on with what it set off', async () => {
    const { isolate, found } = await open({ bindings: { nested: { sync: true, fn: () => codeOf(isolate.eval('Promise.reject(new Error("of inner")); for (;;);', { timeoutMs: 50, filename: 'inner.js' })) } } })
    await isolate.eval('globalThis.outer = async () => { let ran = false; Promise.resolve().then(() => { ran = true }); const code = nested(); await null; await null; return [code, ran] }; 1')
    expect(await isolate.call('outer')).toEqual(['ERR_TIMEOUT', true])
    expect(short(found)).toEqual([['rejection', 'eval', 'inner.js', 'of inner']])
  })

  test('of timers and queued microtasks of the web bridge', async () => {
    const { isolate, found } = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    await isolate.eval('globalThis.f = () => new Promise((done) => setTimeout(() => { setTimeout(done); throw new TypeError("of a timer") })); globalThis.g = () => queueMicrotask(() => { throw new Error("of a microtask") }); globalThis.h = () => { setTimeout(() => { throw new Error("late") }) }; 1')
    await isolate.call('f')
    await isolate.call('g')
    await isolate.call('h')
    while (found.length < 3) await isolate.eval('1')
    expect(short(found)).toEqual([['exception', 'call', 'f', 'of a timer'], ['exception', 'call', 'g', 'of a microtask'], ['exception', 'detached', 'h', 'late']])
  })
})

describe('what is told', () => {
  const thrown: [string, string, object][] = [
    ['an error', 'new TypeError("text")', { name: 'TypeError', message: 'text' }],
    ['an error with a cause', 'new Error("outer", { cause: new RangeError("inner") })', { message: 'outer', cause: expect.objectContaining({ name: 'RangeError', message: 'inner' }) }],
    ['an AggregateError', 'new AggregateError([new Error("a"), 1], "all")', { message: 'all', errors: [expect.objectContaining({ message: 'a' }), 1] }],
    ['an error with a code', 'Object.assign(new Error("text"), { code: "E_X" })', { guestCode: 'E_X' }],
    ['undefined', 'undefined', { message: 'guest threw undefined', cause: undefined }],
    ['null', 'null', { message: 'guest threw null', cause: null }],
    ['a text', '"why"', { message: 'guest threw why', cause: 'why' }],
    ['an object', '({ own: [1] })', { cause: { own: [1] } }],
    ['a function', '() => 1', { message: 'guest threw () => 1' }],
    ['a symbol', 'Symbol("s")', { message: 'guest threw Symbol(s)' }],
    ['a Proxy', 'new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })', { message: 'guest threw #<Object>' }],
    ['a frozen error', 'Object.freeze(new Error("cold"))', { message: 'cold' }],
    ['an error with getters that throw', 'Object.defineProperties(new Error("x"), { message: { get() { throw 1 } }, stack: { get() { throw 2 } } })', { name: 'Error' }],
    ['an error too large to send', 'new Error("x", { cause: new Uint8Array(1e6) })', { message: 'x' }],
  ]
  test.each(thrown)('%s', async (_, code, expected) => {
    const { isolate, found } = await open()
    await isolate.eval(`Promise.reject(${code}); 1`)
    expect(found).toHaveLength(1)
    expect(found[0]?.error).toMatchObject(expected)
  })

  test('has positions in the files that the code was made from', async () => {
    const { isolate, found } = await open({ snapshot: await buildSnapshot({ bundle: source('globalThis.lose = () => { Promise.reject(new Error("x", { cause: new Error("y") })) }', 'app.js', 'src/app.ts') }) })
    await isolate.call('lose')
    expect(errorOf(found[0]).stack).toContain('src/app.ts:')
    expect((errorOf(found[0]).cause as Error).stack).toContain('src/app.ts:')
  })

  test('a getter that never ends ends with its call', async () => {
    const { isolate, found } = await open()
    expect(await codeOf(isolate.eval('Promise.reject(Object.defineProperty(new Error("x"), "message", { get() { for (;;); } })); 1', { timeoutMs: 60 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('40 + 2')).toBe(42)
    expect(found.length).toBeLessThanOrEqual(1)
  })

  test('a getter that rejects more is told of for a few rounds', async () => {
    const { isolate, found } = await open()
    await isolate.eval('const lose = () => Promise.reject(Object.defineProperty(new Error("x"), "message", { get() { lose(); return "again" } })); lose(); 1')
    expect(found.length).toBeGreaterThan(1)
    expect(found.length).toBeLessThan(20)
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('ten of a turn, and how many more', async () => {
    const { isolate, found } = await open()
    await isolate.eval('for (let i = 0; i < 200000; i++) Promise.reject(i); 1')
    expect(found.map(({ error }) => (error as GuestError).cause)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(found.map(({ more }) => more)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 199_990])
    expect((await isolate.stats()).uncaughtErrors).toBe(200_000)
  })

  test('an exception that V8 met: a cleanup callback throws', async () => {
    const { isolate, found } = await open({ memoryLimitMb: 64 })
    await isolate.eval('globalThis.registry = new FinalizationRegistry((held) => { throw new Error("cleanup of " + held) }); (() => { for (let i = 0; i < 10; i++) registry.register({}, "it") })(); globalThis.fill = () => { let all = []; for (let i = 0; i < 50; i++) { all.push(new Array(1e4).fill(i)) } }; 1')
    for (let round = 0; round < 2000 && found.length === 0; round++) await isolate.call('fill')
    expect(found[0]).toMatchObject({ kind: 'exception', origin: 'detached', error: expect.objectContaining({ message: 'cleanup of it' }) as unknown })
  })
})

describe('without the callback', () => {
  test('it is an entry of the console', async () => {
    const entries: ConsoleEntry[] = []
    await using isolate = await createIsolate({ console: (entry) => entries.push(entry) })
    await isolate.eval('console.log("before"); Promise.reject(new Error("lost")); Promise.reject(new Error("outer", { cause: 7 })); for (let i = 0; i < 10; i++) Promise.reject(i); 1')
    expect(entries.map(({ level, method }) => [level, method])).toEqual([['log', 'log'], ...Array.from({ length: 10 }, () => ['error', undefined])])
    expect(entries[1]?.text).toBe('Uncaught (in promise) Error: lost\n    at eval.js:1:39')
    expect(entries[1]?.args).toEqual([expect.objectContaining({ message: 'lost' })])
    expect(entries[2]?.text).toMatch(/^Uncaught \(in promise\) Error: outer\n[^]*\[cause\]: 7/)
    expect(entries.at(-1)?.text).toMatch(/\n\.\.\. and 2 more$/)
  })

  test('and without a console it is counted', async () => {
    await using isolate = await createIsolate()
    await isolate.eval('Promise.reject(1); 1')
    expect((await isolate.stats()).uncaughtErrors).toBe(1)
  })

  test('and with one the console says nothing', async () => {
    const entries: ConsoleEntry[] = []
    const { isolate, found } = await open({ console: (entry) => entries.push(entry) })
    await isolate.eval('Promise.reject(1); 1')
    expect([found.length, entries.length]).toEqual([1, 0])
  })
})

test('what the callback throws is the host\'s own uncaught exception, and disturbs no call', async () => {
  const uncaught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const seen = deferred()
  process.on('uncaughtException', (error) => { if (uncaught.push(error) === 2) seen.resolve() })
  try {
    await using isolate = await createIsolate({ onUnhandledRejection: () => { throw new Error('of the host') } })
    expect(await isolate.eval('Promise.reject(1); Promise.reject(2); 3')).toBe(3)
    await seen.promise
    expect(uncaught).toEqual([new Error('of the host'), new Error('of the host')])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})

test('a callback that is no function is refused at once', () => {
  expect(() => createIsolate({ onUnhandledRejection: 'log' as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: 'createIsolate: onUnhandledRejection must be a function, got "log"' }))
})
