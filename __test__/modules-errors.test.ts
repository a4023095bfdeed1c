import { createIsolate } from 'isoseed'
import type { ModuleSource, Source } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const esm = (code: string, name = 'main.js'): Source => ({ code, type: 'module', name })
const open = (modules: Record<string, ModuleSource>) => createIsolate({ modules })

describe('a missing module', () => {
  test('is ERR_MODULE_NOT_FOUND for the host, with who asks, and where', async () => {
    await using isolate = await open({ 'lib/a.js': "\n\n  export { x } from './gone.js'" })
    const cases: [() => Promise<unknown>, string, string][] = [
      [() => isolate.import('gone.js'), 'no module "gone.js" (isolate.import asks for it)', ''],
      [() => isolate.import('lib/a.js'), 'no module "./gone.js" (lib/a.js asks for it)', 'lib/a.js:3:21'],
      [() => isolate.eval(esm("\nimport 'gone.js'")), 'no module "gone.js" (main.js asks for it)', 'main.js:2:8'],
      [() => isolate.eval(esm("import 'lib/a.js'")), 'no module "./gone.js" (lib/a.js asks for it)', 'lib/a.js:3:21'],
      [() => isolate.eval("\n  import('gone.js')"), 'no module "gone.js" (eval.js asks for it)', 'eval.js:2:3'],
    ]
    for (const [ask, message, place] of cases) {
      const error = await rejection(ask())
      expect(error).toMatchObject({ name: 'IsoseedError', code: 'ERR_MODULE_NOT_FOUND', message })
      expect(error.cause).toMatchObject({ code: 'ERR_GUEST', guestCode: 'ERR_MODULE_NOT_FOUND', message })
      expect((error.cause as Error).stack).toContain(place)
    }
  })

  test('has its code for the guest, who can catch it, and whose own errors do not pass for it', async () => {
    await using isolate = await open({})
    expect(await isolate.eval("import('gone').catch((error) => [error instanceof Error, error.code])")).toEqual([true, 'ERR_MODULE_NOT_FOUND'])
    const forged = await rejection(isolate.eval("throw Object.assign(new Error('no module'), { code: 'ERR_MODULE_NOT_FOUND' })"))
    expect(forged).toMatchObject({ code: 'ERR_GUEST', guestCode: 'ERR_MODULE_NOT_FOUND' })
    expect(await rejection(isolate.eval("import('gone').catch((error) => { throw new Error('wrapped', { cause: error }) })"))).toMatchObject({ code: 'ERR_GUEST' })
  })

  test('of a graph leaves the rest as it was', async () => {
    await using isolate = await open({ 'a.js': "import './b.js'; import './gone.js'", 'b.js': 'globalThis.ran = true; export const b = 1' })
    await expect(isolate.import('a.js')).rejects.toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' })
    expect(await isolate.eval('typeof ran')).toBe('undefined')
    expect(await isolate.import('b.js')).toEqual({ b: 1 })
  })
})

describe('errors have the file and the line of the guest', () => {
  test('in what is thrown, compiled and linked', async () => {
    await using isolate = await open({
      'throws.js': "\nconst fail = () => { throw new RangeError('no') }\nfail()",
      'rejects.js': "\nawait null\nthrow new RangeError('late')",
      'broken.js': '\n\nexport default )',
      'unlinked.js': "\n  import { nothing } from './empty.js'",
      'ambiguous.js': "export * from './one.js'; export * from './other.js'",
      'one.js': 'export const x = 1',
      'other.js': 'export const x = 2',
      'asks.js': "import { x } from './ambiguous.js'",
      'empty.js': '',
      'uses.js': "import { bad } from './module.cjs'; bad()",
      'module.cjs': { code: "\nexports.bad = () => { throw new TypeError('cjs') }", type: 'commonjs' },
      'broken.cjs': { code: '\n const = 1', type: 'commonjs' },
    })
    const cases: [string, string, string][] = [
      ['throws.js', 'RangeError', 'throws.js:2:28'],
      ['rejects.js', 'RangeError', 'rejects.js:3:7'],
      ['broken.js', 'SyntaxError', 'broken.js:3:16'],
      ['unlinked.js', 'SyntaxError', 'unlinked.js:2:12'],
      ['asks.js', 'SyntaxError', 'asks.js:1:10'],
      ['uses.js', 'TypeError', 'module.cjs:2:29'],
      ['broken.cjs', 'SyntaxError', 'broken.cjs:2:8'],
    ]
    for (const [name, errorName, place] of cases) {
      for (const ask of [() => isolate.import(name), () => isolate.eval(`import('${name}')`), () => isolate.eval(esm(`import '${name}'`))]) {
        const error = await rejection(ask())
        expect(error).toMatchObject({ code: 'ERR_GUEST', name: errorName })
        expect(error.stack).toContain(place)
      }
    }
  })

  test('through an inline source map', async () => {
    const map = { version: 3, sources: ['src/tool.ts'], names: [], mappings: 'AAAA;AAEA' }
    const comment = `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}\n`
    await using isolate = await open({ 'dist/tool.js': `// first\nthrow new Error('mapped')${comment}` })
    const error = await rejection(isolate.import('dist/tool.js'))
    expect(error.stack).toContain('src/tool.ts:3:1')
    expect(error.stack).not.toContain('dist/tool.js')
  })

  test('one error of evaluation is remembered, one of linking is not', async () => {
    await using isolate = await open({
      'bad.js': 'globalThis.runs = (globalThis.runs ?? 0) + 1; throw { mine: runs }',
      'user.js': "import './bad.js'",
      'null.js': 'throw null',
    })
    const caught = "import('bad.js').catch((error) => { globalThis.first ??= error; return [error.mine, error === first] })"
    expect(await isolate.eval(caught)).toEqual([1, true])
    expect(await isolate.eval(caught)).toEqual([1, true])
    expect(await isolate.eval("import('user.js').catch((error) => error === first)")).toBe(true)
    expect(await rejection(isolate.import('bad.js'))).toMatchObject({ code: 'ERR_GUEST', cause: { mine: 1 } })
    expect(await isolate.eval("import('null.js').catch((error) => error)")).toBeNull()
  })

  test('a module that a deadline stopped says so from then on', async () => {
    await using isolate = await open({ 'loop.js': 'for (;;) {}', 'user.js': "import './loop.js'", 'loop.cjs': { code: 'for (;;) {}', type: 'commonjs' }, 'fine.js': 'export const x = 1' })
    for (const name of ['user.js', 'loop.cjs']) expect(await rejection(isolate.import(name, { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    for (const name of ['user.js', 'loop.js', 'loop.cjs']) {
      expect(await rejection(isolate.import(name))).toMatchObject({ code: 'ERR_GUEST', message: expect.stringContaining('was stopped while it was evaluated') })
    }
    expect(await rejection(isolate.eval(esm("import './loop.js'")))).toMatchObject({ message: expect.stringContaining('"loop.js" was stopped') })
    expect(await isolate.import('fine.js')).toEqual({ x: 1 })
  })
})

describe('wrong options', () => {
  test('are a TypeError at once that names the module', () => {
    const throwing = {
      get a() {
        throw new Error('mine')
      },
    }
    const cases: [unknown, string][] = [
      [5, 'modules must be an object of sources, or a function, got 5'],
      [new Map(), 'modules must be an object of sources, or a function'],
      [{ x: 5 }, 'modules["x"] must be a string or { code, name, type }, got 5'],
      [{ x: null }, 'modules["x"] must be'],
      [{ x: {} }, 'modules["x"].code must be a string, got undefined'],
      [{ x: { code: '', type: 'script' } }, 'modules["x"].type must be "module", "commonjs" or "json", got "script"'],
      [{ x: { code: '', name: '' } }, 'modules["x"].name must be a string that is not empty'],
      [{ x: { code: '', global: 'x' } }, 'unknown property of modules["x"] "global"'],
      [{ x: '\u{d800}' }, 'modules["x"] must be well-formed Unicode'],
      [{ '': '' }, 'a name in modules must not be empty'],
      [{ './': '' }, 'a name in modules must not be empty, got "./"'],
      [{ 'a\nb': '' }, 'a name in modules must be a name without line breaks'],
      [{ 'a.js': '', './lib/../a.js': '' }, 'modules["a.js"] and modules["./lib/../a.js"] are one module, "a.js"'],
      [throwing, `modules["a"] can't be read`],
    ]
    for (const [modules, message] of cases) {
      let thrown: unknown
      try {
        void createIsolate({ modules: modules as never })
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(TypeError)
      expect(thrown).toMatchObject({ code: 'ERR_INVALID_ARG', message: expect.stringContaining(message) })
    }
  })

  test('of isolate.import, too', async () => {
    await using isolate = await open({})
    for (const specifier of [5, '', 'a\nb', undefined]) {
      expect(() => isolate.import(specifier as never)).toThrow(/isolate\.import: specifier must be/)
    }
    expect(() => isolate.import('a', { filename: 'x' } as never)).toThrow(/isolate\.import: unknown option "filename"/)
  })
})
