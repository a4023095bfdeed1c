import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { deferred, rejection } from './support/rejection.js'

const DISPOSED = { name: 'IsoseedError', code: 'ERR_DISPOSED' }

async function open(): Promise<{ isolate: Isolate; started: Promise<void>; answer: ReturnType<typeof deferred<unknown>> }> {
  const started = deferred()
  const answer = deferred<unknown>()
  const isolate = await createIsolate({ bindings: { started: () => started.resolve(), wait: () => answer.promise } })
  return { isolate, started: started.promise, answer }
}

describe('dispose', () => {
  test('may be called again, and by await using', async () => {
    let outer: Isolate
    {
      await using isolate = await createIsolate()
      outer = isolate
      expect(await isolate.eval('1')).toBe(1)
      const first = isolate.dispose()
      expect(isolate.dispose()).toBe(first)
      await first
    }
    await outer.dispose()
  })

  test('ends every use with ERR_DISPOSED', async () => {
    const { isolate } = await open()
    await isolate.eval('globalThis.f = () => 1; 1')
    await isolate.dispose()
    for (const use of [() => isolate.eval('1'), () => isolate.call('f'), () => isolate.api.f(), () => isolate.stats()]) {
      expect(await rejection(use())).toMatchObject(DISPOSED)
    }
  })

  const states: Record<string, string> = {
    'a loop': 'started(); for (;;);',
    'a loop that catches': 'started(); for (;;) { try { for (;;); } catch {} }',
    'microtasks': '(async () => { started(); for (;;) await null })()',
    'a host call': 'started(); wait()',
    'a promise': 'started(); new Promise(() => {})',
    'a regular expression': "started(); /^(a+)+$/.test('a'.repeat(60) + 'b')",
  }
  test.each(Object.entries(states))('while it is in %s: pending and queued calls reject', async (_, code) => {
    const { isolate, started } = await open()
    const pending = rejection(isolate.eval(code, { timeoutMs: Infinity }))
    const queued = [rejection(isolate.eval('for (;;);')), rejection(isolate.call('wait')), rejection(isolate.eval('started(); new Promise(() => {})'))]
    await started
    await isolate.dispose()
    for (const call of [pending, ...queued]) expect(await call).toMatchObject(DISPOSED)
  })

  test('at once, before anything ran', async () => {
    const { isolate } = await open()
    const calls = Array.from({ length: 20 }, () => rejection(isolate.eval('for (;;);')))
    await isolate.dispose()
    for (const call of calls) expect(await call).toMatchObject(DISPOSED)
  })

  test('from inside a binding that the guest waits for', async () => {
    const disposed = deferred()
    const isolate: Isolate = await createIsolate({ bindings: { end: async () => { await isolate.dispose(); disposed.resolve() } } })
    expect(await rejection(isolate.eval('end()'))).toMatchObject(DISPOSED)
    await disposed.promise
  })

  test('from inside a sync binding that the guest waits for', async () => {
    let disposal: Promise<void> | undefined
    const isolate: Isolate = await createIsolate({ bindings: { end: { sync: true, fn: () => { disposal = isolate.dispose(); return 1 } } } })
    expect(await rejection(isolate.eval('end()'))).toMatchObject(DISPOSED)
    await disposal
    expect(await rejection(isolate.eval('1'))).toMatchObject(DISPOSED)
  })

  test('from the listener of a signal that ends a call', async () => {
    const { isolate, started } = await open()
    const controller = new AbortController()
    let disposal: Promise<void> | undefined
    controller.signal.addEventListener('abort', () => { disposal = isolate.dispose() })
    const call = isolate.eval('started(); for (;;);', { signal: controller.signal }).catch((reason: unknown) => reason)
    await started
    controller.abort(new Error('enough'))
    // Whichever comes first.
    expect(await call).toSatisfy((reason: { code?: string; message: string }) => reason.code === 'ERR_DISPOSED' || reason.message === 'enough')
    await disposal
  })

  test('from what follows a rejected call, and again from what follows the disposal', async () => {
    const { isolate } = await open()
    await isolate.eval('for (;;);', { timeoutMs: 20 }).catch(() => isolate.dispose()).then(() => isolate.dispose())
    expect(await rejection(isolate.stats())).toMatchObject(DISPOSED)
  })

  test('twice at once while a guest runs is one disposal', async () => {
    const { isolate, started } = await open()
    const call = rejection(isolate.eval('started(); for (;;);'))
    await started
    const [first, second] = [isolate.dispose(), isolate[Symbol.asyncDispose]()]
    expect(second).toBe(first)
    await first
    expect(await call).toMatchObject(DISPOSED)
  })

  test('of isolates while others are made ready for their snapshot, and the other way round', async () => {
    const snapshot = await buildSnapshot({ bundle: 'globalThis.own = 7' })
    const prewarms: Promise<void>[] = []
    for (let round = 0; round < 6; round++) {
      prewarms.push(snapshot.prewarm(round % 4))
      const isolates = await Promise.all([1, 2, 3].map(() => createIsolate({ snapshot })))
      const calls = isolates.map((isolate) => rejection(isolate.eval('for (;;);', { timeoutMs: Infinity })))
      prewarms.push(snapshot.prewarm(0))
      await Promise.all(isolates.map((isolate) => isolate.dispose()))
      for (const call of calls) expect(await call).toMatchObject(DISPOSED)
    }
    await Promise.all(prewarms)
    await using isolate = await createIsolate({ snapshot })
    expect(await isolate.eval('own')).toBe(7)
  })

  test('an answer that comes too late is nobody\'s, and harms nothing', async () => {
    const { isolate, started, answer } = await open()
    const call = rejection(isolate.eval('started(); wait()'))
    await started
    await isolate.dispose()
    answer.resolve({ late: true })
    await answer.promise
    expect(await call).toMatchObject(DISPOSED)
    await using other = await createIsolate()
    expect(await other.eval('1')).toBe(1)
  })

  test('a signal that is aborted afterwards does nothing', async () => {
    const { isolate, started } = await open()
    const controller = new AbortController()
    const call = rejection(isolate.eval('started(); wait()', { signal: controller.signal }))
    await started
    await isolate.dispose()
    expect(await call).toMatchObject(DISPOSED)
    controller.abort()
  })

  test('of many at once, while they run, leaves the others running', async () => {
    await using other = await createIsolate()
    const all = await Promise.all(Array.from({ length: 30 }, open))
    const calls = all.map(({ isolate }) => rejection(isolate.eval('started(); for (;;);', { timeoutMs: Infinity })))
    await Promise.all(all.map(({ started }) => started))
    await Promise.all(all.map(({ isolate }) => isolate.dispose()))
    for (const call of calls) expect(await call).toMatchObject(DISPOSED)
    expect(await other.eval('40 + 2')).toBe(42)
  })
})

describe('a process', () => {
  const run = (code: string, ...flags: string[]) => promisify(execFile)(process.execPath, [...flags, '-e', `const { createIsolate, buildSnapshot } = require('./index.js'); (async () => { ${code} })()`], { timeout: 20_000 })

  const programs: Record<string, string> = {
    'an isolate that nobody disposed': 'await createIsolate(); console.log("end")',
    'an isolate that was': 'const own = await createIsolate(); await own.dispose(); console.log("end")',
    'a detached loop in the guest': 'const own = await createIsolate({ timeoutMs: Infinity, bindings: { host: () => 1 } }); await own.eval("host().then(() => { for (;;); }); 1"); console.log("end")',
    'process.exit while the guest runs': 'const own = await createIsolate({ bindings: { started() { console.log("end"); process.exit(0) } } }); own.eval("started(); for (;;);").catch(() => {})',
    'process.exit while a snapshot is built': 'buildSnapshot({ bundle: "for (;;);" }).catch(() => {}); console.log("end"); setImmediate(() => process.exit(0))',
  }
  test.each(Object.entries(programs))('ends with %s', async (_, code) => {
    expect((await run(code)).stdout).toBe('end\n')
  })

  test('is kept alive by a pending call only', async () => {
    expect((await run('const own = await createIsolate(); const value = await own.eval("for (let end = Date.now() + 100; Date.now() < end;); 7"); console.log(value)')).stdout).toBe('7\n')
  })

  test.runIf(process.platform === 'linux')('an isolate that is collected is disposed, even if its own binding refers to it', async () => {
    const code = `const { readdirSync, readFileSync } = require('node:fs')
      const nameOf = (task) => { try { return readFileSync('/proc/self/task/' + task + '/comm', 'utf8') } catch { return '' } }
      const threads = () => readdirSync('/proc/self/task').filter((task) => /^isoseed-\\d/.test(nameOf(task))).length
      await (async () => { for (let i = 0; i < 20; i++) { const own = await createIsolate({ bindings: { host: () => own } }); await own.eval('1') } })()
      const most = threads(); const end = Date.now() + 15000
      while (threads() > 0 && Date.now() < end) { gc(); await new Promise(setImmediate) }
      console.log(most, threads())`
    expect((await run(code, '--expose-gc')).stdout).toBe('20 0\n')
  })
})
