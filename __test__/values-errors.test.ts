import { runInThisContext } from 'node:vm'
import { GuestError, buildSnapshot, createIsolate } from 'isoseed'
import type { Isolate, SourceObject } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'
import { source } from './support/source-map.js'

let isolate: Isolate

beforeEach(async () => {
  isolate = await createIsolate()
  await isolate.eval('globalThis.identity = (value) => value; 1')
})

afterEach(() => isolate.dispose())

const sides: [string, <T = any>(code: string) => Promise<T>][] = [
  ['host', (code) => isolate.call('identity', [runInThisContext(`(${code})`)])],
  ['guest', (code) => isolate.eval(`(${code})`)],
]

/** All that can be seen of an error but its stack. */
function shapeOf(error: Error, seen = new Map<object, unknown>()): unknown {
  const known = seen.get(error)
  if (known !== undefined) return known
  const shape = { class: Object.prototype.toString.call(error) === '[object Error]' && Object.getPrototypeOf(error).constructor.name as string, name: error.name, own: {} as Record<string, unknown> }
  seen.set(error, shape)
  for (const key of ['message', 'code', 'cause', 'errors'] as const) {
    const own = Object.getOwnPropertyDescriptor(error, key)
    if (own === undefined) continue
    const value: unknown = own.value
    shape.own[key] = { enumerable: own.enumerable, value: value instanceof Error ? shapeOf(value, seen) : Array.isArray(value) ? value.map((item: unknown) => (item instanceof Error ? shapeOf(item, seen) : item)) : value }
  }
  return shape
}

describe.each(sides)('an error made by the %s', (_, make) => {
  const same = [
    ...['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'].map((name) => `new ${name}('text')`),
    "new AggregateError([new TypeError('a'), 'text', { own: 1 }], 'text')",
    'new Error()',
    "new Error('')",
    "new Error('\\u4f60\\ud800')",
    "new Error('text', { cause: undefined })",
    "new Error('text', { cause: { own: [1, new Map()] } })",
    "new Error('outer', { cause: new TypeError('middle', { cause: new RangeError('inner', { cause: 7n }) }) })",
    "new AggregateError([new AggregateError([new Error('deep')])], 'text', { cause: new Error('why') })",
    "Object.assign(new Error('text'), { code: 'ENOENT' })",
    "Object.assign(new RangeError('text'), { code: 7 })",
    "Object.defineProperty(new Error('text'), 'code', { value: 'HIDDEN', enumerable: false })",
    "Object.assign(new Error('text'), { message: 'changed', name: 'Renamed' })",
    "(() => { const error = new Error('me'); error.cause = error; return error })()",
    "(() => { const a = new Error('a'); const b = new Error('b', { cause: a }); a.cause = b; return a })()",
    "(() => { const all = new AggregateError([], 'all'); all.errors.push(all); return all })()",
  ]
  test.each(same.map((code) => [code]))('%s', async (code) => {
    expect(shapeOf(await make<Error>(code))).toEqual(shapeOf(runInThisContext(`(${code})`) as Error))
  })

  test.each([
    ['an own name', "Object.assign(new (class Custom extends TypeError {})('text'), { name: 'Custom' })"],
    ['a name on the prototype', "(() => { class Custom extends TypeError {} Custom.prototype.name = 'Custom'; return new Custom('text') })()"],
    ['a class field', "new (class extends TypeError { name = 'Custom' })('text')"],
  ])('of a class of its own keeps its name (%s) and the standard class beneath', async (__, code) => {
    const error = await make<Error>(code)
    expect(error).toBeInstanceOf(TypeError)
    expect(Object.getPrototypeOf(error)).toBe(TypeError.prototype)
    expect({ name: error.name, message: error.message }).toEqual({ name: 'Custom', message: 'text' })
  })

  test('of a class without a name of its own is an error of its standard class', async () => {
    const error = await make<Error>("new (class Custom extends RangeError {})('text')")
    expect(Object.getPrototypeOf(error)).toBe(RangeError.prototype)
    expect(error.name).toBe('RangeError')
  })

  test('keeps identity, wherever it is referred to from', async () => {
    const value = await make("(() => { const shared = new Error('shared'); return { shared, list: [shared], map: new Map([[shared, shared]]), set: new Set([shared]), outer: new Error('outer', { cause: shared }), all: new AggregateError([shared]) } })()")
    const { shared } = value
    expect([value.list[0], value.map.get(shared), value.outer.cause, value.all.errors[0]]).toEqual([shared, shared, shared, shared])
    for (const again of [value.list[0], value.map.get(shared), value.outer.cause, value.all.errors[0]]) expect(again).toBe(shared)
    expect(value.set.has(shared)).toBe(true)
  })

  test('crosses beside cycles through its cause', async () => {
    const root = await make('(() => { const root = { list: [] }; root.error = new Error("x", { cause: root }); root.list.push(root.error); return root })()')
    expect(root.error.cause).toBe(root)
    expect(root.list[0]).toBe(root.error)
  })

  test('other own properties do not cross, as with structuredClone', async () => {
    expect(Object.keys(await make("Object.assign(new Error('text'), { code: 'X', extra: 1 })"))).toEqual(['code'])
  })

  test('what is only named like an error is an object', async () => {
    const value = await make<object>("({ name: 'TypeError', message: 'text', stack: 'none' })")
    expect(value).toEqual({ name: 'TypeError', message: 'text', stack: 'none' })
    expect(value).not.toBeInstanceOf(Error)
  })
})

describe('stacks', () => {
  test('a guest\'s error shows the guest\'s files, and nothing of the host', async () => {
    const error = await isolate.eval<Error>({ code: '\n  function make() { return new Error("text") }\nmake()', name: 'guest/file.js' })
    expect(error.stack).toBe('Error: text\n    at make (guest/file.js:2:28)\n    at guest/file.js:3:1')
    expect(Object.getOwnPropertyDescriptor(error, 'stack')).toMatchObject({ enumerable: false })
  })

  test('an error without a stack gets none of the host\'s', async () => {
    const error = await isolate.eval<Error>('(() => { const error = new TypeError("text"); delete error.stack; return error })()')
    expect(error.stack).toBe('TypeError: text')
  })

  test('a stack that is no text does not cross', async () => {
    const error = await isolate.eval<Error>('Object.assign(new Error("text"), { stack: { own: 1 } })')
    expect(error).toMatchObject({ message: 'text' })
    expect(error.stack ?? '').toBeTypeOf('string')
  })

  test('a long stack crosses whole', async () => {
    const error = await isolate.eval<Error>('Error.stackTraceLimit = 100; const deep = (n) => n === 0 ? new Error("x") : deep(n - 1); deep(60)')
    expect(error.stack?.split('\n').length).toBeGreaterThan(60)
  })
})

test('a chain of a thousand causes crosses both ways', async () => {
  const make = '(() => { let last; for (let i = 0; i < 1000; i++) last = new Error("e" + i, { cause: last }); return last })()'
  for (const [, side] of sides) {
    let length = 0
    for (let error: unknown = await side(make); error instanceof Error; error = error.cause) length += 1
    expect(length).toBe(1000)
  }
})

describe('positions in the files that code was made from', () => {
  const code = `
    globalThis.inner = () => { throw new RangeError("inner") }
    globalThis.outer = () => { try { inner() } catch (cause) { throw new TypeError("outer", { cause }) } }
    globalThis.all = () => { throw new AggregateError([new Error("one"), new Error("two", { cause: new Error("three") })], "all") }
    globalThis.later = async () => { await host(); outer() }
    globalThis.made = () => { const shared = new Error("value"); return { shared, map: new Map([["key", shared]]), cause: new Error("with", { cause: shared }) } }
    globalThis.pass = async () => host(new Error("passed", { cause: new Error("deep") }))
    globalThis.compiled = () => new Function("run", "run()")(inner)
    globalThis.evaluated = () => (0, eval)("inner()")`

  /** Every stack in a value, each error once. */
  function stacks(value: unknown, seen = new Set<unknown>()): string[] {
    if (typeof value !== 'object' || value === null || seen.has(value)) return []
    seen.add(value)
    if (value instanceof Map) return [...value.values()].flatMap((item) => stacks(item, seen))
    const inside = [...Object.values(value), Reflect.get(value, 'cause'), Reflect.get(value, 'errors')].flatMap((item) => stacks(item, seen))
    return value instanceof Error ? [value.stack ?? '', ...inside] : inside
  }

  const mapped = (text: string): void => {
    expect(text).toContain('src/app.ts:')
    expect(text).not.toContain('app.js')
  }

  const starts: [string, (app: SourceObject) => Promise<Parameters<typeof createIsolate>[0]>][] = [
    ['a snapshot', async (bundle) => ({ snapshot: await buildSnapshot({ bundle, bindings: ['host'] }) })],
    ['a snapshot on top of another', async (bundle) => ({ snapshot: await buildSnapshot({ base: await buildSnapshot({ bundle, bindings: ['host'] }), bundle: 'globalThis.upper = 1' }) })],
    ['a fallback', async (bundle) => ({ fallback: { bundle } })],
    ['a CommonJS module of a snapshot', async (bundle) => ({ snapshot: await buildSnapshot({ bundle: { ...bundle, type: 'commonjs' }, bindings: ['host'] }) })],
    ['an ES module of a snapshot', async (bundle) => ({ snapshot: await buildSnapshot({ bundle: { ...bundle, type: 'module' }, bindings: ['host'] }) })],
  ]
  describe.each(starts)('of %s', (_, start) => {
    let received: unknown
    let app: Isolate
    beforeEach(async () => {
      app = await createIsolate({ ...(await start(source(code, 'app.js', 'src/app.ts'))), bindings: { host: async (value: unknown) => { received = value } } })
    })
    afterEach(() => app.dispose())

    test.each([
      ['thrown, with its cause', 'outer', 2],
      ['an AggregateError with its errors', 'all', 4],
      ['after a host call', 'later', 2],
      ['through new Function', 'compiled', 1],
      ['through eval', 'evaluated', 1],
    ])('%s', async (__, path, count) => {
      const error = await rejection(app.call(path))
      expect(error).toBeInstanceOf(GuestError)
      const found = stacks(error)
      expect(found).toHaveLength(count)
      found.forEach(mapped)
    })

    test('of errors that are values: results, arguments of host calls', async () => {
      const found = stacks(await app.call('made'))
      await app.call('pass')
      found.push(...stacks(received))
      expect(found).toHaveLength(4)
      found.forEach(mapped)
    })
  })

  test('of what the session evaluates, and no longer when another source has its name', async () => {
    const first = await rejection(isolate.eval(source('throw new Error("x", { cause: new Error("y") })', 'a.js', 'src/a.ts')))
    expect(stacks(first).every((stack) => stack.includes('src/a.ts:3:'))).toBe(true)
    const second = await rejection(isolate.eval({ code: 'throw new Error("z")', name: 'a.js' }))
    expect(second.stack).toBe('Error: z\n    at a.js:1:7')
  })

  test('of what fails while a snapshot is built, with its causes', async () => {
    const failed = await rejection(buildSnapshot({ bundle: source('throw new Error("x", { cause: new Error("y") })', 'app.js', 'src/app.ts') }))
    const found = stacks(failed.cause)
    expect(found).toHaveLength(2)
    found.forEach(mapped)
  })

  test('a stack that is no stack stays what it is', async () => {
    const error = await isolate.eval<Error>(source('const error = new Error("x"); error.stack = "app.js:1:1".repeat(20000); globalThis.error = error; error', 'app.js', 'src/app.ts'))
    expect(error.stack).toBe('app.js:1:1'.repeat(20_000))
  })
})

describe('frames', () => {
  test('show nothing of ours', async () => {
    await using app = await createIsolate({ snapshot: await buildSnapshot({ bundle: [
      { name: 'lib.js', type: 'commonjs', code: 'exports.fail = () => { throw new Error("x") }' },
      { name: 'app.js', type: 'commonjs', code: 'const { fail } = require("./lib.js"); globalThis.fail = () => fail()' },
    ] }) })
    const error = await rejection(app.call('fail'))
    expect(error.stack).toBe('Error: x\n    at exports.fail (lib.js:1:30)\n    at globalThis.fail (app.js:1:63)')
    const inModule = await rejection(app.eval({ name: 'sub.js', type: 'commonjs', code: 'require("./lib.js").fail()' }))
    expect(inModule.stack).toBe('Error: x\n    at exports.fail (lib.js:1:30)\n    at Object.<anonymous> (sub.js:1:21)')
    const missing = await app.eval<string>({ name: 'sub.js', type: 'commonjs', code: '\ntry { require("nothing") } catch (error) { module.exports = error.stack }' })
    expect(missing).toMatch(/^Error: no module "nothing" \(sub\.js asks for it\)\n {4}at Object\.<anonymous> \(sub\.js:2:7\)$/)
  })

  test('go on through await', async () => {
    await using app = await createIsolate({ bindings: { host: async () => 1 } })
    const error = await rejection(app.eval({ name: 'a.js', code: 'async function inner() { await host(); throw new Error("x") }\nasync function outer() { await inner() }\nouter()' }))
    expect(error.stack).toBe('Error: x\n    at inner (a.js:1:46)\n    at async outer (a.js:2:26)')
  })
})

describe('what the guest throws', () => {
  const odd: [string, string, object][] = [
    ['a number', 'throw 7', { name: 'Error', message: 'guest threw 7', cause: 7 }],
    ['undefined', 'throw undefined', { message: 'guest threw undefined', cause: undefined }],
    ['null', 'throw null', { message: 'guest threw null', cause: null }],
    ['a bigint', 'throw 7n', { message: 'guest threw 7', cause: 7n }],
    ['a symbol', 'throw Symbol("s")', { message: 'guest threw Symbol(s)' }],
    ['an object', 'throw { code: 1 }', { cause: { code: 1 } }],
    ['an object without a prototype', 'throw Object.assign(Object.create(null), { a: 1 })', { cause: { a: 1 } }],
    ['an array', 'throw [1, "two"]', { cause: [1, 'two'] }],
    ['a promise', 'throw Promise.resolve()', { name: 'Error', message: expect.stringContaining('Promise') }],
    ['a function', 'throw function named() {}', { message: 'guest threw function named() {}' }],
    ['a Proxy of an error', 'throw new Proxy(new TypeError("x"), {})', { name: 'Error' }],
    ['a hostile Proxy', 'throw new Proxy({}, Object.fromEntries(Reflect.ownKeys(Reflect).map((key) => [key, () => { throw new Error("trap") }])))', { message: 'guest threw #<Object>' }],
    ['a revoked Proxy', 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy', { name: 'Error' }],
    ['an object with getters that throw', 'throw { get message() { throw 1 }, get stack() { throw 2 }, get name() { throw 3 } }', { name: 'Error' }],
    ['a frozen error', 'throw Object.freeze(new TypeError("cold"))', { name: 'TypeError', message: 'cold' }],
    ['an error of a class with a name', 'class Mine extends TypeError { name = "Mine" } throw new Mine("x")', { name: 'Mine', message: 'x' }],
    ['an error of a class without one', 'class Mine extends TypeError {} throw new Mine("x")', { name: 'TypeError', message: 'x' }],
    ['an error whose getters throw', 'throw Object.defineProperties(new Error("x"), { name: { get() { throw 1 } }, message: { get() { throw 1 } }, stack: { get() { throw 2 } }, cause: { get() { throw 3 } } })', { name: 'Error' }],
    ['an error whose texts are none', 'throw Object.assign(new Error("x"), { name: 7, message: { a: 1 }, stack: [1] })', { name: 'Error' }],
    ['an error with a huge message', 'throw new Error("m".repeat(5e6))', { name: 'Error', message: '(a text of 5000000 characters)' }],
    ['an error with a long message', 'throw new Error("m".repeat(70000))', { message: `${'m'.repeat(65_536)}…` }],
    ['an error with huge causes', 'throw new Error("x", { cause: new Uint8Array(3e6) })', { message: 'x', cause: expect.any(Uint8Array) }],
    ['an AggregateError of all kinds', 'throw new AggregateError([new RangeError("a"), 1, undefined, { b: 1 }], "all", { cause: 7 })', { name: 'AggregateError', message: 'all', errors: [expect.objectContaining({ message: 'a' }), 1, undefined, { b: 1 }], cause: 7 }],
    ['what is made to be an error without being one', 'function DOMError(message, name) { this.message = message; this.name = name } DOMError.prototype = Object.create(Error.prototype); throw new DOMError("gone", "AbortError")', { name: 'AbortError', message: 'gone', cause: { message: 'gone', name: 'AbortError' } }],
    ['an error with a cyclic cause', 'const e = new Error("me"); e.cause = e; throw e', { message: 'me', cause: expect.objectContaining({ message: 'me' }) }],
    ['an error while Error is replaced', 'globalThis.Error = globalThis.TypeError = function () {}; null.x', { name: 'TypeError', message: "Cannot read properties of null (reading 'x')" }],
    ['an error while the stack is prepared', 'Error.prepareStackTrace = () => { throw new Error("prepare") }; throw new Error("x")', { message: 'x' }],
    ['a stack prepared as something else', 'Error.prepareStackTrace = (error, frames) => frames; throw new Error("x")', { message: 'x' }],
  ]
  test.each(odd)('%s is a GuestError, thrown or rejected, and the isolate goes on', async (_, thrown, expected) => {
    for (const body of [thrown, `(async () => { ${thrown} })()`, `(async () => { await null; ${thrown} })()`]) {
      await using guest = await createIsolate()
      const error = await rejection(guest.eval(body))
      expect(error).toBeInstanceOf(GuestError)
      expect(error.code).toBe('ERR_GUEST')
      expect(error).toMatchObject(expected)
      expect(error.stack).toBeTypeOf('string')
      expect(await guest.eval('40 + 2')).toBe(42)
    }
  })

  test.each([
    ['causes', '"cause", { get: make }'],
    ['errors', '"errors", { get: () => [make()] }'],
  ])('with %s without end it ends at a limit, and the isolate goes on', async (_, property) => {
    const error = await rejection(isolate.eval(`const make = () => Object.defineProperty(new Error("x"), ${property}); throw make()`, { timeoutMs: 300 }))
    expect(['ERR_GUEST', 'ERR_TIMEOUT']).toContain(error.code)
    expect(await isolate.eval('40 + 2')).toBe(42)
  })
})
