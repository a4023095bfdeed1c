import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { NativeSnapshot } from '../../native.js'
import { checkBuildOptions, checkCallOptions, checkEval, checkIsolateOptions, checkPrewarm, checkVerifyOptions } from '../../lib/options.js'

const SNAPSHOT = { smallestMemoryLimitMb: 9 } as NativeSnapshot
const lookup = (value: unknown): NativeSnapshot | undefined => (value === SNAPSHOT ? SNAPSHOT : undefined)
const build = (options: unknown): unknown => checkBuildOptions(options, lookup)
const isolate = (options: unknown): ReturnType<typeof checkIsolateOptions> => checkIsolateOptions(options, lookup)

const throwing = {
  get memoryLimitMb(): never {
    throw new Error('mine')
  },
}
const throwingProxy = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error('mine')
    },
  },
)
const cyclic: Record<string, unknown> = { f() {} }
cyclic.again = { deep: cyclic }
class Database {
  get(): void {}
}

describe('misuse is a TypeError at once that names option and value', () => {
  const cases: [name: string, run: () => unknown, message: string][] = [
    ['options', () => isolate(null), 'createIsolate: options must be an object, got null'],
    ['options', () => isolate([]), 'createIsolate: options must be an object, got []'],
    ['options', () => isolate(Promise.resolve()), 'createIsolate: options must be an object, got Promise { undefined }'],
    ['options', () => build(undefined), 'buildSnapshot: options must be an object, got undefined'],
    ['unknown', () => isolate({ memoryLimit: 1 }), 'createIsolate: unknown option "memoryLimit", known are snapshot, fallback, memoryLimitMb, timeoutMs, globals, bindings'],
    ['unknown', () => isolate(JSON.parse('{"__proto__":1}')), 'createIsolate: unknown option "__proto__", known are'],
    ['getter', () => isolate(throwing), 'createIsolate: memoryLimitMb can\'t be read: '],
    ['proxy', () => isolate(throwingProxy), 'createIsolate: options can\'t be read: '],
    ['memory', () => isolate({ memoryLimitMb: '64' }), 'createIsolate: memoryLimitMb must be an integer from 8 to 65536, got "64"'],
    ['memory', () => isolate({ memoryLimitMb: 7 }), 'createIsolate: memoryLimitMb must be an integer from 8 to 65536, got 7'],
    ['memory', () => isolate({ memoryLimitMb: 65537 }), 'memoryLimitMb must be an integer from 8 to 65536, got 65537'],
    ['memory', () => isolate({ memoryLimitMb: 8.5 }), 'got 8.5'],
    ['memory', () => isolate({ memoryLimitMb: NaN }), 'got NaN'],
    ['memory', () => isolate({ memoryLimitMb: null }), 'got null'],
    ['memory', () => isolate({ memoryLimitMb: Infinity }), 'got Infinity'],
    ['memory', () => isolate({ memoryLimitMb: 64n }), 'got 64n'],
    ['timeout', () => isolate({ timeoutMs: 0 }), 'createIsolate: timeoutMs must be an integer from 1 to 2147483647, or Infinity, got 0'],
    ['timeout', () => isolate({ timeoutMs: 2 ** 31 }), 'got 2147483648'],
    ['timeout', () => isolate({ timeoutMs: -Infinity }), 'got -Infinity'],
    ['timeout', () => build({ timeoutMs: Infinity }), 'buildSnapshot: timeoutMs must be an integer from 1 to 2147483647, got Infinity'],
    ['snapshot', () => isolate({ snapshot: {} }), 'createIsolate: snapshot must be a Snapshot, a path or a Uint8Array, got {}'],
    ['snapshot', () => isolate({ snapshot: null }), 'createIsolate: snapshot must be a Snapshot, a path or a Uint8Array, got null'],
    ['snapshot', () => isolate({ snapshot: '' }), 'createIsolate: snapshot must be a path that is not empty, got ""'],
    ['snapshot', () => isolate({ snapshot: 'a\0b' }), 'createIsolate: snapshot must be a path that is not empty, got "a\\u0000b"'],
    ['snapshot', () => isolate({ snapshot: SNAPSHOT, memoryLimitMb: 8 }), 'createIsolate: memoryLimitMb must be at least 9 for this snapshot, got 8'],
    ['fallback', () => isolate({ fallback: 'code' }), 'createIsolate: fallback must be an object, got "code"'],
    ['fallback', () => isolate({ fallback: { warmup: '' } }), 'createIsolate: unknown property of fallback "warmup", known are bridge, bundle'],
    ['fallback', () => isolate({ fallback: { bridge: 1 } }), 'createIsolate: fallback.bridge must be a string or { code, name }, got 1'],
    ['fallback', () => isolate({ fallback: { bundle: ['', 1] } }), 'createIsolate: fallback.bundle[1] must be a string or { code, name }, got 1'],
    ['fallback', () => isolate({ fallback: { bundle: [{ code: '', name: 'a', type: 'module' }, { code: '', name: 'a', type: 'commonjs' }] } }), 'createIsolate: two modules have the name "a"'],
    ['prewarm', () => checkPrewarm(1.5, undefined, SNAPSHOT), 'snapshot.prewarm: count must be an integer from 0 to 1000, got 1.5'],
    ['prewarm', () => checkPrewarm(-1, undefined, SNAPSHOT), 'snapshot.prewarm: count must be an integer from 0 to 1000, got -1'],
    ['prewarm', () => checkPrewarm(1e6, undefined, SNAPSHOT), 'snapshot.prewarm: count must be an integer from 0 to 1000, got 1000000'],
    ['prewarm', () => checkPrewarm('2', undefined, SNAPSHOT), 'snapshot.prewarm: count must be an integer from 0 to 1000, got "2"'],
    ['prewarm', () => checkPrewarm(1, { timeoutMs: 1 }, SNAPSHOT), 'snapshot.prewarm: unknown option "timeoutMs", known are memoryLimitMb'],
    ['prewarm', () => checkPrewarm(1, { memoryLimitMb: 8 }, SNAPSHOT), 'snapshot.prewarm: memoryLimitMb must be at least 9 for this snapshot, got 8'],
    ['globals', () => isolate({ globals: new Map() }), 'createIsolate: globals must be an object, got Map(0) {}'],
    ['globals', () => isolate({ globals: JSON.parse('{"__proto__":{}}') }), 'createIsolate: a name in globals must not be "__proto__"'],
    ['globals', () => isolate({ globals: { db: 1 }, bindings: { db: { get() {} } } }), 'createIsolate: globals.db and bindings.db must not both exist'],
    ['bindings', () => isolate({ bindings: 1 }), 'createIsolate: bindings must be an object of functions, got 1'],
    ['bindings', () => isolate({ bindings: { a: 1 } }), 'createIsolate: bindings.a must be a function, { sync: true, fn } or an object of functions, got 1'],
    ['bindings', () => isolate({ bindings: { a: { b: null } } }), 'createIsolate: bindings.a.b must be a function, { sync: true, fn } or an object of functions, got null'],
    ['bindings', () => isolate({ bindings: { a: [] } }), 'bindings.a must be a function, { sync: true, fn } or an object of functions, got []'],
    ['bindings', () => isolate({ bindings: { '': () => 1 } }), 'a name in bindings must be neither empty nor contain a dot, got ""'],
    ['bindings', () => isolate({ bindings: { db: { 'a.b': () => 1 } } }), 'a name in bindings.db must be neither empty nor contain a dot, got "a.b"'],
    ['bindings', () => isolate({ bindings: JSON.parse('{"__proto__":{}}') }), 'a name in bindings must not be "__proto__"'],
    ['bindings', () => isolate({ bindings: { db: new Database() } }), 'bindings.db has no functions of its own, got Database {}'],
    ['bindings', () => isolate({ bindings: cyclic }), 'bindings.again.deep must not contain itself'],
    ['source', () => build({ bridge: 1 }), 'buildSnapshot: bridge must be a string or { code, name }, got 1'],
    ['source', () => build({ bundle: ['', { name: 'x' }] }), 'buildSnapshot: bundle[1].code must be a string, got undefined'],
    ['source', () => build({ bundle: new Array(1) }), 'buildSnapshot: bundle[0] must be a string or { code, name }, got undefined'],
    ['source', () => build({ warmup: { code: '', name: '' } }), 'buildSnapshot: warmup.name must be a string that is not empty, got ""'],
    ['source', () => build({ bridge: { code: '', type: 'wasm' } }), 'buildSnapshot: bridge.type must be "script", "commonjs" or "module", got "wasm"'],
    ['source', () => build({ bridge: { code: '', global: 'x' } }), 'buildSnapshot: bridge.global must be absent unless its type is "commonjs" or "module", got "x"'],
    ['source', () => build({ bridge: { code: '', name: 'a\nb' } }), 'buildSnapshot: bridge.name must be a name without line breaks, control characters and lone surrogates, got "a\\nb"'],
    ['source', () => build({ bridge: 'x = "\udc00"' }), 'buildSnapshot: bridge must be well-formed Unicode, got a lone surrogate at index 5: write it as \\udc00'],
    ['source', () => build({ bridge: { code: '', file: 'x' } }), 'buildSnapshot: unknown property of bridge "file", known are code, name, type'],
    ['paths', () => build({ bindings: 'a' }), 'buildSnapshot: bindings must be an array of strings, got "a"'],
    ['paths', () => build({ bindings: ['a..b'] }), 'buildSnapshot: bindings[0] must be a name or a dotted path, got "a..b"'],
    ['paths', () => build({ bindings: ['db', 'db.get'] }), 'buildSnapshot: bindings must not name both "db" and "db.get"'],
    ['paths', () => build({ bindings: ['a.__proto__'] }), 'bindings[0] must not name "__proto__"'],
    ['cache', () => build({ cache: 1 }), "buildSnapshot: cache must be true, false or a directory's path, got 1"],
    ['cache', () => build({ cache: '' }), 'buildSnapshot: cache must be a path that is not empty, got ""'],
    ['signal', () => build({ signal: new AbortController() }), 'buildSnapshot: signal must be an AbortSignal, got AbortController'],
    ['call', () => checkCallOptions({ filename: 'x' }, 1), 'isolate.call: unknown option "filename", known are timeoutMs, signal'],
    ['call', () => checkCallOptions({ signal: {} }, 1), 'isolate.call: signal must be an AbortSignal, got {}'],
    ['eval', () => checkEval(undefined, undefined, 1), 'isolate.eval: source must be a string or { code, name }, got undefined'],
    ['eval', () => checkEval('', { filename: '' }, 1), 'isolate.eval: filename must be a string that is not empty, got ""'],
    ['verify', () => checkVerifyOptions({}, undefined, lookup), 'verifyIsolation: snapshot must be a Snapshot, got {}'],
    ['verify', () => checkVerifyOptions(SNAPSHOT, { hostile: 1 }, lookup), 'verifyIsolation: hostile must be a string or { code, name }, got 1'],
  ]
  test.each(cases)('%s: %s', (_, run, message) => {
    let thrown: unknown
    try {
      run()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(TypeError)
    expect(thrown).toMatchObject({ code: 'ERR_INVALID_ARG', message: expect.stringContaining(message) })
  })

  test('a long value is shown short', () => {
    expect(() => isolate({ memoryLimitMb: 'x'.repeat(10_000) })).toThrow(/^.{0,200}$/)
  })

  test('an error of the user\'s getter is the cause', () => {
    expect(() => isolate(throwing)).toThrow(expect.objectContaining({ cause: new Error('mine') }))
  })
})

describe('what the native side is told', () => {
  test('defaults of a build', () => {
    expect(checkBuildOptions({}, lookup)).toEqual({
      request: { bundles: [], bindings: [], timeoutMs: 60_000, memoryLimitMb: 512, warnOnly: false, cache: true, progress: false },
      base: undefined,
      onProgress: undefined,
      signal: undefined,
    })
  })

  test('sources get names', () => {
    const { request } = checkBuildOptions({ bridge: 'a', bundle: ['b', { code: 'c', name: 'lib.js', type: 'script' }], warmup: 'd' }, lookup)
    expect(request).toMatchObject({
      bridge: { code: 'a', name: 'bridge.js' },
      bundles: [
        { code: 'b', name: 'bundle-1.js' },
        { code: 'c', name: 'lib.js' },
      ],
      warmup: { code: 'd', name: 'warmup.js' },
    })
    expect(checkBuildOptions({ bundle: 'b' }, lookup).request.bundles).toEqual([{ code: 'b', name: 'bundle.js' }])
  })

  test('binding paths once each', () => {
    expect(checkBuildOptions({ bindings: ['a', 'db.get', 'a'] }, lookup).request.bindings).toEqual(['a', 'db.get'])
  })

  test('defaults of an isolate', () => {
    const blank = {
      snapshot: undefined,
      fallback: undefined,
      memoryLimitMb: 128,
      timeoutMs: 30_000,
      cpuLimitMs: Infinity,
      codegen: { strings: true, wasm: true },
      globals: {},
      bindings: new Map(),
      modules: { given: [], loader: undefined },
      listeners: { console: 'ignore', onUnhandledRejection: undefined },
      process: false,
      valueLimits: { depth: undefined, bytes: 128 * 1024 * 1024 },
    }
    expect(isolate(undefined)).toEqual(blank)
  })

  test('an isolate starts from a snapshot, from what it is loaded from, or from sources', () => {
    expect(isolate({ snapshot: SNAPSHOT }).snapshot).toBe(SNAPSHOT)
    expect(isolate({ snapshot: 'app.snap' }).snapshot).toBe(resolve('app.snap'))
    const bytes = new Uint8Array(3)
    expect(isolate({ snapshot: bytes }).snapshot).toBe(bytes)
    expect(isolate({ fallback: {} }).fallback).toEqual([])
    expect(isolate({ fallback: { bridge: 'a', bundle: ['b', { code: 'c', name: 'lib.js' }] } }).fallback).toEqual([
      { code: 'a', name: 'bridge.js' },
      { code: 'b', name: 'bundle-1.js' },
      { code: 'c', name: 'lib.js' },
    ])
  })

  test('defaults of prewarm', () => {
    expect(checkPrewarm(2, undefined, SNAPSHOT)).toEqual({ count: 2, memoryLimitMb: 128 })
    expect(checkPrewarm(0, { memoryLimitMb: 9 }, SNAPSHOT)).toEqual({ count: 0, memoryLimitMb: 9 })
  })

  test('the limits themselves are allowed', () => {
    expect(isolate({ memoryLimitMb: 8, timeoutMs: 1 })).toMatchObject({ memoryLimitMb: 8, timeoutMs: 1 })
    expect(isolate({ memoryLimitMb: 65536, timeoutMs: 2 ** 31 - 1 })).toMatchObject({ memoryLimitMb: 65536, timeoutMs: 2 ** 31 - 1 })
    expect(isolate({ timeoutMs: Infinity })).toMatchObject({ timeoutMs: Infinity })
  })

  test('bindings by path, with their holder', () => {
    const db = { get() {}, deep: { er() {} } }
    const { bindings } = isolate({ bindings: { log: console.log, db, same: db } })
    expect([...bindings.keys()]).toEqual(['log', 'db.get', 'db.deep.er', 'same.get', 'same.deep.er'])
    expect(bindings.get('db.get')).toEqual({ call: db.get, holder: db, sync: false })
  })

  test('a sync binding, with itself as the holder', () => {
    const get = { sync: true as const, fn() {} }
    expect(isolate({ bindings: { db: { get } } }).bindings.get('db.get')).toEqual({ call: get.fn, holder: get, sync: true })
    expect([...isolate({ bindings: { fs: { sync() {}, fn() {} }, io: { sync: { read() {} } } } }).bindings.keys()]).toEqual(['fs.sync', 'fs.fn', 'io.sync.read'])
  })

  test('a module\'s namespace is an object of functions', async () => {
    const path = await import('node:path/posix')
    expect(isolate({ bindings: { path: { join: path.join } } }).bindings.has('path.join')).toBe(true)
    const namespace = Object.create(null, { f: { value: () => 1, enumerable: true }, [Symbol.toStringTag]: { value: 'Module' } }) as object
    expect(isolate({ bindings: { namespace } }).bindings.has('namespace.f')).toBe(true)
  })

  test('each option is read once', () => {
    let reads = 0
    isolate({
      get timeoutMs() {
        reads += 1
        return 5
      },
    })
    expect(reads).toBe(1)
  })

  test('no limit is an absent limit', () => {
    expect(checkCallOptions(undefined, Infinity)).toEqual({ timeoutMs: undefined, signal: undefined })
    expect(checkCallOptions({ timeoutMs: Infinity }, 5)).toEqual({ timeoutMs: undefined, signal: undefined })
    expect(checkCallOptions({ timeoutMs: undefined }, 5)).toEqual({ timeoutMs: 5, signal: undefined })
    expect(checkCallOptions(undefined, 5)).toEqual({ timeoutMs: 5, signal: undefined })
  })

  test('a source\'s own name goes before the file name', () => {
    expect(checkEval('1', undefined, 5).source).toEqual({ code: '1', name: 'eval.js' })
    expect(checkEval('1', { filename: 'a.js' }, 5).source).toEqual({ code: '1', name: 'a.js' })
    expect(checkEval({ code: '1', name: 'b.js' }, { filename: 'a.js' }, 5).source).toEqual({ code: '1', name: 'b.js' })
  })
})
