import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { SourceObject } from 'isoseed'
import { bundle } from 'isoseed/bundle'
import type { BundleOptions } from 'isoseed/bundle'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderOf } from './support/files.js'
import { rejection } from './support/rejection.js'

const repository = process.cwd()
// As Node loads them: vitest makes modules of its own out of what it imports, and so two of the class.
const nodeRequire = createRequire(join(repository, 'package.json'))
const native = nodeRequire('isoseed/bundle') as { bundle: typeof bundle }
const { IsoseedError } = nodeRequire('isoseed') as typeof import('isoseed')
const pkg = (fields: object): string => JSON.stringify({ name: 'x', version: '1.0.0', ...fields })

const folder = folderOf({
  'app.ts': 'import data from "./data.json"\nexport const sum = (a: number, b: number): number => a + b + data.more\nexport default class App { #own = 1; own() { return this.#own } }\n',
  'data.json': '{ "more": 10 }',
  'view.tsx': 'export const view = (name: string) => <b title="x">{name}</b>',
  'common.cjs': 'module.exports = function answer() { return 42 }',
  'await.ts': 'export const late = await Promise.resolve("late")',
  'throws.ts': 'interface Long { a: 1 }\ntype Nothing = never\n\nexport function fail(): never {\n  throw new Error("mine")\n}\n',
  'defined.ts': 'declare const VERSION: string\nexport const all = [process.env.NODE_ENV, typeof global, process.env.API, VERSION]',
  'outside.ts': 'import lib, { one } from "lib"\nimport { two } from "lib/sub"\nexport const all = async () => [lib.one, one, two, (await import("lib")).one, (await import("lib/sub")).two]',
  'await-outside.js': 'import "common-user"\nawait 1',
  'node.ts': 'import "uses-fs"\n',
  'optional.js': 'let fs\ntry { fs = require("fs") } catch {}\nmodule.exports = { fs: typeof fs }',
  'syntax.ts': 'const fine = 1\nexport const = 5\n',
  'missing.ts': 'import "./not-there"\nimport "not-installed"\nimport "exporting/secret"\n',
  'sp ace/ü*n[ï] #1?.ts': 'export const here = () => { throw new Error("x") }',
  'react/index.js': 'module.exports = "a folder"',
  'node_modules/react/jsx-runtime.js': 'exports.jsx = (type, props) => ({ type, props })',
  'node_modules/react/package.json': pkg({ name: 'react' }),
  'node_modules/react/index.js': 'exports.name = "react"',
  'node_modules/lib/package.json': pkg({ name: 'lib' }),
  'node_modules/lib/index.js': 'exports.one = 1',
  'node_modules/lib/sub.js': 'exports.two = 2',
  'node_modules/common-user/package.json': pkg({ name: 'common-user' }),
  'node_modules/common-user/index.js': 'module.exports = require("lib")',
  'node_modules/uses-fs/package.json': pkg({ name: 'uses-fs' }),
  'node_modules/uses-fs/index.js': '\nconst fs = require("fs"), path = require("node:path")',
  'node_modules/browser-field/package.json': pkg({ name: 'browser-field', main: 'main.js', browser: { './main.js': './browser.js', fs: false } }),
  'node_modules/browser-field/main.js': 'module.exports = "main"',
  'node_modules/browser-field/browser.js': 'module.exports = { from: "browser", fs: Object.keys(require("fs")) }',
  'node_modules/dual/package.json': pkg({ name: 'dual', main: 'main.js', module: 'module.js' }),
  'node_modules/dual/main.js': 'module.exports = () => "main"',
  'node_modules/dual/module.js': 'export default () => "module"',
  'dual-user.ts': 'import dual from "dual"\nexport const from = dual()',
  'dual-both.ts': 'import dual from "dual"\nimport required from "dual-requirer"\nexport const from = [dual(), required]',
  'node_modules/dual-requirer/package.json': pkg({ name: 'dual-requirer' }),
  'node_modules/dual-requirer/index.js': 'module.exports = require("dual")()',
  'node_modules/exporting/package.json': pkg({
    name: 'exporting',
    exports: { '.': { node: './node.js', development: './development.js', browser: { require: './browser.cjs', import: './browser.mjs' } } },
  }),
  'node_modules/exporting/browser.cjs': 'module.exports = function whole() { return "browser require" }',
  'node_modules/exporting/browser.mjs': 'export default "browser import"',
  'node_modules/exporting/development.js': 'module.exports = () => "development"',
  'exporting-user.ts': 'export { default } from "exporting"',
  'node_modules/only-esm/package.json': pkg({ name: 'only-esm', type: 'module', exports: { import: './index.js' } }),
  'node_modules/only-esm/index.js': 'export default 1\nexport const named = 2\nexport let counter = 0\nexport const increment = () => (counter += 1)',
})

beforeAll(() => {
  for (const name of ['lodash', 'zod']) symlinkSync(join(repository, 'node_modules', name), join(folder, 'node_modules', name))
  process.chdir(folder)
})

afterAll(() => {
  process.chdir(repository)
  rmSync(folder, { recursive: true })
})

/** What an expression gives in an isolate that starts from these sources. */
async function evaluate(sources: SourceObject[], expression: string): Promise<unknown> {
  const snapshot = await buildSnapshot({ bundle: sources })
  await using isolate = await createIsolate({ snapshot })
  return await isolate.eval(expression)
}

async function bundled(options: Partial<BundleOptions> & { entry: string }, expression: string): Promise<unknown> {
  return await evaluate([await bundle({ global: 'lib', ...options })], expression)
}

describe('what is published under global', () => {
  const cases: [what: string, options: Partial<BundleOptions> & { entry: string }, expression: string, expected: unknown][] = [
    ['a CommonJS package: its module.exports', { entry: 'lodash', global: '_' }, '[typeof _, _.chunk([1, 2, 3], 2)]', ['function', [[1, 2], [3]]]],
    ['a dotted path', { entry: 'lodash', global: 'libs.own.lodash' }, 'libs.own.lodash.add(1, 2)', 3],
    ['a real package with both kinds of builds', { entry: 'zod', global: 'zod' }, 'zod.z.object({ a: zod.z.number() }).safeParse({ a: "1" }).success', false],
    ['a package that is there as ES modules only: its namespace', { entry: 'only-esm' }, '[lib.default, lib.named, lib.increment(), lib.counter]', [1, 2, 1, 1]],
    ['a package with both: what require gives', { entry: 'exporting' }, 'lib()', 'browser require'],
    ['a package with main and module: what require gives', { entry: 'dual' }, 'lib()', 'main'],
    ['a subpath of a package', { entry: 'lib/sub' }, 'lib.two', 2],
    ['TypeScript and JSON', { entry: './app.ts' }, '[lib.sum(1, 2), new lib.default().own(), Object.keys(lib)]', [13, 1, ['default', 'sum']]],
    ['a file without its extension', { entry: './app' }, 'lib.sum(0, 0)', 10],
    ['a file that is named like a package', { entry: 'app.ts' }, 'lib.sum(0, 0)', 10],
    ['a file: URL', { entry: pathToFileURL(join(folder, 'app.ts')).href }, 'lib.sum(0, 0)', 10],
    ['a package before a folder of its name', { entry: 'react' }, 'lib.name', 'react'],
    ['a folder that is named as a path', { entry: './react' }, 'lib', 'a folder'],
    ['JSX', { entry: 'view.tsx' }, 'lib.view("me")', { type: 'b', props: { title: 'x', children: 'me' } }],
    ['CommonJS', { entry: 'common.cjs' }, 'lib()', 42],
    ['an ES module that awaits', { entry: 'await.ts' }, 'lib.late', 'late'],
    ['an import, in the build for browsers', { entry: 'exporting-user.ts' }, 'lib.default', 'browser import'],
    ['an import of a package with main and module', { entry: 'dual-user.ts' }, 'lib.from', 'module'],
    ['one copy of a package that is both imported and required', { entry: 'dual-both.ts' }, 'lib.from', ['main', 'main']],
    ['the browser field, which may leave modules out', { entry: 'browser-field' }, 'lib', { from: 'browser', fs: [] }],
    ['a module of Node that the code can do without', { entry: 'optional.js' }, 'lib', { fs: 'undefined' }],
  ]
  test.each(cases)('%s', async (_, options, expression, expected) => {
    expect(await bundled(options, expression)).toEqual(expected)
  })

  test('nothing without global: the source is there to be required', async () => {
    const { global, ...source } = await bundle({ entry: 'lib' })
    expect(global).toBeUndefined()
    expect(await evaluate([source], 'Object.keys(globalThis)')).toEqual([])
  })
})

describe('options', () => {
  test('external: found by name among the sources before, with subpaths and dynamic imports', async () => {
    const lib = await bundle({ entry: 'lib' })
    const sub = await bundle({ entry: 'lib/sub' })
    const app = await bundle({ entry: 'outside.ts', global: 'app', external: ['lib'] })
    expect([lib.name, sub.name, app.type]).toEqual(['lib', 'lib/sub', 'commonjs'])
    expect(app.code).not.toContain('exports.one')
    expect(await evaluate([lib, sub, app], 'app.all()')).toEqual([1, 1, 2, 1, 2])
    const error = await rejection(buildSnapshot({ bundle: [app] }))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', message: expect.stringContaining('no module "lib"') })
  })

  test('define: adds to the default, or overrides it', async () => {
    const define = { 'process.env.API': '{"v":2}', VERSION: '"1.2"' }
    expect(await bundled({ entry: 'defined.ts', define }, 'lib.all')).toEqual(['production', 'object', { v: 2 }, '1.2'])
    const development = { ...define, 'process.env.NODE_ENV': '"development"' }
    expect(await bundled({ entry: 'defined.ts', define: development }, 'lib.all[0]')).toBe('development')
    expect(await bundled({ entry: 'exporting', define: development }, 'lib()')).toBe('development')
  })

  test('minify: smaller, with the same positions', async () => {
    const plain = await bundle({ entry: 'throws.ts', global: 'lib' })
    const small = await bundle({ entry: 'throws.ts', global: 'lib', minify: true })
    expect(small.code.indexOf('//#')).toBeLessThan(plain.code.indexOf('//#') * 0.6)
    for (const source of [plain, small]) {
      const snapshot = await buildSnapshot({ bundle: source })
      await using isolate = await createIsolate({ snapshot })
      expect((await rejection(isolate.eval('lib.fail()'))).stack).toContain('throws.ts:5:9')
    }
  })

  test('plugins: resolve and load what they want, the entry too', async () => {
    const virtual = (filter: RegExp, contents: string): NonNullable<BundleOptions['plugins']>[number] => ({
      name: 'virtual',
      setup(build) {
        build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'virtual' }))
        build.onLoad({ filter: /.*/, namespace: 'virtual' }, () => ({ contents, resolveDir: folder }))
      },
    })
    expect(await bundled({ entry: 'node.ts', plugins: [virtual(/^uses-fs$/, 'globalThis.instead = 1')] }, 'instead')).toBe(1)
    expect(await bundled({ entry: 'virtual-entry', plugins: [virtual(/^virtual-entry$/, 'export { two } from "lib/sub"')] }, 'lib.two')).toBe(2)
  })
})

describe('the source', () => {
  test('is named after the entry', async () => {
    const names = ['lodash', './app', 'app.ts', join(folder, 'app.ts'), './react', '../'.concat(folder.split('/').pop() as string, '/app.ts')]
    const sources = await Promise.all(names.map((entry) => bundle({ entry })))
    expect(sources.map(({ name }) => name)).toEqual(['lodash', ...Array.from({ length: 3 }, () => 'app.bundle.js'), 'react.bundle.js', 'app.bundle.js'])
  })

  test('is the same wherever the folder is', async () => {
    const copy = folderOf({})
    cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes('node_modules') })
    const first = await bundle({ entry: './app.ts' })
    process.chdir(copy)
    const building = bundle({ entry: './app.ts' })
    // What counts is where the call was made.
    process.chdir(folder)
    expect(await building).toEqual(first)
    rmSync(copy, { recursive: true })
  })

  test('has the original paths in stack traces, whatever characters they have', async () => {
    const error = await rejection(bundled({ entry: 'sp ace/ü*n[ï] #1?.ts' }, 'lib.here()'))
    expect(error.stack).toContain('(sp ace/ü*n[ï] #1?.ts:1:35)')
  })

  test('comes from CommonJS hosts, too', async () => {
    expect(await native.bundle({ entry: 'lib' })).toEqual(await bundle({ entry: 'lib' }))
  })
})

describe('what can\'t be bundled is ERR_BUNDLE that names the place', () => {
  const cases: [what: string, entry: string, messages: (string | RegExp)[]][] = [
    ['a file that does not exist', './nope.ts', [`can't bundle "./nope.ts": there is no file ${join(folder, 'nope.ts')}`]],
    ['a package that is not installed', 'lodsh', [`there is no such file in ${folder}, and no such package`]],
    ['a path that a package does not export', 'exporting/secret', ['the package "exporting" has no "./secret" to import']],
    ['a folder without an index', './sp ace', ['is neither a file nor a folder with an index file']],
    ['a module of Node', 'node:fs', ['it is a module of Node.js']],
    ['a syntax error', 'syntax.ts', [/^can't bundle "syntax.ts": syntax.ts:2:14: Expected identifier/]],
    [
      'imports that do not resolve',
      'missing.ts',
      ['missing.ts:1:8: Could not resolve "./not-there"', 'missing.ts:2:8: Could not resolve "not-installed"', 'missing.ts:3:8: Could not resolve "exporting/secret". The path "./secret" is not exported'],
    ],
    [
      'modules of Node in a package',
      'node.ts',
      ['node_modules/uses-fs/index.js:2:20: "fs" is a module of Node.js', 'node_modules/uses-fs/index.js:2:42: "node:path" is a module of Node.js', 'replace them by a plugin, or list them in external'],
    ],
  ]
  test.each(cases)('%s', async (_, entry, messages) => {
    const error = await rejection(native.bundle({ entry, global: 'lib' }))
    expect(error).toBeInstanceOf(IsoseedError)
    expect(error.code).toBe('ERR_BUNDLE')
    expect(error.cause).toBeInstanceOf(Error)
    for (const message of messages) expect(error.message).toMatch(message)
    expect(error.message).not.toMatch(/esbuild|mark the path/)
  })

  test('an entry that is external itself', async () => {
    const error = await rejection(bundle({ entry: 'lodash', external: ['lodash'] }))
    expect(error).toMatchObject({ code: 'ERR_BUNDLE', message: 'can\'t bundle "lodash": external has "lodash" itself' })
  })

  test('require of an external module beside top-level await', async () => {
    const error = await rejection(bundle({ entry: 'await-outside.js', external: ['lib'] }))
    expect(error).toMatchObject({ code: 'ERR_BUNDLE', message: expect.stringContaining('"lib" is external and a CommonJS module asks for it by require') })
  })

  test('an error of a plugin, with its name', async () => {
    const plugins = [{ name: 'mine', setup: () => { throw new Error('of the plugin') } }]
    expect(await rejection(bundle({ entry: 'app.ts', plugins }))).toMatchObject({ code: 'ERR_BUNDLE', message: expect.stringContaining('[plugin mine] of the plugin') })
  })

  test('many errors: the first ten, and how many more', async () => {
    const entry = join(folderOf({ 'many.js': Array.from({ length: 15 }, (_, number) => `import "./${number}"`).join('\n') }), 'many.js')
    const { message } = await rejection(bundle({ entry }))
    expect(message.split('\n')).toHaveLength(12)
    expect(message).toMatch(/and 5 more$/)
  })

  test('esbuild is not installed', async () => {
    const alone = installedAlone()
    process.chdir(alone.folder)
    const building = alone.bundle({ entry: './app.ts' })
    process.chdir(folder)
    expect(await rejection(building)).toMatchObject({ code: 'ERR_BUNDLE', message: expect.stringContaining('npm install --save-dev esbuild') })
    rmSync(alone.folder, { recursive: true })
  })
})

test('esbuild is taken from the project that is bundled, if isoseed is installed elsewhere', async () => {
  const alone = installedAlone()
  symlinkSync(join(repository, 'node_modules', 'esbuild'), join(folder, 'node_modules', 'esbuild'))
  expect((await alone.bundle({ entry: './app.ts' })).name).toBe('app.bundle.js')
  rmSync(alone.folder, { recursive: true })
})

/** A copy of the package where there is nothing else. */
function installedAlone(): { folder: string; bundle: typeof bundle } {
  const elsewhere = folderOf({})
  const own = join(elsewhere, 'node_modules', 'isoseed')
  mkdirSync(own, { recursive: true })
  for (const file of ['package.json', 'index.js', 'bundle.js']) cpSync(join(repository, file), join(own, file))
  const alone = createRequire(join(elsewhere, 'x.js'))('isoseed/bundle') as { bundle: typeof bundle }
  return { folder: elsewhere, bundle: alone.bundle }
}

describe('misuse is a TypeError at once', () => {
  const cases: [options: unknown, message: string][] = [
    [undefined, 'bundle: options must be an object, got undefined'],
    [{}, 'bundle: entry must be a path or the name of a package, got undefined'],
    [{ entry: '' }, 'bundle: entry must be a path or the name of a package, got ""'],
    [{ entry: 'a\0b' }, 'bundle: entry must be a path or the name of a package, got "a\\u0000b"'],
    [{ entry: ['a'] }, 'bundle: entry must be'],
    [{ entry: 'https://example.com/x.js' }, 'bundle: entry must be a path, a package or a file: URL, got "https://example.com/x.js"'],
    [{ entry: 'data:text/javascript,1' }, 'bundle: entry must be a path, a package or a file: URL'],
    [{ entry: 'file://host/x' }, process.platform === 'win32' ? 'bundle: ' : 'bundle: entry can\'t be read: '],
    [{ entry: 'a', global: 'a-b' }, 'bundle: global must be an identifier or a dotted path of identifiers, got "a-b"'],
    [{ entry: 'a', global: 'a..b' }, 'bundle: global must be'],
    [{ entry: 'a', global: 'a.__proto__' }, 'bundle: global must not name "__proto__", got "a.__proto__"'],
    [{ entry: 'a', external: 'react' }, 'bundle: external must be an array, got "react"'],
    [{ entry: 'a', external: ['react', 1] }, 'bundle: external[1] must be a string that is not empty, got 1'],
    [{ entry: 'a', define: [] }, 'bundle: define must be an object of strings, got []'],
    [{ entry: 'a', define: { x: 1 } }, 'bundle: define.x must be JSON or a name, as a string, got 1'],
    [{ entry: 'a', define: { x: 'a b' } }, 'bundle: define.x must be JSON or a name, as a string, got "a b"'],
    [{ entry: 'a', define: { 'a b': '1' } }, 'bundle: a name in define must be an identifier or a dotted path, got "a b"'],
    [{ entry: 'a', minify: 'yes' }, 'bundle: minify must be true or false, got "yes"'],
    [{ entry: 'a', plugins: [{}] }, 'bundle: plugins[0] must be an esbuild plugin: { name, setup }, got {}'],
    [{ entry: 'a', target: 'es5' }, 'bundle: unknown option "target", known are entry, global, external, define, minify, plugins'],
  ]
  test.each(cases)('%j', (options, message) => {
    expect(() => bundle(options as BundleOptions)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(message) }))
  })
})
