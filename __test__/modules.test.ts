import { buildSnapshot, createIsolate } from 'isoseed'
import type { Isolate, ModuleSource, RemoteFunction, Source } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { all } from './support/all.js'
import { rejection } from './support/rejection.js'

const open = (modules: Record<string, ModuleSource>): Promise<Isolate> => createIsolate({ modules })

const commonjs = (code: string): ModuleSource => ({ code, type: 'commonjs' })
const json = (code: string): ModuleSource => ({ code, type: 'json' })
const esm = (code: string, name?: string): Source => ({ code, type: 'module', ...(name === undefined ? {} : { name }) })

describe('a map of modules', () => {
  test('isolate.import evaluates a module once and clones its exports', async () => {
    await using isolate = await open({
      'main.js': "import { two } from './lib/two.js'; globalThis.runs = (globalThis.runs ?? 0) + 1; export const four = two * 2; export { two }; export default { when: new Date(5) }",
      'lib/two.js': 'export const two = 2',
    })
    const expected = { default: { when: new Date(5) }, four: 4, two: 2 }
    expect(await isolate.import<{ four: number }>('main.js')).toEqual(expected)
    expect(await isolate.import('./main.js')).toEqual(expected)
    expect(await isolate.eval('runs')).toBe(1)
  })

  test('functions, classes and streams that a module exports are references', async () => {
    await using isolate = await open({
      'counter.js': 'let n = 0; export const add = (by) => n += by; export default async (name) => `hello ${name}`; export class Point {}; export async function* each() { yield* [1, 2] }',
    })
    const { add, default: greet, each } = await isolate.import<{ add: RemoteFunction<[number], number>; default: RemoteFunction<[string], string>; each: RemoteFunction<[], AsyncIterable<number>> }>('counter.js')
    expect([await add(2), await add(3)]).toEqual([2, 5])
    expect(await greet('you')).toBe('hello you')
    expect(await all(await each())).toEqual([1, 2])
    expect((await isolate.import<{ add: unknown }>('counter.js')).add).toBe(add)
  })

  test('import() finds modules from scripts, eval, new Function and code without a name', async () => {
    await using isolate = await open({ 'a.js': 'export const a = 1', 'lib/b.js': "export const load = () => import('../a.js')" })
    const ways = [
      "import('./a.js')",
      "eval('import(\"a.js\")')",
      "new Function('return import(\"./a.js\")')()",
      "Promise.resolve('import(\"./a.js\")').then(eval)",
      "import('lib/b.js').then(({ load }) => load())",
      "(async () => { await null; await null; return import('a.js') })()",
    ]
    for (const way of ways) expect(await isolate.eval(`${way}.then(({ a }) => a)`)).toBe(1)
  })

  test('eval of an ES module imports statically, and names its own file', async () => {
    await using isolate = await open({ 'lib/a.js': 'export const a = 1; export default import.meta.url' })
    const code = "import url, { a } from './a.js'; await null; export default [a, url, import.meta.url]"
    expect(await isolate.eval(esm(code, 'lib/main.js'))).toEqual([1, 'lib/a.js', 'lib/main.js'])
    expect(await isolate.eval("import('lib/main.js').catch(({ code }) => code)")).toBe('ERR_MODULE_NOT_FOUND')
  })

  test('a default export that is a promise is awaited by eval, one that is thenable too', async () => {
    await using isolate = await open({ 'a.js': 'export default Promise.resolve(5)' })
    expect(await isolate.eval(esm("export { default } from 'a.js'"))).toBe(5)
    expect(await isolate.eval(esm('export default { then: (done) => done(6) }'))).toBe(6)
    await expect(isolate.eval(esm("export default Promise.reject(new RangeError('no'))"))).rejects.toMatchObject({ name: 'RangeError', message: 'no' })
    expect(await isolate.eval(esm('export const other = 1'))).toBeUndefined()
  })

  test('cycles, live bindings, self imports and re-exports', async () => {
    await using isolate = await open({
      'a.js': "import { b, bump } from './b.js'; export const a = () => b; export { bump }; export let name = 'a'",
      'b.js': "import * as a from './a.js'; export let b = 1; export const bump = () => { b += 1; return [b, a.a(), a.name] }",
      'self.js': "import * as self from './self.js'; export const late = 7; export const seen = () => self.late; export default seen()",
      'all.js': "export * from './a.js'; export * as nested from './c.js'; export { c as 'odd name' } from './c.js'",
      'c.js': 'export const c = 3',
    })
    expect(await isolate.eval("import('a.js').then(({ bump, a }) => [bump(), a()])")).toEqual([[2, 2, 'a'], 2])
    expect(await isolate.eval(esm("import value from 'self.js'; export default value"))).toBe(7)
    expect(await isolate.eval("import('all.js').then((all) => [Object.keys(all), all.nested.c, all['odd name']])")).toEqual([
      ['a', 'bump', 'name', 'nested', 'odd name'],
      3,
      3,
    ])
  })

  test('top-level await holds back those who import it, and nobody else', async () => {
    await using isolate = await open({
      'slow.js': "await new Promise((done) => { globalThis.go = done }); order.push('slow')",
      'after.js': "import './slow.js'; order.push('after')",
      'beside.js': "order.push('beside')",
      'main.js': "import './after.js'; import './beside.js'; order.push('main')",
    })
    await isolate.eval("globalThis.order = []; import('main.js').then(() => order.push('done')); 0")
    expect(await isolate.eval('order')).toEqual(['beside'])
    await isolate.eval('go(); 0')
    expect(await isolate.eval('order')).toEqual(['beside', 'slow', 'after', 'main', 'done'])
  })

  test('nothing of a module runs before the code that imports it goes on', async () => {
    await using isolate = await open({ 'a.js': "order.push('a')" })
    expect(await isolate.eval("globalThis.order = []; const done = import('a.js'); order.push('script'); done.then(() => order)")).toEqual(['script', 'a'])
  })

  test('a namespace with a then is a thenable, as in ECMAScript, and not for isolate.import', async () => {
    await using isolate = await open({ 'a.js': 'export const then = (done) => done(7), other = 1', 'b.js': 'export const then = 5' })
    expect(await isolate.eval("import('a.js')")).toBe(7)
    expect(await isolate.import('a.js')).toEqual({ other: 1 })
    expect(Object.entries(await isolate.import('b.js'))).toEqual([['then', 5]])
  })

  test('what can not be cloned is named', async () => {
    await using isolate = await open({ 'a.js': 'export const deep = { list: [1, Symbol("x")] }' })
    expect(await rejection(isolate.import('a.js'))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('deep.list[1]') })
    expect(await isolate.eval('1')).toBe(1)
  })

  test('names are keys, whatever they mean elsewhere', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'a b', 'ü.mjs', 'node:fs', 'https://x.test/a.mjs', './dot.mjs', '../up.mjs', '/root.mjs', '#private', 'then', 'default']
    const entries = names.map((name, index): [string, string] => [name, `export const index = ${index}`])
    await using isolate = await open(Object.fromEntries(entries))
    expect(await Promise.all(names.map((name) => isolate.import(name)))).toEqual(names.map((_, index) => ({ index })))
    const missing = ['valueOf', '', '/', '..', './', '../..', 'a\nb', String.fromCharCode(0xd800)]
    const code = `Promise.all(${JSON.stringify(missing)}.map((name) => import(name).catch(({ code }) => code)))`
    expect(await isolate.eval(code)).toEqual(missing.map(() => 'ERR_MODULE_NOT_FOUND'))
  })

  test('Source.name is the file name, import.meta.url and the base of relative imports', async () => {
    await using isolate = await open({
      tool: { code: "export { b } from './b.js'\nexport const url = import.meta.url\nexport const fail = () => { throw new Error('x') }", name: 'https://x.test/lib/tool.js' },
      'https://x.test/lib/b.js': "export const b = import.meta.url; export { c } from '/c.js'",
      'https://x.test/c.js': 'export const c = 1',
    })
    expect(await isolate.eval("import('tool').then(({ b, url }) => [b, url])")).toEqual(['https://x.test/lib/b.js', 'https://x.test/lib/tool.js'])
    const error = await rejection(isolate.eval("import('tool').then(({ fail }) => fail())"))
    expect(error.stack).toContain('https://x.test/lib/tool.js:3:')
  })

  test('modules of one isolate are not those of another', async () => {
    const modules = { 'a.js': 'export let n = 0; export const add = () => ++n' }
    await using one = await open(modules)
    await using other = await open(modules)
    const add = "import('a.js').then(({ add }) => add())"
    expect([await one.eval(add), await one.eval(add), await other.eval(add)]).toEqual([1, 2, 1])
  })
})

describe('JSON modules', () => {
  test('are imported with their attribute, once', async () => {
    await using isolate = await open({ 'a.json': json('\u{feff}{"a": [1, {"__proto__": 2}]}') })
    const code = "import one from './a.json' with { type: 'json' }; const two = await import('a.json', { with: { type: 'json' } }); export default [one.a[0], two.default === one, Object.keys(one.a[1])]"
    expect(await isolate.eval(esm(code))).toEqual([1, true, ['__proto__']])
    expect(await isolate.import('a.json')).toMatchObject({ default: { a: [1, expect.anything()] } })
  })

  test('the attribute must fit the module, and be known', async () => {
    await using isolate = await open({
      'a.json': json('1'),
      'a.js': 'export default 1',
      'static.js': "\n import './a.json'",
      'wrong.js': "\n import './a.js' with { type: 'json' }",
      'css.js': "\n import './a.js' with { type: 'css' }",
      'odd.js': "\n import './a.js' with { integrity: 'x' }",
    })
    const cases: [string, string, string][] = [
      ["import('static.js')", 'static.js:2:9', 'module "a.json" is JSON'],
      ["import('wrong.js')", 'wrong.js:2:9', 'module "a.js" is code'],
      ["import('css.js')", 'css.js:2:9', `type must be 'json', got "css"`],
      ["import('odd.js')", 'odd.js:2:9', '"integrity" is not known'],
      ["\n import('a.json')", 'eval.js:2:2', 'is JSON'],
      ["\n import('a.js', { with: { type: 'json' } })", 'eval.js:2:2', 'is code'],
      ["\n import('a.json', { with: { type: 'css' } })", 'eval.js:2:2', '"css"'],
      ["\n import('a.json', { with: { type: 'json', as: 'x' } })", 'eval.js:2:2', '"as" is not known'],
    ]
    for (const [code, place, message] of cases) {
      const error = await rejection(isolate.eval(code))
      expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'TypeError', message: expect.stringContaining(message) })
      expect(error.stack).toContain(place)
    }
  })

  test('text that is no JSON is a SyntaxError with its name', async () => {
    await using isolate = await open({ 'a.json': json('{"a": oops}') })
    expect(await rejection(isolate.import('a.json'))).toMatchObject({ name: 'SyntaxError', message: expect.stringContaining('"a.json"') })
  })
})

describe('CommonJS modules', () => {
  test('are imported by default and by names, as they are after their evaluation', async () => {
    await using isolate = await open({
      'a.cjs': commonjs("exports.one = 1; exports['odd name'] = 2; exports.default = 3; Object.defineProperty(exports, 'hidden', { value: 4 }); exports.get = 5; Object.defineProperty(exports, 'bad', { enumerable: true, get() { throw 1 } })"),
      'f.cjs': commonjs('module.exports = () => 9'),
      'primitive.cjs': commonjs('module.exports = 5'),
      'main.js': "import all, { one, 'odd name' as odd, bad } from './a.cjs'; import * as space from './a.cjs'; import f from './f.cjs'; export default [one, odd, bad, all.default, Object.keys(space), space.default === all, f()]",
    })
    const expected = [1, 2, undefined, 3, ['bad', 'default', 'get', 'odd name', 'one'], true, 9]
    expect(await isolate.eval(esm("export { default } from 'main.js'"))).toEqual(expected)
    expect(await isolate.import('primitive.cjs')).toEqual({ default: 5 })
  })

  test('require finds CommonJS and JSON at once, ES modules once they are evaluated', async () => {
    await using isolate = await open({
      'lib/a.cjs': commonjs("exports.b = require('./b.cjs'); exports.data = require('../data.json'); exports.again = require('lib/b.cjs') === exports.b; exports.same = require('../data.json') === exports.data"),
      'lib/b.cjs': commonjs('module.exports = { name: module.id, loaded: module.loaded, here: this === exports }'),
      'data.json': json('[1]'),
      'esm.js': 'export const x = 1',
      'late.cjs': commonjs("exports.x = require('./esm.js').x"),
    })
    expect(await isolate.import('lib/a.cjs')).toMatchObject({ b: { name: 'lib/b.cjs', loaded: false, here: true }, data: [1], again: true, same: true })
    expect(await rejection(isolate.eval({ code: "require('./esm.js')", type: 'commonjs' }))).toMatchObject({ message: expect.stringContaining('is an ES module') })
    await isolate.import('esm.js')
    expect(await isolate.import('late.cjs')).toMatchObject({ x: 1 })
    const missing = await rejection(isolate.eval({ code: "\nrequire('left-pad')", type: 'commonjs', name: 'app.cjs' }))
    expect(missing).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND', message: 'no module "left-pad" (app.cjs asks for it)' })
    expect((missing.cause as Error).stack).toContain('app.cjs:2:1')
  })

  test('cycles see what is there so far; what one threw, it throws again without running', async () => {
    await using isolate = await open({
      'a.cjs': commonjs("exports.early = 1; exports.b = require('./b.cjs').seen; exports.late = 2"),
      'b.cjs': commonjs("exports.seen = Object.keys(require('./a.cjs'))"),
      'bad.cjs': commonjs("globalThis.runs = (globalThis.runs ?? 0) + 1\nthrow new RangeError('no')"),
    })
    expect(await isolate.import('a.cjs')).toMatchObject({ early: 1, b: ['early'], late: 2 })
    for (let time = 0; time < 2; time += 1) {
      const error = await rejection(isolate.eval(esm("import 'bad.cjs'")))
      expect(error).toMatchObject({ name: 'RangeError', message: 'no' })
      expect(error.stack).toContain('bad.cjs:2:7')
    }
    expect(await isolate.eval('runs')).toBe(1)
  })

  test('one that eval is given is found by its name, unless another kind of module is', async () => {
    await using isolate = await open({ 'taken.js': 'export const x = 1' })
    await isolate.import('taken.js')
    await isolate.eval({ code: 'exports.x = 2', type: 'commonjs', name: 'taken.js' })
    await isolate.eval({ code: 'exports.x = 3', type: 'commonjs', name: 'free.js' })
    expect(await isolate.eval({ code: "module.exports = [require('taken.js').x, require('./free.js').x]", type: 'commonjs' })).toEqual([1, 3])
    expect(await isolate.import('free.js')).toMatchObject({ x: 3 })
  })
})

describe('modules of a snapshot', () => {
  const bundle: Source[] = [
    esm("import lib, { one } from './lib.cjs'; import { later } from './later.cjs'; export const sum = one + lib.two + later; export const again = () => import('./lib.cjs')", 'app/main.mjs'),
    { code: 'globalThis.order = (globalThis.order ?? []).concat("lib"); exports.one = 1; exports.two = 2; exports.self = () => exports', name: 'app/lib.cjs', type: 'commonjs' },
    { code: "globalThis.order = (globalThis.order ?? []).concat('later'); exports.later = require('./lib.cjs').one; exports.late = (name) => require(name)", name: 'app/later.cjs', type: 'commonjs' },
  ]

  test('ES modules import CommonJS modules while it is built, whatever their order, and each runs once', async () => {
    const snapshot = await buildSnapshot({ bundle })
    expect(snapshot.info.modules).toEqual(['app/later.cjs', 'app/lib.cjs', 'app/main.mjs'])
    await using isolate = await createIsolate({ snapshot })
    expect(await isolate.eval('order')).toEqual(['lib', 'later'])
    expect(await isolate.eval("import('app/main.mjs').then(async (main) => [main.sum, (await main.again()).self() === (await import('app/lib.cjs')).default])")).toEqual([4, true])
  })

  test('are imported by those of a session, which come second', async () => {
    const snapshot = await buildSnapshot({ bundle })
    const modules = {
      'session.js': "import { sum } from './app/main.mjs'; import { two } from 'app/lib.cjs'; export { sum, two }",
      'app/lib.cjs': 'export const two = 99',
      'app/new.cjs': commonjs("exports.one = require('./lib.cjs').one"),
    }
    await using isolate = await createIsolate({ snapshot, modules })
    expect(await isolate.import('session.js')).toEqual({ sum: 4, two: 2 })
    // The function that requires was made while the snapshot was built.
    expect(await isolate.eval("import('app/later.cjs').then(({ late }) => late('./new.cjs').one)")).toBe(1)
  })

  test('a snapshot on top of another has them, too', async () => {
    const base = await buildSnapshot({ bundle })
    const snapshot = await buildSnapshot({ base, bundle: esm("import { two } from 'app/lib.cjs'; import { sum } from 'app/main.mjs'; export default two + sum", 'top.mjs') })
    await using isolate = await createIsolate({ snapshot })
    expect(await isolate.import('top.mjs')).toEqual({ default: 6 })
  })

  test('the fallback has them, and does not see those of the session', async () => {
    const spying: Source = esm("globalThis.early = await import('session.js').catch(({ code }) => code)", 'spy.mjs')
    await using isolate = await createIsolate({ fallback: { bundle: [...bundle, spying] }, modules: { 'session.js': "export { sum } from 'app/main.mjs'" } })
    expect(await isolate.eval('early')).toBe('ERR_MODULE_NOT_FOUND')
    expect(await isolate.import('session.js')).toEqual({ sum: 4 })
  })

  test('an isolate that waited for its session has the modules of that session', async () => {
    const snapshot = await buildSnapshot({ bundle })
    await snapshot.prewarm(1)
    await using isolate = await createIsolate({ snapshot, modules: { 'a.js': "export { sum } from 'app/main.mjs'" } })
    expect(await isolate.import('a.js')).toEqual({ sum: 4 })
    await snapshot.prewarm(0)
  })

  test('two names that mean one module are refused', () => {
    expect(() => buildSnapshot({ bundle: [esm('', './a.mjs'), esm('', 'a.mjs')] })).toThrow('two modules have the name "a.mjs"')
  })
})
