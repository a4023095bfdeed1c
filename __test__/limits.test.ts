import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from './support/rejection.js'

let isolate: Isolate
/** Resolved when the guest calls `started`. */
let started: ReturnType<typeof deferred>
/** What the guest's `wait` waits for. */
let answer: ReturnType<typeof deferred<unknown>>

beforeEach(async () => {
  started = deferred()
  answer = deferred<unknown>()
  const bindings = { started: () => started.resolve(undefined), wait: () => answer.promise }
  isolate = await createIsolate({ bindings })
})

afterEach(() => isolate.dispose())

const usable = (): Promise<unknown> => isolate.eval('40 + 2', { timeoutMs: 10_000 })

describe('a time limit ends', () => {
  const endless: Record<string, string> = {
    'a loop': 'for (;;);',
    'a loop that catches everything': 'for (;;) { try { for (;;); } catch {} finally { for (;;); } }',
    'a loop in a function called by a builtin': '[1].map(() => { for (;;); })',
    'a loop that V8 would compile without a look at its interrupts': 'const all = []; for (;;) { all.push(new Array(1000)); if (all.length > 1000) all.length = 0 }',
    'microtasks': '(async () => { for (;;) await null })()',
    'promises that are chained for ever': 'Promise.resolve().then(function again() { return Promise.resolve().then(again) })',
    'a promise that is never settled': 'new Promise(() => {})',
    'a thenable that is never settled': '({ then() {} })',
    'a thenable that resolves with itself for ever': 'const make = () => ({ then(resolve) { resolve(make()) } }); make()',
    'a host call that is never answered': 'wait()',
    'microtasks behind a value': 'Promise.resolve().then(() => { for (;;); }); 1',
    'a getter in the result': '({ get own() { for (;;); } })',
    'a getter of a thrown error': 'throw Object.defineProperty(new Error("x"), "message", { get() { for (;;); } })',
    'a getter of a thrown error\'s stack': 'throw Object.defineProperty(new Error("x"), "stack", { get() { for (;;); } })',
    'Error.prepareStackTrace': 'Error.prepareStackTrace = () => { for (;;); }; new Error("x").stack',
    'a regular expression (nested quantifiers)': "/^(a+)+$/.test('a'.repeat(60) + 'b')",
    'a regular expression (alternatives)': "/^(a|a|aa)*$/.test('a'.repeat(80) + 'b')",
    'a regular expression (back reference)': "/^(.*?,?)*\\1x$/.test('a,'.repeat(60))",
    'a regular expression in replace': "('a'.repeat(60) + '!').replace(/^(\\w+\\s?)*$/, '')",
    'JSON.parse with a reviver': "JSON.parse('[1]', () => { for (;;); })",
    'a sort': '[3, 2, 1].sort(() => { for (;;); })',
    'a generator': '(function* () { for (;;) yield })().toArray?.() ?? [...(function* () { for (;;) yield* [] })()]',
    'a proxy': 'new Proxy({}, { get() { for (;;); } }).x',
    'BigInt arithmetic': 'let big = 3n ** 100000n; for (;;) big % 7n',
    'deep recursion, caught and repeated': 'const deep = () => { try { deep() } catch {} deep() }; deep()',
    'WebAssembly': 'new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,64,12,0,11,11]))).exports.f()',
    'a WebAssembly start function': 'new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,8,1,0,10,9,1,7,0,3,64,12,0,11,11])))',
  }
  test.each(Object.entries(endless))('%s, and the isolate goes on', async (_, code) => {
    expect((await rejection(isolate.eval(code, { timeoutMs: 60 }))).code).toBe('ERR_TIMEOUT')
    expect(await usable()).toBe(42)
  })

  test('an argument\'s use in a call', async () => {
    await isolate.eval('globalThis.spin = () => { for (;;); }; 1')
    expect((await rejection(isolate.call('spin', [], { timeoutMs: 60 }))).code).toBe('ERR_TIMEOUT')
    expect(await usable()).toBe(42)
  })

  test('a call that waits behind another one, by itself', async () => {
    const controller = new AbortController()
    const long = rejection(isolate.eval('for (;;);', { timeoutMs: Infinity, signal: controller.signal }))
    expect((await rejection(isolate.eval('1', { timeoutMs: 60 }))).code).toBe('ERR_TIMEOUT')
    controller.abort()
    await long
    expect(await usable()).toBe(42)
  })

  test('what goes on after a host call was answered', async () => {
    const call = rejection(isolate.eval('started(); wait().then(() => { for (;;); })', { timeoutMs: 300 }))
    await started.promise
    answer.resolve(1)
    expect((await call).code).toBe('ERR_TIMEOUT')
    expect(await usable()).toBe(42)
  }, 5000)

  test('what a call left behind: a loop after a late answer stops by the isolate\'s own limit', async () => {
    const own = await createIsolate({ timeoutMs: 100, bindings: { wait: () => answer.promise } })
    await own.eval('wait().then(() => { for (;;); }); 1')
    answer.resolve(1)
    expect(await own.eval('40 + 2', { timeoutMs: 10_000 })).toBe(42)
    await own.dispose()
  })
})

test('Atomics.wait, that nothing could interrupt, is refused', async () => {
  expect(await rejection(isolate.eval('Atomics.wait(new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer), 0, 0)'))).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError' })
})

test('without a limit a call goes on for longer than the isolate\'s own', async () => {
  const own = await createIsolate({ timeoutMs: 30 })
  const slow = 'for (let end = Date.now() + 120; Date.now() < end;); "done"'
  expect(await own.eval(slow, { timeoutMs: Infinity })).toBe('done')
  expect((await rejection(own.eval(slow))).code).toBe('ERR_TIMEOUT')
  await own.dispose()
})

test('limits that are no limits throw at once', () => {
  for (const timeoutMs of [0, -1, 1.5, NaN, 2 ** 31, '5', null]) {
    expect(() => isolate.eval('1', { timeoutMs: timeoutMs as number })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining('timeoutMs') }))
  }
})

test('deep recursion is the guest\'s RangeError, in every form', async () => {
  for (const code of ['(function deep() { deep() })()', 'const deep = async () => { await deep() }; deep()', 'new (class Deep { own = new Deep() })()', 'const p = new Proxy({}, { get: (_, key, self) => self[key] }); p.x', 'const o = { toString() { return `${o}` } }; `${o}`', 'const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)', "new RegExp('('.repeat(1e6) + ')'.repeat(1e6))", "eval('['.repeat(1e6) + ']'.repeat(1e6))"]) {
    const own = await createIsolate()
    const error = await rejection(own.eval(`{ ${code} }`))
    expect([code, error.code]).toEqual([code, 'ERR_GUEST'])
    expect(error.name).toMatch(/^(RangeError|SyntaxError)$/)
    expect(await own.eval('1')).toBe(1)
    await own.dispose()
  }
})

describe('an aborted signal rejects with its own reason', () => {
  const reason = new Error('my reason')

  test('when it was aborted before: nothing runs', async () => {
    expect(await rejection(isolate.eval('globalThis.ran = true', { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await isolate.eval('typeof ran')).toBe('undefined')
    await expect(isolate.eval('1', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await expect(isolate.eval('1', { signal: AbortSignal.abort(7) })).rejects.toBe(7)
  })

  test('while code runs', async () => {
    const controller = new AbortController()
    const call = rejection(isolate.eval('started(); for (;;);', { signal: controller.signal, timeoutMs: Infinity }))
    await started.promise
    controller.abort(reason)
    expect(await call).toBe(reason)
    expect(await usable()).toBe(42)
  })

  test('while it waits for a host call: what follows the answer still runs, on its own account', async () => {
    const controller = new AbortController()
    const call = rejection(isolate.eval('const waiting = wait().then((value) => { globalThis.got = value }); started(); waiting', { signal: controller.signal }))
    await started.promise
    controller.abort(reason)
    expect(await call).toBe(reason)
    answer.resolve('late')
    expect(await isolate.eval('(async () => { await wait(); return got })()')).toBe('late')
  })

  test('while it waits in the queue: it never runs', async () => {
    const controller = new AbortController()
    const first = isolate.eval('started(); for (let end = Date.now() + 50; Date.now() < end;); "first"')
    const second = rejection(isolate.eval('globalThis.ran = true', { signal: controller.signal }))
    await started.promise
    controller.abort(reason)
    expect(await second).toBe(reason)
    expect(await first).toBe('first')
    expect(await isolate.eval('typeof ran')).toBe('undefined')
  })

  test('of many calls with one signal, for each of them', async () => {
    const controller = new AbortController()
    const calls = Array.from({ length: 50 }, () => rejection(isolate.eval('wait()', { signal: controller.signal })))
    controller.abort(reason)
    expect(new Set(await Promise.all(calls))).toEqual(new Set([reason]))
    expect(await usable()).toBe(42)
  })

  test('not after the call was answered', async () => {
    const controller = new AbortController()
    expect(await isolate.eval('7', { signal: controller.signal })).toBe(7)
    controller.abort(reason)
    expect(await usable()).toBe(42)
  })

  test('AbortSignal.timeout is a signal like any other', async () => {
    await expect(isolate.eval('for (;;);', { signal: AbortSignal.timeout(60) })).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(await usable()).toBe(42)
  })
})

test('limits and aborts at random harm no other call', async () => {
  await isolate.eval('globalThis.work = (n) => { for (let end = Date.now() + n; Date.now() < end;); return n }; 1')
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const n = index % 3
      if (index % 4 === 0) return codeOf(isolate.eval('for (;;);', { timeoutMs: 2 + (index % 7) }))
      if (index % 4 === 1) return isolate.eval('for (;;);', { signal: AbortSignal.timeout(1 + (index % 5)), timeoutMs: Infinity }).catch((error: Error) => error.name)
      return isolate.call('work', [n])
    }),
  )
  outcomes.forEach((outcome, index) => {
    expect(outcome).toBe(index % 4 === 0 ? 'ERR_TIMEOUT' : index % 4 === 1 ? 'TimeoutError' : index % 3)
  })
})
