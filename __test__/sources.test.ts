import { buildSnapshot, createIsolate } from 'isoseed'
import type { BuildSnapshotOptions, Source } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

/** Evaluates in a new isolate of a snapshot. */
async function ask<T = unknown>(options: BuildSnapshotOptions, code: Source): Promise<T> {
  const snapshot = await buildSnapshot(options)
  await using isolate = await createIsolate({ snapshot })
  return await isolate.eval<T>(code)
}

const commonjs = (name: string, code: string, global?: string): Source => ({ name, code, type: 'commonjs', ...(global === undefined ? {} : { global }) })
const module = (name: string, code: string, global?: string): Source => ({ name, code, type: 'module', ...(global === undefined ? {} : { global }) })

describe('CommonJS modules', () => {
  test('publish module.exports under their global, and find each other by name', async () => {
    const bundle = [
      commonjs('lib/add.js', 'module.exports = (a, b) => a + b', 'libs.math.add'),
      commonjs('lib/index.js', "const add = require('./add.js'); exports.twice = (n) => add(n, n); exports.seen = [module.id, require('lib/add.js') === add, this === exports]", 'lib'),
      commonjs('other/app.js', "exports.four = require('../lib/index.js').twice(2)", 'app'),
    ]
    expect(await ask({ bundle }, '[libs.math.add(1, 2), lib.twice(4), ...lib.seen, app.four]')).toEqual([3, 8, 'lib/index.js', true, true, 4])
  })

  test('may begin with a byte order mark and a hashbang, and end with a comment', async () => {
    expect(await ask({ bundle: commonjs('cli.js', '\u{feff}#!/usr/bin/env node\nmodule.exports = 5 // five', 'cli') }, 'cli')).toBe(5)
  })

  test('a missing module is an error with its name', async () => {
    const error = await rejection(buildSnapshot({ bundle: commonjs('app.js', '\nrequire("left-pad")') }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', cause: { guestCode: 'ERR_MODULE_NOT_FOUND', message: 'no module "left-pad" (app.js asks for it)' } })
    expect((error.cause as Error).stack).toContain('app.js:2:1')
  })

  test('nothing of one leaks into the global scope', async () => {
    expect(await ask({ bundle: commonjs('a.js', 'var a = 1; function b() {}') }, '[typeof a, typeof b, typeof module, typeof require]')).toEqual(Array(4).fill('undefined'))
  })
})

describe('ES modules', () => {
  const bundle = [
    module('app/main.mjs', "import { count, add } from './counter.mjs'; export { add }; export const seen = () => count; export default import.meta.url", 'app'),
    module('app/counter.mjs', 'export let count = 1; export const add = () => ++count; await null'),
  ]

  test('import each other in any order, with live bindings, and publish their namespace', async () => {
    expect(await ask({ bundle }, '[app.seen(), app.add(), app.seen(), app.default]')).toEqual([1, 2, 2, 'app/main.mjs'])
  })

  test('can be imported by name later, once evaluated', async () => {
    const code = "(async () => { const counter = await import('app/counter.mjs'); counter.add(); return [app.seen(), (await import('./app/main.mjs')).seen === app.seen] })()"
    expect(await ask({ bundle }, code)).toEqual([2, true])
  })

  test('each session has its own', async () => {
    const snapshot = await buildSnapshot({ bundle })
    expect(snapshot.info.modules.toSorted()).toEqual(['app/counter.mjs', 'app/main.mjs'])
    await using a = await createIsolate({ snapshot })
    await using b = await createIsolate({ snapshot })
    expect([await a.eval('app.add()'), await a.eval('app.add()'), await b.eval('app.add()')]).toEqual([2, 3, 2])
  })

  test('one that throws, that imports nothing there, or that waits for ever, is an error', async () => {
    const thrown = await rejection(buildSnapshot({ bundle: module('a.mjs', '\nthrow new RangeError("no")') }))
    expect(thrown).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', cause: { name: 'RangeError', message: 'no' } })
    expect((thrown.cause as Error).stack).toContain('a.mjs:2:7')
    const missing = await rejection(buildSnapshot({ bundle: module('a.mjs', 'import "./b.mjs"') }))
    expect(missing.cause).toMatchObject({ guestCode: 'ERR_MODULE_NOT_FOUND', message: 'no module "./b.mjs" (a.mjs asks for it)' })
    const waiting = await rejection(buildSnapshot({ bundle: module('a.mjs', 'await new Promise(() => {})') }))
    expect(waiting).toMatchObject({ code: 'ERR_SNAPSHOT_UNSAFE', findings: [{ rule: 'pending-promise', source: 'a.mjs' }] })
  })

  test('the same in a blank isolate: the value is the default export', async () => {
    await using isolate = await createIsolate()
    expect(await isolate.eval({ code: 'const one = await Promise.resolve(1); export default one + 1', type: 'module' })).toBe(2)
    expect(await isolate.eval({ code: 'module.exports = { name: module.id }', type: 'commonjs', name: 'x.js' })).toEqual({ name: 'x.js' })
    expect(await isolate.eval("import('x').catch((error) => error.code)")).toBe('ERR_MODULE_NOT_FOUND')
  })

  test('two of the same name are refused', () => {
    expect(() => buildSnapshot({ bundle: [module('a.mjs', ''), commonjs('a.mjs', '')] })).toThrow('two modules have the name "a.mjs"')
  })
})

describe('a snapshot on top of another', () => {
  const base = buildSnapshot({
    bridge: 'Error.stackTraceLimit = 33; globalThis.log = ["base"]',
    bundle: [module('base.mjs', 'export const value = { n: 1 }', 'base'), commonjs('util.js', 'exports.double = (n) => n * 2')],
    bindings: ['db.get'],
  })

  test('finds its globals, modules and settings', async () => {
    const bundle: Source[] = [
      'log.push("top")',
      module('top.mjs', "import { value } from 'base.mjs'; value.n += 1; export const same = base.value === value", 'top'),
      commonjs('app.js', "module.exports = require('util.js').double(21)", 'app'),
    ]
    const code = '[log.join(), base.value.n, top.same, app, Error.stackTraceLimit, typeof db.get]'
    expect(await ask({ base: await base, bundle }, code)).toEqual(['base,top', 2, true, 42, 33, 'function'])
    expect(await ask({ base: await base }, 'log')).toEqual(['base'])
  })

  test('its key covers the whole chain, and it is complete in itself', async () => {
    const [first, other] = [await buildSnapshot({ base: await base, bundle: 'log.push(1)' }), await buildSnapshot({ bundle: 'log = [1]' })]
    const second = await buildSnapshot({ base: first, bundle: 'log.push(2)' })
    expect(new Set([(await base).key, first.key, second.key, (await buildSnapshot({ base: other, bundle: 'log.push(2)' })).key]).size).toBe(4)
    expect(second.info).toMatchObject({ base: first.key, bindings: ['db.get'] })
    expect(second.info.sources.map(({ name }) => name)).toEqual(['bridge.js', 'base.mjs', 'util.js', 'bundle.js', 'bundle.js'])
    await using isolate = await createIsolate({ snapshot: second })
    expect(await isolate.eval('log')).toEqual(['base', 1, 2])
  })

  test('stand-ins and lazy objects of the base go on', async () => {
    const below = await buildSnapshot({ bundle: 'const { try: attempt } = Promise; const euro = new Intl.NumberFormat("de"); globalThis.run = () => [attempt.call(Promise, (n) => n, 1) instanceof Promise, euro.format(1.5)]; delete globalThis.Temporal' })
    expect(await ask({ base: below, bundle: 'globalThis.early = run()' }, '[early, run(), typeof Temporal]')).toEqual([[true, '1,5'], [true, '1,5'], 'undefined'])
  })

  test('anything but a snapshot is refused at once', () => {
    expect(() => buildSnapshot({ base: {} as never })).toThrow(/base must be a Snapshot/)
  })
})

describe('a warm-up', () => {
  test('leaves nothing behind', async () => {
    const options = { bundle: 'globalThis.state = { n: 0, list: [] }; globalThis.work = () => { state.n += 1; state.list.push(state.n) }', warmup: 'work(); globalThis.extra = 1; Object.prototype.dirt = 1; Math.max = null' }
    expect(await ask(options, '[state.n, state.list.length, typeof extra, typeof ({}).dirt, typeof Math.max]')).toEqual([0, 0, 'undefined', 'undefined', 'function'])
  })

  test('keeps what it had compiled: the image is larger, and only by code', async () => {
    const body = Array.from({ length: 200 }, (_, index) => `x = (x * ${index + 3}) ^ ${index};`).join('\n')
    const bundle = `globalThis.work = (x) => { ${body}\n return x }`
    const [cold, warm] = [await buildSnapshot({ bundle }), await buildSnapshot({ bundle, warmup: 'work(1)' })]
    expect(warm.info.blobBytes).toBeGreaterThan(cold.info.blobBytes + 1000)
  })

  test('one that throws is an error that says so', async () => {
    expect(await rejection(buildSnapshot({ bundle: '1', warmup: 'nothing()' }))).toMatchObject({
      code: 'ERR_SNAPSHOT_BUILD',
      message: expect.stringContaining('the warmup (warmup.js) threw'),
    })
  })
})

describe('progress', () => {
  test('each phase begins and ends, in order, with its source', async () => {
    const seen: [string, string | undefined, boolean][] = []
    const onProgress: BuildSnapshotOptions['onProgress'] = ({ phase, source, elapsedMs, durationMs }) => {
      expect(elapsedMs).toBeGreaterThanOrEqual(durationMs ?? 0)
      seen.push([phase, source, durationMs !== undefined])
    }
    await buildSnapshot({ bundle: 'globalThis.progress = 1', warmup: 'progress', cache: false, onProgress })
    const phases = [
      ['start', undefined],
      ['rehearse', 'bundle.js'],
      ['warmup', 'bundle.js'],
      ['warmup', 'warmup.js'],
      ['evaluate', 'bundle.js'],
      ['check', undefined],
      ['serialize', undefined],
      ['probe', undefined],
    ]
    expect(seen).toEqual(phases.flatMap(([phase, source]) => [[phase, source, false], [phase, source, true]]))
  })
})
