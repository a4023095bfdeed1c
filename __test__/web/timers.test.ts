import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { CreateIsolateOptions, Isolate, Snapshot } from 'isoseed'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from '../support/rejection.js'

const opened: Isolate[] = []
let snapshot: Snapshot

beforeAll(async () => {
  snapshot = await buildSnapshot({ bridge: webBridge.pick(['timers', 'microtasks', 'events']) })
})

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

async function open(options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate({ snapshot, ...options })
  opened.push(isolate)
  return isolate
}

/** Asks, in turns of their own, until a guest's expression is true. */
function until(isolate: Isolate, condition: string): Promise<unknown> {
  return isolate.eval(`new Promise((resolve) => { const look = () => (${condition}) ? resolve(true) : setTimeout(look, 1); look() })`, { timeoutMs: 10_000 })
}

describe('a timer and the request that set it', () => {
  test('the deadline covers the waiting', async () => {
    const isolate = await open()
    expect(await codeOf(isolate.eval('new Promise((resolve) => setTimeout(resolve, 60_000))', { timeoutMs: 20 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('1')).toBe(1)
  })

  test('the deadline covers what the timer runs', async () => {
    const isolate = await open()
    const endless = 'new Promise(() => setTimeout(() => { for (;;); }, 1))'
    expect(await codeOf(isolate.eval(endless, { timeoutMs: 50 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('1')).toBe(1)
  })

  test('the deadline covers the microtasks of a timer', async () => {
    const isolate = await open()
    const endless = 'new Promise(() => setTimeout(() => { const again = () => queueMicrotask(again); again() }, 1))'
    expect(await codeOf(isolate.eval(endless, { timeoutMs: 50 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('1')).toBe(1)
  })

  test('an exception in a timer fails no request, also not the one that set it', async () => {
    const isolate = await open()
    const answer = isolate.eval('new Promise((resolve) => { setTimeout(() => { throw new Error("lost") }, 0); setTimeout(resolve, 5, "fine") })')
    expect(await answer).toBe('fine')
    expect(await isolate.eval('queueMicrotask(() => { throw new Error("lost, too") }); 1')).toBe(1)
    expect(await isolate.eval('const target = new EventTarget(); target.addEventListener("a", () => { throw 1 }); target.dispatchEvent(new Event("a"))')).toBe(true)
    expect(await isolate.eval('2')).toBe(2)
  })

  test('a rejection in a timer fails no request', async () => {
    const isolate = await open()
    expect(await isolate.eval('new Promise((resolve) => { setTimeout(async () => { throw new Error("lost") }, 0); setTimeout(resolve, 5, 1) })')).toBe(1)
  })

  test('what is set outlives the request', async () => {
    const isolate = await open()
    await isolate.eval('globalThis.fired = []; setTimeout(() => fired.push("after"), 1); 0')
    await until(isolate, 'fired.length > 0')
    expect(await isolate.eval('fired')).toEqual(['after'])
  })

  test('what an aborted request has set goes on', async () => {
    const set = deferred()
    const isolate = await open({ bindings: { set: () => set.resolve() } })
    const controller = new AbortController()
    const waiting = rejection(
      isolate.eval('globalThis.fired = 0; new Promise(() => { setTimeout(() => fired++, 50); set() })', { signal: controller.signal }),
    )
    await set.promise
    controller.abort()
    expect(await waiting).toBe(controller.signal.reason)
    expect(await until(isolate, 'fired > 0')).toBe(true)
  })

  test('without a request the isolate\'s own limit holds', async () => {
    const isolate = await open({ timeoutMs: 100 })
    expect(await isolate.eval('globalThis.began = false; setTimeout(() => { began = true; for (;;); }, 0); 1')).toBe(1)
    await until(isolate, 'began')
    expect(await isolate.eval('1')).toBe(1)
  })

  test('an interval that had to be terminated does not come again', async () => {
    const isolate = await open({ timeoutMs: 100 })
    await isolate.eval('globalThis.runs = 0; setInterval(() => { runs++; for (;;); }, 1); 0')
    await until(isolate, 'runs > 0')
    expect(await isolate.eval('new Promise((resolve) => setTimeout(() => resolve(runs), 20))', { timeoutMs: 10_000 })).toBe(1)
  })
})

describe('fairness', () => {
  test('timers without end do not keep calls waiting', async () => {
    const isolate = await open()
    await isolate.eval('const spin = () => setTimeout(spin, 0); for (let n = 0; n < 100; n++) spin(); 0')
    for (let call = 0; call < 50; call++) expect(await isolate.eval(`${call}`)).toBe(call)
  })

  test('calls without end do not keep timers waiting', async () => {
    const isolate = await open()
    await isolate.eval('let calls = 0, firedAfter = -1; setTimeout(() => { firedAfter = calls }, 0); 0')
    // More than a millisecond's work is in the queue.
    await Promise.all(Array.from({ length: 3000 }, () => isolate.eval('calls++')))
    expect(await isolate.eval('firedAfter >= 0 && firedAfter < 3000')).toBe(true)
  })
})

describe('limits', () => {
  test('the number of timers is bounded by the memory limit', async () => {
    const isolate = await open({ memoryLimitMb: 8 })
    const code = 'let set = 0; try { for (;;) { setTimeout(() => {}, 60_000); set++ } } catch (error) { [set, error.name] }'
    expect(await isolate.eval(code)).toEqual([8192, 'RangeError'])
    expect(await isolate.eval('for (let id = 1; id <= 8192; id++) clearTimeout(id); setTimeout(() => {}, 1) > 8192')).toBe(true)
  })

  test('disposing does not wait for timers', async () => {
    const isolate = await open()
    await isolate.eval('setInterval(() => {}, 1); setTimeout(() => {}, 60_000); 0')
    const waiting = codeOf(isolate.eval('new Promise((resolve) => setTimeout(resolve, 60_000))'))
    await isolate.dispose()
    expect(await waiting).toBe('ERR_DISPOSED')
  })

  test('a timer may call the host', async () => {
    const isolate = await open({ bindings: { add: (a: number, b: number) => a + b } })
    expect(await isolate.eval('new Promise((resolve) => setTimeout(async () => resolve(await add(1, 2)), 1))')).toBe(3)
  })

  test('each session has timers of its own', async () => {
    const [one, other] = [await open(), await open()]
    const id = await one.eval('setTimeout(() => { globalThis.fired = true }, 1)')
    await other.eval(`clearTimeout(${String(id)})`)
    await until(one, 'globalThis.fired')
    expect(await other.eval('typeof fired')).toBe('undefined')
  })
})
