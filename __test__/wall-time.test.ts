// One time limit for whatever a call does: every pair of what it begins with and what it hangs in.
import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const TIMEOUT_MS = 120

let isolate: Isolate

beforeEach(async () => {
  isolate = await createIsolate({
    timeoutMs: TIMEOUT_MS,
    bindings: {
      answer: () => 1,
      later: () => new Promise((resolve) => setTimeout(resolve, 20)),
      fail: () => Promise.reject(new Error('no')),
      never: () => new Promise(() => {}),
    },
  })
})

afterEach(() => isolate.dispose())

/** What takes some of the time, each an expression that can be awaited. */
const first: Record<string, string> = {
  'nothing': 'null',
  'synchronous code': '(() => { for (let end = Date.now() + 30; Date.now() < end;); })()',
  'microtasks': '(async () => { for (let i = 0; i < 1000; i++) await null })()',
  'an answered host call': 'later()',
  'a failed host call': 'fail().catch(() => 0)',
  'many host calls': 'Promise.all(Array.from({ length: 100 }, () => answer()))',
}

/** What never ends. */
const hang: Record<string, string> = {
  'synchronous code': '(() => { for (;;); })()',
  'microtasks': '(async () => { for (;;) await null })()',
  'a chain of promises': 'new Promise((resolve) => { const again = () => Promise.resolve().then(again); again() })',
  'host calls one after the other': '(async () => { for (;;) await later() })()',
  'host calls and synchronous code': '(async () => { for (;;) { await answer(); for (let end = Date.now() + 5; Date.now() < end;); } })()',
  'an unanswered host call': 'never()',
  'a promise that is never settled': 'new Promise(() => {})',
  'a thenable that is never settled': '({ then() {} })',
}

describe.each(Object.entries(first))('after %s', (_, begin) => {
  test.each(Object.entries(hang))('%s ends by the one limit, and the isolate goes on', async (_name, end) => {
    const started = performance.now()
    const error = await rejection(isolate.eval(`(async () => { await ${begin}; return ${end} })()`))
    const ms = performance.now() - started
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: expect.stringContaining(String(TIMEOUT_MS)) })
    expect(ms).toBeGreaterThanOrEqual(TIMEOUT_MS - 2)
    // One limit, not one for each part: with room for a busy machine, and for V8's way to stop.
    expect(ms).toBeLessThan(TIMEOUT_MS * 2 + 1000)
    expect(await isolate.eval('40 + 2', { timeoutMs: 20_000 })).toBe(42)
  })
})

test('the parts share the limit: each is short enough, and all of them are not', async () => {
  const part = 'for (let end = Date.now() + 25; Date.now() < end;); await later();'
  expect(await isolate.eval(`(async () => { ${part} return 1 })()`, { timeoutMs: 20_000 })).toBe(1)
  expect((await rejection(isolate.eval(`(async () => { ${part.repeat(8)} return 1 })()`))).code).toBe('ERR_TIMEOUT')
})

test('what the timed-out call left behind does not eat the next call\'s time', async () => {
  expect((await rejection(isolate.eval('(async () => { for (;;) await later() })()'))).code).toBe('ERR_TIMEOUT')
  for (let i = 0; i < 5; i++) expect(await isolate.eval('answer()', { timeoutMs: 20_000 })).toBe(1)
})
