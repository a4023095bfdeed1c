import { build } from 'esbuild'
import { buildSnapshot, verifyIsolation } from 'isoseed'
import type { Snapshot } from 'isoseed'
import { beforeAll, expect, test } from 'vitest'

let snapshot: Snapshot

beforeAll(async () => {
  const contents = 'import * as lodash from "lodash"; import { z } from "zod"; globalThis.libraries = { lodash, z }'
  const { outputFiles } = await build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'iife', logLevel: 'silent' })
  snapshot = await buildSnapshot({ bundle: outputFiles[0]?.text ?? '', bindings: ['host.call'] })
})

test('lodash and zod are isolated, and the report says what was looked at', async () => {
  const report = await verifyIsolation(snapshot)
  expect(report).toMatchObject({ ok: true, leaks: [] })
  expect(report.checks.length).toBeGreaterThan(2)
  for (const check of report.checks) expect(check).toMatchObject({ name: expect.stringMatching(/\w+ \w+/), ok: true })
  // A comparison of next to nothing would be no proof.
  const compared = report.checks.map(({ detail }) => Number(/^(\d+) properties/.exec(detail ?? '')?.[1] ?? 0))
  expect(Math.max(...compared)).toBeGreaterThan(5000)
})

test.each([
  ['that changes libraries', 'libraries.lodash.map = () => "stolen"; libraries.z = { stolen: true }'],
  ['that throws', 'throw new Error("mine")'],
  ['that loops for ever', 'for (;;);'],
  ['that runs out of stack', '(function deep() { deep() })()'],
  ['that does not parse', 'let = 5'],
])('hostile code %s does not get through, and does not keep the check from its end', async (_, hostile) => {
  const report = await verifyIsolation(snapshot, { hostile, timeoutMs: 1500 })
  expect(report).toMatchObject({ ok: true, leaks: [] })
})

test('hostile code that takes all memory is an outcome, not a crash', async () => {
  const outcome = await verifyIsolation(snapshot, { hostile: 'let last; for (;;) last = { last }', memoryLimitMb: 64 }).catch((error: unknown) => error)
  expect(outcome).toMatchObject({ ok: true })
})

test('an empty snapshot is isolated, too', async () => {
  expect((await verifyIsolation(await buildSnapshot({}))).ok).toBe(true)
})

test('wrong arguments throw at once', () => {
  expect(() => verifyIsolation({} as Snapshot)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('snapshot') }))
  expect(() => verifyIsolation(snapshot, { timeoutMs: 0 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('timeoutMs') }))
  expect(() => verifyIsolation(snapshot, { hostile: 7 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('hostile') }))
})
