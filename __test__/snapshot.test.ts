import { buildSnapshot, createIsolate } from 'isoseed'
import type { BuildSnapshotOptions, Snapshot } from 'isoseed'
import { beforeAll, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

/** Evaluates in a new isolate of a snapshot. */
async function ask<T = unknown>(snapshot: Snapshot, code: string): Promise<T> {
  await using isolate = await createIsolate({ snapshot })
  return await isolate.eval<T>(code)
}

describe('a build', () => {
  const options: BuildSnapshotOptions = {
    bridge: 'globalThis.order = ["bridge"]',
    bundle: ['order.push("first"); let lexical = 1; Promise.resolve().then(() => order.push("microtask"))', { code: 'order.push("second"); lexical += 1; globalThis.read = () => lexical', name: 'own.js' }],
    warmup: 'order.push("warmup"); read()',
    bindings: ['db.get'],
  }
  let snapshot: Snapshot
  beforeAll(async () => {
    snapshot = await buildSnapshot(options)
  })

  test('runs the bridge, the bundles in order with their microtasks, then the warm-up', async () => {
    expect(await ask(snapshot, 'order.slice(0, 4)')).toEqual(['bridge', 'first', 'microtask', 'second'])
    expect(await ask(snapshot, 'read()')).toBe(2)
  })

  test('gives an empty snapshot for nothing', async () => {
    expect(await ask(await buildSnapshot({}), 'typeof order')).toBe('undefined')
  })

  test('has no host functions and nothing of Node', async () => {
    expect(await ask(await buildSnapshot({ bundle: 'globalThis.seen = typeof process + typeof require + typeof setTimeout' }), 'seen')).toBe('undefinedundefinedundefined')
  })

  test('says what it is, frozen', () => {
    expect(snapshot.key).toMatch(/^[0-9a-f]{64}$/)
    expect(snapshot.info).toMatchObject({
      key: snapshot.key,
      platform: `${process.platform}-${process.arch}`,
      v8Version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      sources: [
        { role: 'bridge', name: 'bridge.js', bytes: 29 },
        { role: 'bundle', name: 'bundle-1.js' },
        { role: 'bundle', name: 'own.js' },
        { role: 'warmup', name: 'warmup.js' },
      ],
      bindings: ['db.get'],
      warnings: [],
    })
    const { info } = snapshot
    expect(Math.abs(Date.now() - Date.parse(info.createdAt))).toBeLessThan(600_000)
    for (const size of [info.blobBytes, info.heapBytes, info.buildMs, info.formatVersion]) expect(size).toBeGreaterThan(0)
    expect(info.bytes).toBe(snapshot.bytes().byteLength)
    expect(Object.isFrozen(info) && Object.isFrozen(info.sources) && Object.isFrozen(info.sources[0])).toBe(true)
  })

  test('sessions of it do not see each other', async () => {
    await using a = await createIsolate({ snapshot })
    await using b = await createIsolate({ snapshot })
    await a.eval('order.push("a"); Array.prototype.mine = 1; read = () => "mine"; 1')
    expect(await b.eval('[order.includes("a"), [].mine, read()]')).toEqual([false, undefined, 2])
  })

  test('keeps what code left alive', async () => {
    const live = await buildSnapshot({ bundle: 'globalThis.all = { map: new Map([[1, new Set([2])]]), date: new Date(5), bytes: new Uint8Array([1, 2]), big: 7n, error: new TypeError("x"), pattern: /a/g, sparse: [, 1] }' })
    const sparse = Object.assign(new Array(2), { 1: 1 }) as unknown
    expect(await ask(live, 'all')).toEqual({ map: new Map([[1, new Set([2])]]), date: new Date(5), bytes: new Uint8Array([1, 2]), big: 7n, error: new TypeError('x'), pattern: /a/g, sparse })
  })

  test.each([50, 0, 3])('Error.stackTraceLimit = %i is kept, and works', async (limit) => {
    const own = await buildSnapshot({ bundle: `Error.stackTraceLimit = ${limit}; globalThis.deep = (n) => n === 0 ? new Error('x').stack.split('\\n').length - 1 : deep(n - 1)` })
    expect(await ask(own, '[Error.stackTraceLimit, deep(100)]')).toEqual([limit, limit])
  })

  test('sources and sessions disagree on nothing about time and chance: Math.random differs between sessions', async () => {
    const own = await buildSnapshot({ bundle: 'globalThis.atBuild = Math.random()' })
    const values = await Promise.all([1, 2, 3].map(() => ask(own, 'Math.random()')))
    expect(new Set([...values, await ask(own, 'atBuild')]).size).toBe(4)
  })
})

describe('a build fails', () => {
  test('with the guest\'s error, file, line and stack, if a source throws', async () => {
    const error = await rejection(buildSnapshot({ bridge: '1', bundle: ['2', { code: '\nfunction deep() {\n  throw Object.assign(new RangeError("text", { cause: 7 }), { code: "E_OWN" })\n}\ndeep()', name: 'lib/own.js' }] }))
    expect(error).toMatchObject({ name: 'IsoseedError', code: 'ERR_SNAPSHOT_BUILD', message: expect.stringContaining('lib/own.js') })
    expect(error.cause).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'text', guestCode: 'E_OWN', cause: 7, stack: 'RangeError: text\n    at deep (lib/own.js:3:23)\n    at lib/own.js:5:1' })
  })

  test.each(['bridge', 'bundle', 'warmup'])('if the %s throws what is no error', async (role) => {
    const error = await rejection(buildSnapshot({ [role]: 'throw { own: 1 }' }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', message: expect.stringContaining(role), cause: { code: 'ERR_GUEST', cause: { own: 1 } } })
  })

  test('with file, line and caret for a syntax error', async () => {
    const error = await rejection(buildSnapshot({ bundle: { code: 'let fine = 1\nconst = 5', name: 'bad.js' } }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', cause: { code: 'ERR_GUEST', name: 'SyntaxError' } })
    expect((error.cause as Error).stack).toMatch(/^bad\.js:2:7\nconst = 5\n {6}\^\n/)
  })

  test.each([
    ['an object that V8 can\'t save', 'globalThis.app = (() => { const map = new Map([["breaks", new Intl.v8BreakIterator("en")]]); return () => map })()', 'app.[[Scope]].map.get("breaks")'],
    ['a frozen Promise', 'Object.freeze(Promise)', 'Promise'],
    ['a frozen global', 'Object.freeze(globalThis)', 'globalThis'],
    ['a property that V8 can\'t add to', 'Object.defineProperty(Promise, "try", { configurable: false })', 'Promise.try'],
  ])('with findings, for %s', async (_, bundle, path) => {
    const error = await rejection(buildSnapshot({ bundle }))
    expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
    expect(error.findings?.length).toBeGreaterThan(0)
    for (const finding of error.findings ?? []) {
      expect(finding).toMatchObject({ rule: expect.stringMatching(/^[a-z-]+$/), message: expect.stringMatching(/./), hint: expect.stringMatching(/./) })
    }
    expect(error.findings?.some((finding) => finding.path.includes(path))).toBe(true)
  })

  test('with a finding, for microtasks without end', async () => {
    const bundle = { code: '(async () => { for (;;) await null })()', name: 'endless.js' }
    const error = await rejection(buildSnapshot({ bundle, timeoutMs: 1000 }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_UNSAFE', findings: [{ rule: 'endless-microtasks', source: 'endless.js', message: expect.stringContaining('timeoutMs of 1000') }] })
  })

  test.each(['for (;;);', "/^(a+)+$/.test('a'.repeat(60) + 'b')"])('at its time limit: %s', async (bundle) => {
    const error = await rejection(buildSnapshot({ bundle, timeoutMs: 300 }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', message: expect.stringContaining('timeoutMs') })
  })

  test.each(['const all = []; for (;;) all.push(new Array(1e5).fill(1.5))', 'const all = []; for (;;) all.push(new Uint8Array(1e6))', 'new ArrayBuffer(2 ** 36)', 'new Array(2 ** 27).fill({})'])('at its memory limit: %s', async (bundle) => {
    const error = await rejection(buildSnapshot({ bundle, memoryLimitMb: 64 }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', message: expect.stringMatching(/memoryLimitMb|allocation failed/) })
  })

  test('with the signal\'s reason', async () => {
    const reason = new Error('mine')
    const controller = new AbortController()
    const build = rejection(buildSnapshot({ bundle: 'for (;;);', signal: controller.signal }))
    controller.abort(reason)
    expect(await build).toBe(reason)
    expect(await rejection(buildSnapshot({ bundle: '1', signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  test('at once, for a wrong option', () => {
    for (const [options, name] of [[undefined, 'options'], [{ bundel: '' }, '"bundel"'], [{ bundle: [''], memoryLimitMb: 1 }, 'memoryLimitMb'], [{ bundle: 7 }, 'bundle'], [{ bundle: ['', 7] }, 'bundle[1]'], [{ bridge: { code: '', type: 'json' } }, 'bridge.type'], [{ bridge: { code: '', global: 'x' } }, 'bridge.global'], [{ unsafe: 'ignore' }, 'unsafe'], [{ onProgress: 1 }, 'onProgress'], [{ bindings: ['a', 'a.b'] }, '"a.b"']] as const) {
      expect(() => buildSnapshot(options as never)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(name) }))
    }
  })
})

describe('the key', () => {
  const base: BuildSnapshotOptions = { bridge: 'globalThis.a = 1', bundle: ['globalThis.b = 2', '1'], bindings: ['x'] }

  test('is the same for the same sources, and whatever the limits', async () => {
    const { key } = await buildSnapshot(base)
    for (const same of [{ ...base }, { ...base, timeoutMs: 50_000 }, { ...base, memoryLimitMb: 256 }, { ...base, cache: false }]) {
      expect((await buildSnapshot(same)).key).toBe(key)
    }
  })

  test('differs with everything that changes the heap', async () => {
    const different: BuildSnapshotOptions[] = [
      base,
      { ...base, bridge: 'globalThis.a = 2' },
      { ...base, bundle: ['1', 'globalThis.b = 2'] },
      { ...base, bundle: ['globalThis.b = 2\n1'] },
      { ...base, bundle: [{ code: 'globalThis.b = 2', name: 'other.js' }, '1'] },
      { ...base, warmup: '1' },
      { ...base, bindings: ['y'] },
      { ...base, bindings: [] },
      { bundle: ['globalThis.a = 1', 'globalThis.b = 2', '1'], bindings: ['x'] },
    ]
    const keys = await Promise.all(different.map(async (options) => (await buildSnapshot(options)).key))
    expect(new Set(keys).size).toBe(different.length)
  })
})

describe('the cache', () => {
  test('builds once for all who ask at the same time, and then answers much faster', async () => {
    const bundle = `globalThis.own = ${Math.random()}; for (let end = Date.now() + 300; Date.now() < end;);`
    const started = performance.now()
    const snapshots = await Promise.all(Array.from({ length: 8 }, () => buildSnapshot({ bundle })))
    const built = performance.now() - started
    expect(new Set(snapshots.map(({ info }) => info.createdAt)).size).toBe(1)
    const again = performance.now()
    expect((await buildSnapshot({ bundle })).info.createdAt).toBe(snapshots[0]?.info.createdAt)
    expect(performance.now() - again).toBeLessThan(built / 10)
    expect((await buildSnapshot({ bundle, cache: false })).info.createdAt).not.toBe(snapshots[0]?.info.createdAt)
  })

  test('one of those who wait may leave without ending it for the others', async () => {
    const bundle = `globalThis.own = ${Math.random()}; for (let end = Date.now() + 100; Date.now() < end;);`
    const controller = new AbortController()
    const leaving = rejection(buildSnapshot({ bundle, signal: controller.signal }))
    const staying = buildSnapshot({ bundle })
    controller.abort('gone')
    expect(await leaving).toBe('gone')
    expect(await ask(await staying, 'typeof own')).toBe('number')
  })

  test('does not keep a failure', async () => {
    const bundle = `globalThis.own = ${Math.random()}; for (let end = Date.now() + 1000; Date.now() < end;);`
    expect((await rejection(buildSnapshot({ bundle, timeoutMs: 200 }))).code).toBe('ERR_SNAPSHOT_BUILD')
    expect(await ask(await buildSnapshot({ bundle }), 'typeof own')).toBe('number')
  })
})
