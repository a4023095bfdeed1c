import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Snapshot } from 'isoseed'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { rejection } from './support/rejection.js'
import { damaged, ofAnotherVersion } from './support/snapshots.js'

const folder = mkdtempSync(join(tmpdir(), 'isoseed-'))
const bundle = 'globalThis.library = { add: (a, b) => a + b }'
const fallback = { bundle }
let snapshot: Snapshot
let bytes: Uint8Array

beforeAll(async () => {
  snapshot = await buildSnapshot({ bundle })
  bytes = snapshot.bytes()
})

afterAll(() => rmSync(folder, { recursive: true }))

const emitWarning = vi.spyOn(process, 'emitWarning')
beforeEach(() => void emitWarning.mockImplementation(() => {}))
afterEach(() => void emitWarning.mockReset())

function fileOf(name: string, content: Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

/** What a session from these options says, and what it started from. */
async function start(options: CreateIsolateOptions, code = 'library.add(1, 2)') {
  await using isolate = await createIsolate(options)
  return { seededFrom: isolate.seededFrom, value: await isolate.eval(code) }
}

describe('createIsolate loads a snapshot', () => {
  test('from a path and from bytes', async () => {
    for (const from of [fileOf('good.snap', bytes), bytes]) {
      expect(await start({ snapshot: from })).toEqual({ seededFrom: 'snapshot', value: 3 })
      expect(await start({ snapshot: from, fallback: { bundle: 'throw 1' } })).toEqual({ seededFrom: 'snapshot', value: 3 })
    }
    expect(emitWarning).not.toHaveBeenCalled()
  })

  test('from the bytes as they were when it was called', async () => {
    const copy = Uint8Array.from(bytes)
    const isolate = createIsolate({ snapshot: copy })
    copy.fill(0)
    expect(await (await isolate).eval('library.add(1, 2)')).toBe(3)
    await (await isolate).dispose()
  })

  test('whose heap does not fit: told when it is known', async () => {
    const large = await buildSnapshot({ bundle: 'globalThis.buffer = new Uint8Array(8 << 20).fill(1)' })
    expect(() => createIsolate({ snapshot: large, memoryLimitMb: 8, fallback })).toThrow(/memoryLimitMb must be at least \d+ for this snapshot, got 8/)
    const error = await rejection(createIsolate({ snapshot: large.bytes(), memoryLimitMb: 8, fallback }))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG', message: expect.stringMatching(/^createIsolate: memoryLimitMb must be at least \d+ for this snapshot, got 8$/) })
  })
})

describe('a snapshot that can not be used', () => {
  const broken: [code: string, make: () => string | Uint8Array][] = [
    ['ERR_SNAPSHOT_IO', () => join(folder, 'missing.snap')],
    ['ERR_SNAPSHOT_IO', () => folder],
    ['ERR_SNAPSHOT_CORRUPT', () => new Uint8Array()],
    ['ERR_SNAPSHOT_CORRUPT', () => bytes.subarray(0, 1000)],
    ['ERR_SNAPSHOT_CORRUPT', () => fileOf('damaged.snap', damaged(bytes))],
    ['ERR_SNAPSHOT_MISMATCH', () => ofAnotherVersion(bytes)],
    ['ERR_SNAPSHOT_MISMATCH', () => fileOf('other.snap', ofAnotherVersion(bytes))],
  ]

  test.each(broken)('%s %#: rejects without a fallback, and starts with one', async (code, make) => {
    const from = make()
    expect(await rejection(createIsolate({ snapshot: from }))).toMatchObject({ name: 'IsoseedError', code })
    expect(await start({ snapshot: from, fallback })).toEqual({ seededFrom: 'fallback', value: 3 })
    expect(emitWarning).toHaveBeenCalledOnce()
    const [message, options] = emitWarning.mock.calls[0] as unknown as [string, object]
    expect(options).toEqual({ type: 'IsoseedWarning', code: 'ISOSEED_FALLBACK' })
    expect(message).toContain(code)
    expect(message).toContain(typeof from === 'string' ? from : 'a snapshot')
  })

  test('is warned of once for each reason and path', async () => {
    const first = fileOf('first.snap', damaged(bytes))
    const second = fileOf('second.snap', damaged(bytes))
    await Promise.all([first, second, first, second, first].map((from) => start({ snapshot: from, fallback })))
    expect(emitWarning).toHaveBeenCalledTimes(2)
    writeFileSync(first, 'something else')
    await start({ snapshot: first, fallback })
    expect(emitWarning).toHaveBeenCalledTimes(3)
  })

  test('is tried again by the next session', async () => {
    const file = fileOf('repaired.snap', damaged(bytes))
    expect((await start({ snapshot: file, fallback })).seededFrom).toBe('fallback')
    writeFileSync(file, bytes)
    expect((await start({ snapshot: file, fallback })).seededFrom).toBe('snapshot')
  })
})

describe('the sources of a fallback', () => {
  test('without a snapshot are what the isolate starts from, and nothing is warned of', async () => {
    expect(await start({ fallback })).toEqual({ seededFrom: 'fallback', value: 3 })
    expect(await start({ fallback: {} }, 'typeof library')).toEqual({ seededFrom: 'fallback', value: 'undefined' })
    expect(emitWarning).not.toHaveBeenCalled()
  })

  test('run in order, each after what the one before it set off', async () => {
    const sources = {
      bridge: 'globalThis.log = ["bridge"]; Promise.resolve().then(() => log.push("microtask"))',
      bundle: ['log.push("first")', { code: 'log.push("second"); let hidden = 1', name: 'second.js' }],
    }
    expect((await start({ fallback: sources }, '[...log, hidden]')).value).toEqual(['bridge', 'microtask', 'first', 'second', 1])
  })

  test('may be modules, whose top-level awaits are awaited', async () => {
    const sources = {
      bridge: { code: 'module.exports = { base: 40 }', name: 'base.cjs', type: 'commonjs' as const, global: 'base' },
      bundle: [{ code: 'await null; await null; globalThis.order = ["module"]; export const two = 2', name: 'two.mjs', type: 'module' as const, global: 'lib' }, 'order.push("script")'],
    }
    expect((await start({ fallback: sources }, '[base.base + lib.two, ...order]')).value).toEqual([42, 'module', 'script'])
    const stuck = rejection(createIsolate({ fallback: { bundle: { code: 'await new Promise(() => {})', name: 'stuck.mjs', type: 'module' } } }))
    expect(await stuck).toMatchObject({ code: 'ERR_GUEST', message: expect.stringContaining('stuck.mjs') })
    const failed = rejection(createIsolate({ fallback: { bundle: { code: 'await null; throw new RangeError("late")', name: 'late.mjs', type: 'module' } } }))
    expect(await failed).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'late' })
  })

  test('find the host functions of the session, which refuse until it begins', async () => {
    const capturing = `
      const get = db.get
      globalThis.refused = []
      for (const call of [() => get(1), () => db.get(1)]) try { call() } catch (error) { refused.push(error.message) }
      globalThis.read = (id) => get(id)
      db.get = undefined
      globalThis.tenant = 'of the bundle'`
    const bindings = { db: { get: async (id: number) => id + 1 } }
    await using isolate = await createIsolate({ fallback: { bundle: capturing }, bindings, globals: { tenant: 'of the session' } })
    const refusal = 'host function `db.get` can\'t be called while a snapshot is built'
    expect(await isolate.eval('refused')).toEqual([refusal, refusal])
    expect(await isolate.eval('Promise.all([read(1), db.get(2)])')).toEqual([2, 3])
    expect(await isolate.eval('tenant')).toBe('of the session')
    // The same bundle in a snapshot behaves the same.
    const built = await buildSnapshot({ bundle: capturing, bindings: ['db.get'], unsafe: 'warn' })
    await using seeded = await createIsolate({ snapshot: built, bindings, globals: { tenant: 'of the session' } })
    expect(await seeded.eval('refused')).toEqual(await isolate.eval('refused'))
    expect(await seeded.eval('Promise.all([read(1), db.get(2), tenant])')).toEqual([2, 3, 'of the session'])
  })

  test('that throw reject with what they threw', async () => {
    const error = await rejection(createIsolate({ fallback: { bundle: ['1', { code: '\n throw new TypeError("no", { cause: new Error("why") })', name: 'lib.js' }] } }))
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: 'no', cause: { message: 'why' } })
    expect(error.stack).toContain('lib.js:2:8')
    expect(await rejection(createIsolate({ fallback: { bridge: 'let let' } }))).toMatchObject({ code: 'ERR_GUEST', name: 'SyntaxError', stack: expect.stringContaining('bridge.js:1:5') })
    expect(await rejection(createIsolate({ fallback: { bundle: 'throw { own: 1 }' } }))).toMatchObject({ code: 'ERR_GUEST', cause: { own: 1 } })
  })

  test('share one time limit and the memory limit', async () => {
    const forMs = (ms: number) => `{ const end = Date.now() + ${ms}; while (Date.now() < end); }`
    expect(await rejection(createIsolate({ fallback: { bundle: 'for (;;);' }, timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(createIsolate({ fallback: { bundle: Array.from({ length: 20 }, () => forMs(50)) }, timeoutMs: 200 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(createIsolate({ fallback: { bundle: 'Promise.resolve().then(function again() { return Promise.resolve().then(again) })' }, timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await rejection(createIsolate({ fallback: { bundle: 'const a = []; for (;;) a.push({})' }, memoryLimitMb: 16 }))).toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
    expect(await rejection(createIsolate({ fallback: { bundle: `"${'x'.repeat(1 << 20)}"` }, memoryLimitMb: 8 }))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError' })
  })

  test('leave no time limit behind', async () => {
    await using isolate = await createIsolate({ fallback, timeoutMs: 300 })
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(await isolate.eval('library.add(1, 2)')).toBe(3)
    expect(await rejection(isolate.eval('for (;;);', { timeoutMs: 20 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  test('are the isolate\'s own: two sessions share nothing', async () => {
    await using a = await createIsolate({ fallback })
    await using b = await createIsolate({ fallback })
    await a.eval('library.add = () => "changed"; 0')
    expect(await b.eval('library.add(1, 2)')).toBe(3)
    expect((await b.stats()).calls).toBe(1)
  })
})
