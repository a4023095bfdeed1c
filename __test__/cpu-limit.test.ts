import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const burn = (ms: number): string => `for (let end = Date.now() + ${ms}; Date.now() < end;); "burnt"`
const finished = { code: 'ERR_DISPOSED', cause: { code: 'ERR_CPU_LIMIT' } }

describe('an isolate that uses up its CPU time is finished', () => {
  const spinning: Record<string, string> = {
    'a loop': 'for (;;);',
    'a loop that catches everything': 'for (;;) { try { for (;;); } catch {} finally { for (;;); } }',
    'microtasks': '(async () => { for (;;) await null })()',
    'a regular expression': "/^(a+)+$/.test('a'.repeat(60) + 'b')",
    'a getter in the result': '({ get own() { for (;;); } })',
    'WebAssembly': 'new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,64,12,0,11,11]))).exports.f()',
    'what an answered host call sets off': 'answer().then(() => { for (;;); })',
    'what a call leaves behind': 'answer().then(() => { for (;;); }); new Promise(() => {})',
  }
  test.each(Object.entries(spinning))('%s', async (_, code) => {
    await using isolate = await createIsolate({ cpuLimitMs: 60, bindings: { answer: () => 1 } })
    const waiting = rejection(isolate.eval('new Promise(() => {})'))
    const error = await rejection(isolate.eval(code, { timeoutMs: Infinity }))
    // Of what no call waits for, the pending calls hear as of any other end.
    expect(error.code === 'ERR_DISPOSED' ? error.cause : error).toMatchObject({ code: 'ERR_CPU_LIMIT', message: expect.stringContaining('60') })
    expect(await waiting).toMatchObject(finished)
    expect(await rejection(isolate.eval('1'))).toMatchObject(finished)
    expect(await rejection(isolate.stats())).toMatchObject(finished)
  })

  test('one builtin that V8 can\'t interrupt: after the grace, with the same code', async () => {
    await using isolate = await createIsolate({ cpuLimitMs: 60 })
    const error = await rejection(isolate.eval('Array.prototype.reverse.call({ length: 2 ** 53 - 1 })', { timeoutMs: Infinity }))
    expect(error).toMatchObject({ code: 'ERR_CPU_LIMIT' })
    expect(await rejection(isolate.eval('1'))).toMatchObject(finished)
  })

  test('many short calls together', async () => {
    await using isolate = await createIsolate({ cpuLimitMs: 100 })
    let calls = 0
    const error = await rejection(
      (async () => {
        for (; calls < 1000; calls++) await isolate.eval(burn(5))
      })(),
    )
    expect(error).toMatchObject({ code: 'ERR_CPU_LIMIT' })
    // A busy machine can only make it more of them: the clock of the wall runs at least as fast.
    expect(calls).toBeGreaterThanOrEqual(15)
    expect(await rejection(isolate.eval('1'))).toMatchObject(finished)
  })

  test('it is told before its time limit, and the time limit before it', async () => {
    await using slow = await createIsolate({ cpuLimitMs: 50, timeoutMs: 20_000 })
    expect((await rejection(slow.eval('for (;;);'))).code).toBe('ERR_CPU_LIMIT')
    await using patient = await createIsolate({ cpuLimitMs: 20_000, timeoutMs: 50 })
    expect((await rejection(patient.eval('for (;;);'))).code).toBe('ERR_TIMEOUT')
    expect(await patient.eval('40 + 2')).toBe(42)
  })
})

describe('what costs nothing', () => {
  test('waiting for the host', async () => {
    await using isolate = await createIsolate({ cpuLimitMs: 200, bindings: { later: () => new Promise((resolve) => setTimeout(resolve, 400, 42)) } })
    expect(await isolate.eval('later()')).toBe(42)
    const { cpuMs } = await isolate.stats()
    expect(cpuMs).toBeLessThan(200)
    expect(await isolate.eval('later()')).toBe(42)
  })

  test('what other isolates do', async () => {
    await using isolate = await createIsolate({ cpuLimitMs: 300 })
    await using other = await createIsolate()
    await Promise.all([other.eval(burn(500)), other.eval(burn(100))])
    expect(await isolate.eval('40 + 2')).toBe(42)
  })
})

describe('the count begins with the session', () => {
  const outcomes = async (isolate: Isolate): Promise<unknown[]> => [await isolate.eval(burn(20)), (await rejection(isolate.eval('for (;;);'))).code]
  const hasSomeLeft = ['burnt', 'ERR_CPU_LIMIT']

  test('what an earlier isolate did on the same thread', async () => {
    for (let session = 0; session < 5; session += 1) {
      await using isolate = await createIsolate({ cpuLimitMs: 400 })
      expect((await isolate.stats()).cpuMs).toBeLessThan(200)
      await isolate.eval(burn(250))
    }
  })

  test('in an isolate that was restored ahead of it', async () => {
    const snapshot = await buildSnapshot({ bundle: 'globalThis.ready = true' })
    await snapshot.prewarm(1)
    await using isolate = await createIsolate({ snapshot, cpuLimitMs: 100 })
    expect(await outcomes(isolate)).toEqual(hasSomeLeft)
    await snapshot.prewarm(0)
  })

  test('with the sources of the fallback', async () => {
    const fallback: CreateIsolateOptions = { fallback: { bundle: 'for (;;);' }, cpuLimitMs: 60, timeoutMs: 20_000 }
    expect(await rejection(createIsolate(fallback))).toMatchObject({ code: 'ERR_CPU_LIMIT' })
    await using isolate = await createIsolate({ ...fallback, fallback: { bundle: '1' }, cpuLimitMs: 100 })
    expect(await outcomes(isolate)).toEqual(hasSomeLeft)
  })
})

test('a limit that is none throws at once', () => {
  for (const cpuLimitMs of [0, -1, 1.5, NaN, 2 ** 31, '5', null]) {
    expect(() => createIsolate({ cpuLimitMs: cpuLimitMs as number })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining('cpuLimitMs') }))
  }
})
