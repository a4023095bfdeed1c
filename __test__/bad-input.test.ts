import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSnapshot, createIsolate, Snapshot } from 'isoseed'
import type { BuildSnapshotOptions, SourceObject } from 'isoseed'
import { bundle } from 'isoseed/bundle'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderOf } from './support/files.js'
import { codeOf, rejection } from './support/rejection.js'

const repository = process.cwd()
const BOM = '\u{feff}'
const MIB = 2 ** 20
const folder = folderOf({
  'empty.ts': '',
  'bom.ts': `${BOM}export const x: number = 1`,
  'hashbang.ts': '#!/usr/bin/env node\r\nexport const x: number = 1\r\n',
  'both.ts': `${BOM}#!/usr/bin/env node\nexport const x: number = 1`,
  'separators.ts': 'export const x = "\u2028\u2029".length\u2028',
  'nul.ts': 'export const x = "\0".charCodeAt(0) + 1',
  'latin1.ts': Buffer.concat([Buffer.from('export const fine = 1\nexport const x = "caf'), Buffer.from([0xe9]), Buffer.from('"')]),
  'latin1.json': Buffer.from([0x22, 0xff, 0x22]),
  'imports-latin1.ts': 'import text from "./latin1.json"\nexport const x = text',
  'imports-package.ts': 'export * from "latin1-package"',
  'node_modules/latin1-package/index.js': Buffer.concat([Buffer.from('exports.x = "caf'), Buffer.from([0xe9]), Buffer.from('"')]),
})
// What is made on the way lies beside the goal, or among the temporary files.
const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => name.includes('isoseed')).toSorted()
let before: string[]

beforeAll(() => {
  before = temporary()
  process.chdir(folder)
})

afterAll(() => {
  process.chdir(repository)
  rmSync(folder, { recursive: true })
})

/** What `x` is in a session that starts from these sources. */
async function x(bundles: BuildSnapshotOptions['bundle'], expression = 'x'): Promise<unknown> {
  const snapshot = await buildSnapshot(bundles === undefined ? {} : { bundle: bundles, memoryLimitMb: 1024 })
  await using isolate = await createIsolate({ snapshot })
  return await isolate.eval(expression)
}

describe('code that looks odd is taken for what it is', () => {
  const texts: [what: string, code: string, expected: unknown][] = [
    ['no code', '', undefined],
    ['white space', ' \t\r\n\u00a0\u2028', undefined],
    ['a comment without its end of line', '// nothing', undefined],
    ['a byte order mark', `${BOM}globalThis.x = 1`, 1],
    ['a hashbang', '#!/usr/bin/env node\nglobalThis.x = 1', 1],
    ['a byte order mark and a hashbang', `${BOM}#!/usr/bin/env node\nglobalThis.x = 1`, 1],
    ['CRLF', '#!/usr/bin/env node\r\nglobalThis.x =\r\n1\r\n', 1],
    ['line separators', 'globalThis.x = "\u2028\u2029".length\u2028', 2],
    ['a NUL in a string', 'globalThis.x = "\0".charCodeAt(0)', 0],
    ['a pair of surrogates', 'globalThis.x = "\u{1f600}".length', 2],
    ['the escape of a lone surrogate', String.raw`globalThis.x = "\ud800".charCodeAt(0)`, 0xd800],
  ]
  test.each(texts)('%s, as a script', async (_, code, expected) => {
    expect(await x(code, 'globalThis.x')).toBe(expected)
  })

  test.each(texts)('%s, as a CommonJS and as an ES module', async (_, code, expected) => {
    for (const type of ['commonjs', 'module'] as const) expect(await x({ code, type }, 'globalThis.x')).toBe(expected)
  })

  test.each([
    ['empty.ts', undefined],
    ['bom.ts', 1],
    ['hashbang.ts', 1],
    ['both.ts', 1],
    ['separators.ts', 2],
    ['nul.ts', 1],
  ])('%s, bundled', async (entry, expected) => {
    expect(await x(await bundle({ entry, global: 'lib' }), 'lib.x')).toBe(expected)
  })

  test('what is no code is an error that says where', async () => {
    for (const code of ['globalThis.x = 1\0', 'let = ;', '\u{fffd}']) {
      const error = await rejection(buildSnapshot({ bundle: { code, name: 'odd name.js' } }))
      expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', cause: { name: 'SyntaxError' } })
      expect((error.cause as Error).stack).toContain('odd name.js:1')
    }
  })
})

test.each([
  ['of comments', `globalThis.x = 1 //${' '.repeat(64 * MIB - 19)}`, 'x', 1],
  ['in one string', `globalThis.x = "${'a'.repeat(64 * MIB - 17)}"`, 'x.length', 64 * MIB - 17],
])('a bundle of 64 MiB %s', { timeout: 120_000 }, async (_, code, expression, expected) => {
  expect(code).toHaveLength(64 * MIB)
  expect(await x(code, expression)).toBe(expected)
})

test('a bundle that is larger than the memory it may use is an error, and so is one of many such', { timeout: 120_000 }, async () => {
  const code = `globalThis.x = "${'a'.repeat(32 * MIB)}"`
  expect(await codeOf(buildSnapshot({ bundle: code, memoryLimitMb: 16, cache: false }))).toBe('ERR_SNAPSHOT_BUILD')
})

describe('names', () => {
  const names = ['sp ace/ünï 你好.js', 'C:\\folder\\file.js', '/absolute/file.js', '../../up.js', 'https://example.com/x.js?y#z', 'file:///x.js', 'node:fs', 'data:text/javascript,1', '<anonymous>', 'a:1:2', 'a'.repeat(10_000)]
  test.each(names)('%s is a name like others: %#', async (name) => {
    const source = (type: NonNullable<SourceObject['type']>): SourceObject => ({ name, type, code: '\n\nthrow new Error("mine")' })
    for (const type of ['script', 'commonjs', 'module'] as const) {
      const { cause } = await rejection(buildSnapshot({ bundle: source(type) }))
      expect((cause as Error).stack).toContain(`${name}:3:7`)
    }
    expect(await x([{ name, type: 'commonjs', code: 'exports.own = 1' }, { name: 'b', type: 'commonjs', code: `globalThis.x = require(${JSON.stringify(name)}).own` }])).toBe(1)
    expect(await x([{ name, type: 'module', code: 'export const own = 1' }, { name: 'b', type: 'module', code: `import { own } from ${JSON.stringify(name)}; globalThis.x = own` }])).toBe(1)
  })

  test('of scripts may be equal, of modules not: those are found by them', async () => {
    expect(await x([{ name: 'a.js', code: 'globalThis.x = 1' }, { name: 'a.js', code: 'x += 1' }])).toBe(2)
    for (const type of ['commonjs', 'module'] as const) {
      const twice = { bundle: [{ name: 'a.js', code: '' , type }, { name: 'a.js', code: '', type }] }
      expect(() => buildSnapshot(twice)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: 'buildSnapshot: two modules have the name "a.js"' }))
    }
  })
})

describe('text that can\'t reach V8 as it is, is refused at once', () => {
  const refused = (run: () => unknown, message: string): void => {
    expect(run).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(message) }))
  }

  test('lone surrogates in code', async () => {
    const message = 'must be well-formed Unicode, got a lone surrogate at index 3: write it as \\ud83d'
    refused(() => buildSnapshot({ bundle: 'x="\ud83d"' }), `buildSnapshot: bundle ${message}`)
    refused(() => buildSnapshot({ bundle: ['', { code: 'x="\ud83d"' }] }), `buildSnapshot: bundle[1].code ${message}`)
    refused(() => buildSnapshot({ bridge: 'x="\ud83d"' }), `buildSnapshot: bridge ${message}`)
    refused(() => buildSnapshot({ warmup: 'x="\ud83d"' }), `buildSnapshot: warmup ${message}`)
    await using isolate = await createIsolate()
    refused(() => isolate.eval('x="\ud83d"'), `isolate.eval: source ${message}`)
    expect(await isolate.eval('1')).toBe(1)
  })

  test('names of more than one line, and what no terminal shows', async () => {
    const message = 'must be a name without line breaks, control characters and lone surrogates, got '
    for (const name of ['a\nb', 'a\r', 'a\0b', 'a\u001b[2J', 'a\u2028b', 'a\ud800b']) {
      refused(() => buildSnapshot({ bundle: { code: '', name } }), `buildSnapshot: bundle.name ${message}`)
    }
    await using isolate = await createIsolate()
    refused(() => isolate.eval('1', { filename: 'a\nb' }), `isolate.eval: filename ${message}`)
    expect(await isolate.eval('1')).toBe(1)
  })
})

describe('files that are not UTF-8', () => {
  test.each([
    ['latin1.ts', 'can\'t bundle "latin1.ts": latin1.ts:2:22: the text is not UTF-8'],
    ['imports-latin1.ts', 'can\'t bundle "imports-latin1.ts": latin1.json:1:2: the text is not UTF-8'],
  ])('%s: refused, if it is the user\'s own', async (entry, message) => {
    expect(await rejection(bundle({ entry }))).toMatchObject({ code: 'ERR_BUNDLE', message })
  })

  test('read as Node reads them, if they are a package\'s', async () => {
    expect(await x(await bundle({ entry: 'imports-package.ts', global: 'lib' }), 'lib.x')).toBe('caf\u{fffd}')
  })
})

describe('files that can\'t be read or written', () => {
  test('are ERR_SNAPSHOT_IO that names the path', async () => {
    const snapshot = await buildSnapshot({ bundle: '' })
    const nowhere = join(folder, 'no', 'x.snap')
    for (const trial of [() => Snapshot.load(nowhere), () => Snapshot.inspect(nowhere), () => snapshot.save(nowhere), () => Snapshot.load(folder), () => snapshot.save(folder)]) {
      const { code, message } = await rejection(trial())
      expect(code).toBe('ERR_SNAPSHOT_IO')
      expect(message).toContain(folder)
    }
  })

  test('leave what was there as it was, and nothing beside it', async () => {
    const snapshot = await buildSnapshot({ bundle: '' })
    const file = join(folder, 'empty.ts')
    writeFileSync(join(folder, 'there.snap'), 'there')
    // A file is no folder.
    expect(await codeOf(snapshot.save(join(file, 'x.snap')))).toBe('ERR_SNAPSHOT_IO')
    const listing = readdirSync(folder)
    for (const bundleOf of ['throw 1', 'let = ;', 'for (;;);']) {
      expect(await codeOf(buildSnapshot({ bundle: bundleOf, timeoutMs: 500 }).then((made) => made.save(join(folder, 'there.snap'))))).toBe('ERR_SNAPSHOT_BUILD')
    }
    expect(readdirSync(folder)).toEqual(listing)
    expect(readFileSync(join(folder, 'there.snap'), 'utf8')).toBe('there')
  })
})

test('nothing is left among the temporary files', () => {
  expect(temporary().filter((name) => !before.includes(name) && !name.startsWith('isoseed-'))).toEqual([])
})
