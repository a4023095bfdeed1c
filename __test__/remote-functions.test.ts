import { runInNewContext } from 'node:vm'
import { setFlagsFromString } from 'node:v8'
import { createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate, RemoteFunction } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from './support/rejection.js'

const opened: Isolate[] = []

async function open(options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

describe('a function of the guest', () => {
  let isolate: Isolate

  beforeEach(async () => {
    isolate = await open({ timeoutMs: 2000, bindings: { later: async (value: unknown) => value } })
  })

  test.each<[string, string, unknown[], unknown]>([
    ['is called with arguments', '(a, b) => a + b', [1, 2], 3],
    ['is awaited', 'async (a) => (await later(a)) + 1', [1], 2],
    ['gets clones', '(value) => { value.a = 2; return [value, value.when instanceof Date] }', [{ a: 1, when: new Date(1) }], [{ a: 2, when: new Date(1) }, true]],
    ['has no `this`', 'function () { "use strict"; return this === undefined }', [], true],
    ['may be native', 'Math.max', [1, 3, 2], 3],
    ['may be bound', '(function (a) { return [this.b, a] }).bind({ b: 1 })', [2], [1, 2]],
    ['may be a method', '({ f() { return "method" } }).f', [], 'method'],
    ['keeps its closure', '(() => { let n = 0; return () => ++n })()', [], 1],
  ])('%s', async (_, code, args, expected) => {
    const remote = await isolate.eval<RemoteFunction>(`(${code})`)
    expect(typeof remote).toBe('function')
    expect(await remote(...args)).toEqual(expected)
  })

  test.each<[string, string, (value: any) => unknown]>([
    ['in an object', '({ a: { f: () => 1 } })', (value) => value.a.f],
    ['in an array', '[0, [() => 1]]', (value) => value[1][0]],
    ['as a value of a map', 'new Map([["key", () => 1]])', (value) => value.get('key')],
    ['as a key of a map', 'new Map([[() => 1, "value"]])', (value) => [...value.keys()][0]],
    ['in a set', 'new Set([() => 1])', (value) => [...value][0]],
    ['behind a getter', '({ get f() { return () => 1 } })', (value) => value.f],
    ['in what a promise brings', 'Promise.resolve({ f: () => 1 })', (value) => value.f],
    ['beside an error', '({ f: () => 1, error: new RangeError("text") })', (value) => { expect(value.error).toMatchObject({ name: 'RangeError', message: 'text' }); return value.f }],
    ['in a cycle', '(() => { const root = { f: () => 1 }; root.self = root; return root })()', (value) => { expect(value.self).toBe(value); return value.self.f }],
    ['in an instance', 'new (class { own = 1; f = () => 1; get other() { return 2 } })()', (value) => { expect(Object.keys(value)).toEqual(['own', 'f']); return value.f }],
    ['in an object without a prototype', '({ __proto__: null, f: () => 1 })', (value) => value.f],
    ['under odd names', 'JSON.parse(\'{"__proto__":1,"constructor":2,"then":3,"":4}\', function (key, value) { if (key === "") value.f = () => 1; return value })', (value) => { expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'then', '', 'f']); return value.f }],
    ['beside every kind of value', '({ f: () => 1, d: new Date(1), r: /a/g, b: new Uint8Array([1, 2]), n: 1n, u: undefined, h: [, 1], s: new String("s"), m: new Map([[1, new Set([2])]]) })', (value) => {
      const { f, ...rest } = value
      // oxlint-disable-next-line no-sparse-arrays -- a hole crosses as a hole
      expect(rest).toEqual({ d: new Date(1), r: /a/g, b: new Uint8Array([1, 2]), n: 1n, u: undefined, h: [, 1], s: new String('s'), m: new Map([[1, new Set([2])]]) })
      expect(0 in value.h).toBe(false)
      return f
    }],
  ])('crosses %s', async (_, code, find) => {
    expect(await (find(await isolate.eval(code)) as RemoteFunction)()).toBe(1)
  })

  test('shared parts stay shared, and a length with holes at the end stays', async () => {
    const value = await isolate.eval<any>('(() => { const shared = [1, () => 1]; shared.length = 5; const buffer = new ArrayBuffer(8); return { a: shared, b: new Map([["k", shared]]), views: [new Uint8Array(buffer), new Uint16Array(buffer)] } })()')
    expect(value.b.get('k')).toBe(value.a)
    expect(value.a).toHaveLength(5)
    expect(value.views[0].buffer).toBe(value.views[1].buffer)
  })

  test('is the same reference as long as it lives, and the guest\'s own function when it is sent back', async () => {
    const f = await isolate.eval<RemoteFunction>('globalThis.f = (value) => value; f')
    expect(await isolate.eval('f')).toBe(f)
    expect((await isolate.eval<{ a: unknown; b: unknown[] }>('({ a: f, b: [f] })')).b[0]).toBe(f)
    expect(await isolate.eval('((x) => x === f)').then((same) => (same as RemoteFunction)(f))).toBe(true)
    expect(await f(f)).toBe(f)
    expect((await f({ deep: [f] })).deep[0]).toBe(f)
    const other = await isolate.eval<RemoteFunction>('(value) => value')
    expect(other).not.toBe(f)
  })

  test('is a function of the host for another isolate', async () => {
    const other = await open()
    const twice = await isolate.eval<RemoteFunction>('(n) => 2 * n')
    await other.eval('globalThis.use = async (f) => (await f(4)) + 1; 1')
    expect(await other.call('use', [twice])).toBe(9)
  })

  test('throws as call does, and has its options', async () => {
    const fails = await isolate.eval<RemoteFunction>('(message) => { throw Object.assign(new RangeError(message), { code: "MINE" }) }')
    expect(await rejection(fails('text'))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'text', guestCode: 'MINE' })
    const loops = await isolate.eval<RemoteFunction>('() => { for (;;); }')
    expect(await codeOf(loops.with({ timeoutMs: 30 })())).toBe('ERR_TIMEOUT')
    const controller = new AbortController()
    const aborted = rejection(loops.with({ signal: controller.signal })())
    controller.abort(new Error('enough'))
    expect((await aborted).message).toBe('enough')
    expect(() => fails.with({ timeout: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('RemoteFunction.with') }))
    expect(await codeOf(fails(Symbol('s')))).toBe('ERR_DATA_CLONE')
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('of a class can be called, which the class refuses', async () => {
    const type = await isolate.eval<RemoteFunction>('(class Type {})')
    expect(await rejection(type())).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError' })
  })

  test('after dispose: calls and sending fail clearly, once more disposing does nothing, and a new reference works', async () => {
    const f = await isolate.eval<RemoteFunction>('globalThis.f = () => 1; f')
    {
      using scoped = f
      expect(await scoped()).toBe(1)
    }
    f.dispose()
    expect(await rejection(f())).toMatchObject({ code: 'ERR_DISPOSED', message: expect.stringContaining('reference') })
    expect(await rejection(isolate.call('f', [{ f }]))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('args[0].f') })
    const again = await isolate.eval<RemoteFunction>('f')
    expect(again).not.toBe(f)
    expect(await again()).toBe(1)
  })

  test('after the end of its isolate fails as every call does', async () => {
    const f = await isolate.eval<RemoteFunction>('() => 1')
    await isolate.dispose()
    expect(await codeOf(f())).toBe('ERR_DISPOSED')
    f.dispose()
    const bomb = await open({ memoryLimitMb: 16 })
    const g = await bomb.eval<RemoteFunction>('() => { const a = []; for (;;) a.push(new Array(1e4).fill({})) }')
    expect(await codeOf(g())).toBe('ERR_MEMORY_LIMIT')
    expect(await rejection(g())).toMatchObject({ code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
  })

  test('is counted, and forgotten when the host lets go of it', async () => {
    const count = async () => (await isolate.stats()).guestReferences
    const functions = await isolate.eval<RemoteFunction[]>('Array.from({ length: 10 }, (_, i) => () => i)')
    expect(await count()).toBe(10)
    functions.slice(5).forEach((f) => f.dispose())
    expect(await count()).toBe(5)
    const f = await isolate.eval<RemoteFunction>('globalThis.f = () => 1; f')
    await isolate.eval('f')
    await isolate.eval('[f, f]')
    expect(await count()).toBe(6)
    f.dispose()
    expect(await count()).toBe(5)
  })

  test('is forgotten when the host\'s garbage collector finds the reference', async () => {
    await isolate.eval('Array.from({ length: 50 }, (_, i) => () => i)')
    await expect.poll(async () => { collect(); return (await isolate.stats()).guestReferences }, { timeout: 10_000 }).toBe(0)
  })

  test('does not stay when nobody gets it: a call that was aborted, one that timed out, a value that is refused', async () => {
    const controller = new AbortController()
    const started = deferred()
    const answer = deferred()
    const other = await open({ bindings: { wait: () => { started.resolve(); return answer.promise } } })
    const aborted = rejection(other.eval('wait().then(() => [() => 1, () => 2])', { signal: controller.signal }))
    await started.promise
    controller.abort()
    await aborted
    answer.resolve()
    await other.eval('({ f: () => 1, g: [() => 2], s: Symbol() })').catch(() => {})
    await other.eval('({ f: () => 1, get loops() { for (;;); } })', { timeoutMs: 30 }).catch(() => {})
    await other.eval('throw { f: () => 1 }').catch(() => {})
    await other.eval('throw Object.assign(new Error("x"), { code: () => 1 })').catch(() => {})
    expect((await other.stats()).guestReferences).toBe(0)
  })

  test('is bounded in number, with a clear error', async () => {
    await isolate.eval('globalThis.many = (n) => Array.from({ length: n }, () => () => 1); 1')
    const kept = await isolate.call<RemoteFunction[]>('many', [19_999])
    const error = await rejection(isolate.eval('({ a: [() => 1, () => 2] })'))
    expect(error).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringMatching(/^result\.a\[1\] .*20000/) })
    expect(await rejection(isolate.eval('later(() => 1, () => 2)'))).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: expect.stringContaining('20000') })
    kept.slice(0, 10).forEach((f) => f.dispose())
    expect(await isolate.eval<RemoteFunction[]>('[() => 1, () => 2]').then(([a]) => a!())).toBe(1)
  })

  test('is itself a function that prints and compares as one', async () => {
    const f = await isolate.eval<RemoteFunction>('() => 1')
    expect(Object.keys(f)).toEqual([])
    expect(f).toBeTypeOf('function')
    expect(JSON.stringify({ f })).toBe('{}')
    expect('then' in f).toBe(false)
  })
})

describe('a function of the host', () => {
  const sync = (fn: (...args: any[]) => unknown) => ({ sync: true as const, fn })

  test.each<[string, string, unknown[], unknown]>([
    ['in arguments', '(f) => f(1, 2)', [(a: number, b: number) => a + b], 3],
    ['deep in arguments', '(value) => value.get("k")[0].f(1)', [new Map([['k', [{ f: (n: number) => n + 1 }]]])], 2],
    ['is asynchronous', '(f) => f() instanceof Promise', [() => 1], true],
    ['is not, when it is marked', '(f) => f(1) + 1', [sync(async (n: number) => n + 1)], 3],
    ['marked deep inside', '({ api }) => [api.now(), api.add(1, 2) instanceof Promise]', [{ api: { now: sync(() => 5), add: (a: number, b: number) => a + b } }], [5, true]],
    ['stays the same function', '(f, { g }, h) => [f === g, f === h]', [Math.max, { g: Math.max }, Math.min], [true, false]],
    ['can not be constructed', '(f) => { try { new f() } catch (error) { return error.name } }', [() => 1], 'TypeError'],
    ['takes a callback', '(f) => f((n) => n * 2)', [async (callback: RemoteFunction) => callback(21)], 42],
    ['marked, takes a callback', '(f) => f((n) => n * 2) + 1', [sync((callback: RemoteFunction) => callback(21))], 43],
    ['that throws', '(f) => f().catch((error) => [error instanceof RangeError, error.message, error.code])', [() => { throw Object.assign(new RangeError('text'), { code: 'E' }) }], [true, 'text', 'E']],
    ['marked, that throws', '(f) => { try { f() } catch (error) { return [error instanceof RangeError, /references|node:/.test(error.stack)] } }', [sync(() => { throw new RangeError('text') })], [true, false]],
    ['returns functions', '(f) => f(1).then((g) => g(2))', [(a: number) => (b: number) => a + b], 3],
    ['beside an error', '({ f, error }) => f([error.message, error instanceof TypeError])', [{ f: (value: unknown) => value, error: new TypeError('text') }], ['text', true]],
  ])('%s', async (_, code, args, expected) => {
    const isolate = await open()
    const use = await isolate.eval<RemoteFunction>(`(${code})`)
    expect(await use(...args)).toEqual(expected)
  })

  test('in globals, and in what bindings answer', async () => {
    const isolate = await open({ globals: { log: (text: string) => `logged ${text}`, config: { now: sync(() => 7) } }, bindings: { open: () => ({ read: (n: number) => n + 1, close: sync(() => 'closed') }) } })
    expect(await isolate.eval('log("a")')).toBe('logged a')
    expect(await isolate.eval('config.now()')).toBe(7)
    expect(await isolate.eval('open().then(async (file) => [await file.read(1), file.close()])')).toEqual([2, 'closed'])
  })

  test('is the host\'s own function when it is sent back', async () => {
    const isolate = await open({ bindings: { id: (value: unknown) => value } })
    const seen: unknown[] = []
    const mine = () => 1
    const marked = sync(() => 2)
    const echo = await isolate.eval<RemoteFunction>('(...all) => ({ all })')
    const { all } = await echo(mine, marked, [mine])
    seen.push(...all)
    expect(seen[0]).toBe(mine)
    expect(seen[1]).toBe(marked)
    expect((seen[2] as unknown[])[0]).toBe(mine)
  })

  test('is counted, and let go of when the guest\'s garbage collector finds it', async () => {
    const isolate = await open({ memoryLimitMb: 64 })
    const drop = await isolate.eval<RemoteFunction>('(...all) => all.length')
    for (let round = 0; round < 6; round += 1) await drop(...Array.from({ length: 1000 }, (_, n) => () => n))
    expect((await isolate.stats()).hostReferences).toBeLessThan(3000)
    const keep = await isolate.eval<RemoteFunction>('(f) => { globalThis.kept = f }')
    await keep(() => 'kept')
    await isolate.eval('(() => { for (let i = 0; i < 200; i++) new Uint8Array(1e6) })()')
    expect(await isolate.eval('kept()')).toBe('kept')
  })

  test('does not stay when the guest never gets it', async () => {
    const isolate = await open()
    const busy = rejection(isolate.eval('for (;;);', { timeoutMs: 200 }))
    const late = [isolate.call('Object', [() => 1], { timeoutMs: 20 }), isolate.call('missing', [() => 1]), isolate.call('Object', [{ f: () => 1, s: Symbol('s') }])]
    await Promise.allSettled([busy, ...late])
    expect(await codeOf(isolate.call('Object', [() => 1], { signal: AbortSignal.abort() }))).not.toBe('ERR_DATA_CLONE')
    expect((await isolate.stats()).hostReferences).toBe(0)
  })

  test('is bounded in number, with a clear error', async () => {
    const isolate = await open({ memoryLimitMb: 256 })
    await isolate.eval('globalThis.kept = []; globalThis.keep = (all) => { kept.push(...all) }; 1')
    await isolate.call('keep', [Array.from({ length: 19_999 }, (_, n) => () => n)])
    expect(await rejection(isolate.call('keep', [[() => 1, () => 2]]))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringMatching(/args\[0\]\[1\] .*20000/) })
    expect(await isolate.call('keep', [[() => 1]])).toBe(undefined)
  })

  test('keeps no isolate alive after dispose', async () => {
    const isolate = await open()
    const called = deferred()
    await isolate.eval('globalThis.use = async (f) => { await f(); return 1 }; 1')
    const using = codeOf(isolate.call('use', [() => { called.resolve(); return new Promise(() => {}) }]))
    await called.promise
    await isolate.dispose()
    expect(await using).toBe('ERR_DISPOSED')
  })
})

describe('nothing else crosses with a reference', () => {
  test.each([
    ['the constructor', 'f.constructor("return typeof process")()'],
    ['the constructor of its promise', 'f().constructor.constructor("return typeof process")()'],
    ['the prototype chain', 'Object.getPrototypeOf(f).constructor("return typeof process")()'],
    ['its properties', 'Reflect.ownKeys(f).filter((key) => key !== "length" && key !== "name").join() || "undefined"'],
    ['its text', 'String(f).includes("native code") ? "undefined" : String(f)'],
  ])('to the guest: by %s', async (_, code) => {
    const isolate = await open()
    const use = await isolate.eval<RemoteFunction>(`(f) => ${code}`)
    expect(await use(Object.assign(() => 1, { secret: 'of the host' }))).toBe('undefined')
  })

  test('to the host: properties, and replaced built-ins', async () => {
    const isolate = await open()
    await isolate.eval('globalThis.map = new Map([[1, () => 2]]); Object.defineProperty(Array.prototype, "0", { set() { throw 3 } }); Object.defineProperty(Object.prototype, "get", { get() { throw 1 } }); Function.prototype.call = Function.prototype.apply = Map.prototype.get = Map.prototype.set = () => { throw 2 }; Promise.prototype.then = () => { throw 4 }; globalThis.Promise = globalThis.Symbol = null; 1')
    const value = await isolate.eval<any>('({ list: [Object.assign((n) => n + 1, { secret: 1 })], map })')
    expect(Reflect.ownKeys(value.list[0])).not.toContain('secret')
    expect(await value.list[0](1)).toBe(2)
    expect(await value.map.get(1)()).toBe(2)
  })

  test('a result that becomes a thenable while it is cloned: the host does not wait for a function of the guest', async () => {
    const isolate = await open()
    const result = isolate.eval('let reads = 0; ({ get then() { return reads++ === 0 ? undefined : () => {} } })')
    const error = await rejection(result)
    expect(error).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('result.then') })
    await isolate.eval('globalThis.make = () => { let reads = 0; return { get then() { return reads++ === 0 ? undefined : () => {} } } }; 0')
    expect(await codeOf(isolate.call('make', []))).toBe('ERR_DATA_CLONE')
    const make = await isolate.eval<RemoteFunction<[], unknown>>('make')
    expect(await codeOf(make())).toBe('ERR_DATA_CLONE')
  })

  test('a forged reference is none', async () => {
    const isolate = await open()
    const value = await isolate.eval<any>('({ f: () => 1, kind: 2, owner: 0, number: 1, forged: { kind: 2, owner: 1, number: 1 } })')
    expect(value.forged).toEqual({ kind: 2, owner: 1, number: 1 })
    expect(await value.f()).toBe(1)
  })

  test('a value of many parts with a function in it keeps its deadline', async () => {
    const isolate = await open({ memoryLimitMb: 512 })
    await isolate.eval('globalThis.big = Array.from({ length: 3e5 }, (_, i) => ({ i })); 1')
    expect(await codeOf(isolate.eval('({ f: () => 1, big })', { timeoutMs: 20 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('nesting too deep for the stack is an error, both ways', async () => {
    const isolate = await open()
    const code = await codeOf(isolate.eval('(() => { let deep = [() => 1]; for (let i = 0; i < 2e5; i++) deep = [deep]; return deep })()'))
    expect(['ERR_DATA_CLONE', 'ERR_GUEST']).toContain(code)
    let deep: unknown[] = [() => 1]
    for (let depth = 0; depth < 200_000; depth += 1) deep = [deep]
    expect(await codeOf(isolate.call('Object', [deep]))).toBe('ERR_DATA_CLONE')
    expect(await isolate.eval('40 + 2')).toBe(42)
    expect((await isolate.stats()).guestReferences).toBe(0)
  })
})
