import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, DiagnosticsChannels, Isolate } from 'isoseed'
import { afterEach, describe, expect, test } from 'vitest'
import { codeOf, deferred } from './support/rejection.js'

const opened: Isolate[] = []
const cleanups: (() => void)[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((isolate) => isolate.dispose()))
  for (const cleanup of cleanups.splice(0)) cleanup()
})

async function open(options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

describe('stats()', () => {
  test('of a new isolate', async () => {
    const isolate = await open({ memoryLimitMb: 64 })
    const stats = await isolate.stats()
    expect(stats).toMatchObject({ heapLimitBytes: 64 * 2 ** 20, calls: 0, hostCalls: 0, pendingCalls: 0, pendingHostCalls: 0, uncaughtErrors: 0, consoleEntries: 0 })
    expect(stats.heapUsedBytes).toBeGreaterThan(100_000)
    expect(stats.heapTotalBytes).toBeGreaterThanOrEqual(stats.heapUsedBytes)
    expect(stats.restoreUs).toBeGreaterThan(50)
    expect(stats.restoreUs / 1000).toBeLessThan(stats.startMs)
    expect(stats.cpuNs).toBeGreaterThan(0)
    expect(stats.cpuMs).toBeCloseTo(stats.cpuNs / 1e6)
    for (const value of Object.values(stats)) expect(Number.isFinite(value) && value >= 0).toBe(true)
    for (const name of ['cpuNs', 'wallNs', 'restoreUs', 'externalBytes'] as const) expect(Number.isSafeInteger(stats[name])).toBe(true)
  })

  test('counts time that the guest works, not time that it waits', async () => {
    const answer = deferred()
    const isolate = await open({ bindings: { wait: () => answer.promise } })
    const before = await isolate.stats()
    const waiting = isolate.eval('wait()')
    const until = performance.now() + 100
    while (performance.now() < until) await new Promise((resolve) => { setImmediate(resolve) })
    const idle = await isolate.stats()
    expect(idle.wallNs - before.wallNs).toBeLessThan(50e6)
    answer.resolve()
    await waiting
    await isolate.eval('const end = Date.now() + 60; while (Date.now() < end); 1')
    const busy = await isolate.stats()
    expect(busy.wallNs - idle.wallNs).toBeGreaterThan(55e6)
    expect(busy.cpuNs - idle.cpuNs).toBeGreaterThan(1e6)
    expect(busy.calls).toBe(2)
  })

  test('tells buffers and WebAssembly memory beside the heap', async () => {
    const isolate = await open()
    const before = await isolate.stats()
    await isolate.eval('globalThis.buffer = new ArrayBuffer(3e6); globalThis.memory = new WebAssembly.Memory({ initial: 32 }); 1')
    const after = await isolate.stats()
    expect(after.bufferBytes - before.bufferBytes).toBe(3e6)
    expect(after.externalBytes - before.externalBytes).toBeGreaterThanOrEqual(3e6 + 32 * 65_536)
    expect(after.heapUsedBytes).toBeLessThan(before.heapUsedBytes + 3e6)
  })

  test('counts what is pending', async () => {
    const answer = deferred()
    const started = deferred()
    const isolate = await open({ bindings: { wait: () => answer.promise, started: () => started.resolve() } })
    const waiting = isolate.eval('Promise.all([wait(), wait(), started()])')
    await started.promise
    expect(await isolate.stats()).toMatchObject({ calls: 1, hostCalls: 3, pendingCalls: 1 })
    expect((await isolate.stats()).pendingHostCalls).toBe(2)
    answer.resolve()
    await waiting
    expect(await isolate.stats()).toMatchObject({ pendingCalls: 0, pendingHostCalls: 0 })
  })

  test('of one that was held ready: restored before it was asked for', async () => {
    const snapshot = await buildSnapshot({ bundle: 'globalThis.x = 1' })
    await snapshot.prewarm(1)
    const isolate = await open({ snapshot })
    expect((await isolate.stats()).restoreUs).toBeGreaterThan(50)
    await snapshot.prewarm(0)
  })
})

type Names = keyof DiagnosticsChannels

/** What is said on a channel, until the test ends. */
function listen<Name extends Names>(name: Name): DiagnosticsChannels[Name][] {
  const messages: DiagnosticsChannels[Name][] = []
  // The same object says more and more: what it says now counts.
  const listener = (message: unknown): void => void messages.push({ ...(message as DiagnosticsChannels[Name]) })
  subscribe(name, listener)
  cleanups.push(() => unsubscribe(name, listener))
  return messages
}

describe('diagnostics_channel', () => {
  test('isoseed:isolate:create and dispose', async () => {
    const [created, disposed] = [listen('isoseed:isolate:create'), listen('isoseed:isolate:dispose')]
    const isolate = await createIsolate({ memoryLimitMb: 32, timeoutMs: Infinity })
    expect(created).toEqual([{ isolateId: expect.any(Number) as number, seededFrom: 'blank', memoryLimitMb: 32, timeoutMs: Infinity, durationMs: expect.any(Number) as number }])
    const other = await open({ snapshot: await buildSnapshot({ bundle: '1' }) })
    expect(created[1]).toMatchObject({ seededFrom: 'snapshot' })
    expect(created[1]?.isolateId).not.toBe(created[0]?.isolateId)
    await isolate.dispose()
    await isolate.dispose()
    expect(disposed).toEqual([{ isolateId: created[0]?.isolateId, reason: 'dispose' }])
    expect(await other.eval('1')).toBe(1)
  })

  test('isoseed:call is a tracing channel', async () => {
    const isolate = await open()
    await isolate.eval('globalThis.add = (a, b) => a + b; 1')
    const events: [string, object][] = []
    const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
    const subscribers = Object.fromEntries(names.map((name) => [name, (message: object) => void events.push([name, { ...message }])])) as Record<(typeof names)[number], (message: object) => void>
    const tracing = tracingChannel('isoseed:call')
    tracing.subscribe(subscribers)
    cleanups.push(() => tracing.unsubscribe(subscribers))
    expect(await isolate.api.add(1, 2)).toBe(3)
    const call = { isolateId: expect.any(Number) as number, kind: 'call', name: 'add', timeoutMs: 30_000 }
    expect(events).toEqual([['start', call], ['end', call], ['asyncStart', { ...call, result: 3 }], ['asyncEnd', { ...call, result: 3 }]])
    events.length = 0
    const error = await isolate.eval('throw new Error("x")', { filename: 'a.js', timeoutMs: Infinity }).catch((reason: unknown) => reason)
    const failed = { isolateId: expect.any(Number) as number, kind: 'eval', name: 'a.js' }
    expect(events).toEqual([['start', failed], ['end', failed], ['error', { ...failed, error }], ['asyncStart', { ...failed, error }], ['asyncEnd', { ...failed, error }]])
  })

  test('isoseed:snapshot:build is one, too', async () => {
    const [started, ended, failed] = [listen('tracing:isoseed:snapshot:build:start'), listen('tracing:isoseed:snapshot:build:asyncEnd'), listen('tracing:isoseed:snapshot:build:error')]
    const snapshot = await buildSnapshot({ bridge: '1', bundle: [{ code: '2', name: 'two.js' }], cache: false })
    expect(started).toEqual([{ sources: ['bridge.js', 'two.js'], cache: false }])
    expect(ended).toEqual([{ sources: ['bridge.js', 'two.js'], cache: false, result: snapshot }])
    expect(await codeOf(buildSnapshot({ bundle: 'throw 1', cache: false }))).toBe('ERR_SNAPSHOT_BUILD')
    expect(failed).toEqual([{ sources: ['bundle.js'], cache: false, error: expect.objectContaining({ code: 'ERR_SNAPSHOT_BUILD' }) as unknown }])
  })

  test('isoseed:limit, once for the limit that finishes an isolate', async () => {
    const limits = listen('isoseed:limit')
    const isolate = await open({ memoryLimitMb: 16 })
    expect(await codeOf(isolate.eval('for (;;);', { timeoutMs: 50, filename: 'loop.js' }))).toBe('ERR_TIMEOUT')
    expect(await codeOf(isolate.eval('throw 1'))).toBe('ERR_GUEST')
    expect(await codeOf(isolate.eval('const all = []; for (;;) all.push(new Array(1e5).fill(1))', { filename: 'fill.js' }))).toBe('ERR_MEMORY_LIMIT')
    expect(await codeOf(isolate.call('later'))).toBe('ERR_DISPOSED')
    expect(limits.map(({ code, kind, name, error }) => [code, kind, name, error.code])).toEqual([['ERR_TIMEOUT', 'eval', 'loop.js', 'ERR_TIMEOUT'], ['ERR_MEMORY_LIMIT', 'eval', 'fill.js', 'ERR_MEMORY_LIMIT']])
  })

  test('isoseed:limit tells of a limit that was hit between calls, too', async () => {
    const limits = listen('isoseed:limit')
    const isolate = await open({ memoryLimitMb: 16, bindings: { later: async () => 1 } })
    await isolate.eval('void (async () => { await later(); const all = []; for (;;) all.push(new Array(1e5).fill(1)) })(); 1')
    const ended = deferred<string | undefined>()
    const ask = async (): Promise<void> => {
      const code = await codeOf(isolate.eval('1', { filename: 'ask.js' }))
      if (code === undefined) await ask()
      else ended.resolve(code)
    }
    await ask()
    await ended.promise
    expect(limits.map(({ code, name }) => [code, name])).toEqual([['ERR_MEMORY_LIMIT', 'ask.js']])
  })

  test('a subscriber that throws disturbs no call', async () => {
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const names: Names[] = ['isoseed:isolate:create', 'tracing:isoseed:call:start', 'tracing:isoseed:call:asyncEnd', 'isoseed:isolate:dispose']
    const seen = deferred()
    process.on('uncaughtException', (error) => { if (uncaught.push(error) === names.length) seen.resolve() })
    const subscriber = (_: unknown, name: string | symbol): void => { throw new Error(String(name)) }
    for (const name of names) subscribe(name, subscriber)
    try {
      const isolate = await createIsolate()
      expect(await isolate.eval('40 + 2')).toBe(42)
      await isolate.dispose()
      await seen.promise
      expect(uncaught.map((error) => (error as Error).message)).toEqual(names)
    } finally {
      for (const name of names) unsubscribe(name, subscriber)
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  test('without subscribers nobody is asked for anything', () => {
    for (const name of ['isoseed:isolate:create', 'isoseed:limit', 'tracing:isoseed:call:start']) expect(channel(name).hasSubscribers).toBe(false)
  })
})
