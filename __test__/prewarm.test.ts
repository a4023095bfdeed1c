import { buildSnapshot, createIsolate, verifyIsolation } from 'isoseed'
import type { Snapshot } from 'isoseed'
import { beforeAll, afterEach, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

interface Api {
  twice: (value: number) => number
  library: { list: () => number[] }
}

let snapshot: Snapshot

beforeAll(async () => {
  snapshot = await buildSnapshot({
    bundle: `
      const list = [1, 2]
      globalThis.twice = (value) => 2 * value
      globalThis.library = { list: () => list, change: () => list.push(3) }
      const call = db.get
      globalThis.read = (id) => call(id)`,
    bindings: ['db.get'],
  })
})

afterEach(() => snapshot.prewarm(0))

describe('an isolate that was held ready', () => {
  test('is like a fresh one', async () => {
    const options = { snapshot, timeoutMs: 1000, globals: { tenant: 'a' }, bindings: { db: { get: async (id: number) => id + 1 } } }
    await using fresh = await createIsolate<Api>(options)
    await snapshot.prewarm(2)
    await using ready = await createIsolate<Api>(options)
    for (const isolate of [fresh, ready]) {
      expect(isolate.seededFrom).toBe('snapshot')
      expect(await isolate.eval('[tenant, typeof db.get]')).toEqual(['a', 'function'])
      expect(await isolate.eval('Promise.all([read(1), db.get(2)])')).toEqual([2, 3])
      expect(await isolate.api.twice(21)).toBe(42)
      const stats = await isolate.stats()
      expect(stats).toMatchObject({ calls: 3, hostCalls: 2, heapLimitBytes: 128 * 2 ** 20 })
      expect(stats.startMs).toBeGreaterThan(0)
      expect(stats.cpuMs).toBeGreaterThan(0)
    }
    const globals = 'Object.getOwnPropertyNames(globalThis).sort()'
    expect(await ready.eval(globals)).toEqual(await fresh.eval(globals))
  })

  test('is used by one session only', async () => {
    await snapshot.prewarm(3)
    for (let round = 0; round < 10; round += 1) {
      await using isolate = await createIsolate<Api>({ snapshot })
      expect(await isolate.api.library.list()).toEqual([1, 2])
      expect(await isolate.eval('typeof leaked')).toBe('undefined')
      await isolate.eval('library.change(); globalThis.leaked = 1; Array.prototype.push = null; delete Object.prototype.toString')
    }
    expect((await verifyIsolation(snapshot)).ok).toBe(true)
  })

  test('obeys the limits of its session', async () => {
    await snapshot.prewarm(2, { memoryLimitMb: 32 })
    await using slow = await createIsolate({ snapshot, memoryLimitMb: 32, timeoutMs: 50 })
    await using large = await createIsolate({ snapshot, memoryLimitMb: 32, timeoutMs: Infinity })
    expect(await rejection(slow.eval('for (;;);'))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await slow.eval('twice(1)')).toBe(2)
    expect(await rejection(large.eval('const all = []; for (;;) all.push({})'))).toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
    expect(await rejection(large.eval('1'))).toMatchObject({ code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
    expect(await slow.eval('twice(2)')).toBe(4)
  })

  test('stops a call whose signal is aborted', async () => {
    await snapshot.prewarm(1)
    await using isolate = await createIsolate({ snapshot })
    const controller = new AbortController()
    const call = rejection(isolate.eval('for (;;);', { signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await call).toMatchObject({ message: 'enough' })
    expect(await isolate.eval('twice(2)')).toBe(4)
  })

  test('can be refused a global like a fresh one, and harms nobody', async () => {
    await snapshot.prewarm(2)
    expect(await rejection(createIsolate({ snapshot, globals: { call: 1 } }))).toMatchObject({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('globals.call') })
    await using isolate = await createIsolate({ snapshot, globals: { other: 1 } })
    expect(await isolate.eval('other')).toBe(1)
  })
})

describe('prewarm', () => {
  test('serves more sessions at once than it holds', async () => {
    await snapshot.prewarm(4)
    const isolates = await Promise.all(Array.from({ length: 30 }, (_, id) => createIsolate({ snapshot, globals: { id }, bindings: { echo: async (value: unknown) => [id, value] } })))
    const answers = await Promise.all(isolates.map((isolate) => isolate.eval('globalThis.mine = (globalThis.mine ?? 0) + 1; echo([id, mine])')))
    expect(answers).toEqual(isolates.map((_, id) => [id, [id, 1]]))
    await Promise.all(isolates.map((isolate) => isolate.dispose()))
  })

  test('serves sessions of another memory limit with fresh isolates', async () => {
    await snapshot.prewarm(1)
    await using isolate = await createIsolate({ snapshot, memoryLimitMb: 64 })
    expect((await isolate.stats()).heapLimitBytes).toBe(64 * 2 ** 20)
  })

  test('can be set anew at any time, and every call is answered', async () => {
    const counts = [3, 1, 0, 2, 5, 0, 1]
    const calls = counts.map((count, index) => snapshot.prewarm(count, { memoryLimitMb: 32 + (index % 2) * 32 }))
    const isolates = await Promise.all(counts.map(() => createIsolate<Api>({ snapshot, memoryLimitMb: 32 })))
    await Promise.all(calls)
    expect(await Promise.all(isolates.map((isolate) => isolate.api.twice(2)))).toEqual(counts.map(() => 4))
    await Promise.all(isolates.map((isolate) => isolate.dispose()))
  })

  test('goes on while sessions come and are disposed at once', async () => {
    await snapshot.prewarm(2)
    for (let round = 0; round < 20; round += 1) {
      const isolate = await createIsolate({ snapshot })
      const call = rejection(isolate.eval('new Promise(() => {})'))
      await isolate.dispose()
      expect(await call).toMatchObject({ code: 'ERR_DISPOSED' })
    }
    await snapshot.prewarm(2)
  })

  test('refuses wrong arguments at once', async () => {
    for (const count of [-1, 0.5, NaN, '2', undefined, 1e9]) {
      expect(() => snapshot.prewarm(count as number)).toThrow(/^snapshot\.prewarm: count must be an integer from 0 to 1000, got /)
    }
    expect(() => snapshot.prewarm(1, { memoryLimitMb: 4 })).toThrow('memoryLimitMb must be an integer from 8')
    const large = await buildSnapshot({ bundle: 'globalThis.buffer = new Uint8Array(8 << 20).fill(1)' })
    expect(() => large.prewarm(1, { memoryLimitMb: 8 })).toThrow(/^snapshot\.prewarm: memoryLimitMb must be at least \d+ for this snapshot, got 8$/)
  })
})
