import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { build } from 'esbuild'
import { buildSnapshot, verifyIsolation, webBridge } from 'isoseed'
import type { BuildSnapshotOptions, Snapshot } from 'isoseed'
import { beforeAll, describe, expect, test } from 'vitest'
import { guestSources } from '../demo/sources.js'

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'iife', logLevel: 'silent' })
  return outputFiles[0]?.text ?? ''
}

let snapshot: Snapshot

beforeAll(async () => {
  const bundle = await bundled('import * as lodash from "lodash"; import { z } from "zod"; globalThis.libraries = { lodash, z }')
  snapshot = await buildSnapshot({ bundle, bindings: ['host.call'] })
})

test('lodash and zod are isolated, and the report says what was looked at', async () => {
  const { ok, leaks, checks, coverage } = await verifyIsolation(snapshot)
  expect({ ok, leaks }).toEqual({ ok: true, leaks: [] })
  expect(checks).toHaveLength(5)
  for (const check of checks) expect(check).toMatchObject({ name: expect.stringMatching(/\w+ \w+/), ok: true })
  // A comparison of next to nothing would be no proof, nor an attack on it.
  expect(coverage.compared.properties).toBeGreaterThan(20_000)
  expect(coverage.compared.heapNodes).toBeGreaterThan(20_000)
  expect(coverage.compared.hiddenObjects).toBeGreaterThan(1000)
  expect(coverage.compared.unread).toBe(0)
  expect(coverage.objects).toBeGreaterThan(coverage.functions)
  expect(coverage.functions).toBeGreaterThan(1000)
  expect(coverage.properties).toBeGreaterThan(coverage.objects)
  expect(coverage.prototypes).toBeGreaterThan(1000)
  expect(coverage.callable).toBeGreaterThan(500)
  expect(coverage.calls).toBeGreaterThanOrEqual(coverage.callable)
  expect(coverage.bindings).toBe(1)
})

// What V8 makes as it goes differs from session to session and must not count: a check that cries wolf is
// of no use.
describe('sessions that nobody touched are equal, round after round', () => {
  const libraries: [name: string, rounds: number, options: () => Promise<BuildSnapshotOptions>][] = [
    ['the demo', 2, async () => await guestSources()],
    ['lodash and zod', 2, async () => ({ bundle: await bundled('import * as lodash from "lodash"; import { z } from "zod"; globalThis.libraries = { lodash, z }') })],
    ['handlebars', 2, async () => ({ bundle: await bundled('import handlebars from "handlebars/dist/handlebars.js"; globalThis.handlebars = handlebars') })],
    ['luxon', 2, async () => ({ bundle: await bundled('import * as luxon from "luxon"; globalThis.luxon = luxon') })],
    ['the web bridge', 2, async () => ({ bridge: webBridge })],
    // A round takes as long as all of the others.
    ['typescript', 1, async () => ({ bundle: await readFile(createRequire(import.meta.url).resolve('typescript/lib/typescript.js'), 'utf8') })],
  ]
  test.each(libraries)('%s', { timeout: 300_000 }, async (_, rounds, options) => {
    const built = await buildSnapshot({ ...(await options()), unsafe: 'warn' })
    for (let round = 0; round < rounds; round++) {
      const { ok, leaks, coverage } = await verifyIsolation(built)
      expect({ ok, leaks, unread: coverage.compared.unread }).toEqual({ ok: true, leaks: [], unread: 0 })
    }
  })
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
