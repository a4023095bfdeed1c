// What the limit means to a caller. Every kind of bomb is in __test__/bombs.
import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const LIMIT_MB = 64

let other: Isolate

beforeAll(async () => {
  other = await createIsolate()
})

afterAll(() => other.dispose())

test('past the limit the isolate is finished, and the other one answers', async () => {
  await using isolate = await createIsolate({ memoryLimitMb: LIMIT_MB })
  expect(await rejection(isolate.eval('let last; for (;;) last = { last }'))).toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
  for (const use of [() => isolate.eval('40 + 2'), () => isolate.stats()]) {
    expect(await rejection(use())).toMatchObject({ code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
  }
  expect(await other.eval('40 + 2')).toBe(42)
})

test('ten bombs at once: each isolate ends by itself, and the other answers all the time', async () => {
  const over = new AbortController()
  const answering = (async () => {
    let answers = 0
    for (; !over.signal.aborted; answers += 1) expect(await other.eval('40 + 2')).toBe(42)
    return answers
  })()
  const codes = await Promise.all(
    Array.from({ length: 10 }, async () => {
      await using isolate = await createIsolate({ memoryLimitMb: LIMIT_MB })
      return (await rejection(isolate.eval('let last; for (;;) last = { last }'))).code
    }),
  )
  over.abort()
  expect(codes).toEqual(Array.from({ length: 10 }, () => 'ERR_MEMORY_LIMIT'))
  expect(await answering).toBeGreaterThan(0)
})

test('garbage is no bomb', async () => {
  await using isolate = await createIsolate({ memoryLimitMb: LIMIT_MB })
  expect(await isolate.eval('for (let i = 0; i < 300; i++) { new Uint8Array(8 << 20).fill(1); new Array(1e6).fill(1.5); "x".repeat(1e6).split("") }; "fine"')).toBe('fine')
})

test('pending calls of an isolate that ran out of memory reject with the reason as their cause', async () => {
  await using isolate = await createIsolate({ memoryLimitMb: LIMIT_MB })
  const waiting = rejection(isolate.eval('new Promise(() => {})'))
  const bomb = rejection(isolate.eval('let last; for (;;) last = { last }'))
  const queued = rejection(isolate.eval('1'))
  expect(await bomb).toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
  for (const call of [waiting, queued]) expect(await call).toMatchObject({ code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
})

test('an argument larger than the limit ends the isolate, not the host', async () => {
  const isolate = await createIsolate({ memoryLimitMb: 16 })
  await isolate.eval('globalThis.identity = (value) => value; 1')
  const outcomes = []
  for (const make of [() => new Uint8Array(64e6), () => 'x'.repeat(64e6), () => Array.from({ length: 2e6 }, (_, i) => ({ i }))]) {
    outcomes.push((await rejection(isolate.call('identity', [make()]))).code)
  }
  // The first one may end it.
  for (const code of outcomes) expect(code).toMatch(/^ERR_(MEMORY_LIMIT|DATA_CLONE|DISPOSED)$/)
  expect(await other.eval('40 + 2')).toBe(42)
  await isolate.dispose()
})

test('a host\'s answer larger than the limit ends the isolate, not the host', async () => {
  await using isolate = await createIsolate({ memoryLimitMb: 16, bindings: { host: () => Array.from({ length: 2e6 }, (_, i) => ({ i })) } })
  expect((await rejection(isolate.eval('host().then((all) => all.length)', { timeoutMs: 10_000 }))).code).toMatch(/^ERR_(MEMORY_LIMIT|GUEST|DISPOSED)$/)
  expect(await other.eval('40 + 2')).toBe(42)
})
