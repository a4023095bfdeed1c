import { createIsolate } from 'isoseed'
import type { ModuleLoader, ModuleSource, Source } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const esm = (code: string, name?: string): Source => ({ code, type: 'module', ...(name === undefined ? {} : { name }) })

/** A loader of sources, and the questions that it was asked. */
function asking(modules: Record<string, ModuleSource>): { loader: ModuleLoader; asked: [string, string][] } {
  const asked: [string, string][] = []
  const loader: ModuleLoader = (specifier, referrer) => {
    asked.push([specifier, referrer])
    return Object.hasOwn(modules, specifier) ? modules[specifier] : null
  }
  return { loader, asked }
}

/** A promise that the test settles, and one that tells when a loader waits for it. */
function gate<T>(): { opened: Promise<T>; open: (value: T) => void; fail: (reason: unknown) => void } {
  let open!: (value: T) => void
  let fail!: (reason: unknown) => void
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open, fail }
}

describe('a loader', () => {
  test('is asked once for each module, with what it means and who asks', async () => {
    const { loader, asked } = asking({
      'app/main.js': "import { b } from './lib/b.js'; import { c } from 'c'; import data from '../data.json' with { type: 'json' }; import cjs from './x.cjs'; export default [b, c, data, cjs]",
      'app/lib/b.js': { code: "export { c as b } from 'c'", name: 'https://x.test/lib/b.js' },
      c: 'export const c = 3',
      'data.json': { code: '[1]', type: 'json' },
      'app/x.cjs': { code: 'module.exports = 5', type: 'commonjs' },
    })
    await using isolate = await createIsolate({ modules: loader })
    expect(await isolate.import('./app/main.js')).toEqual({ default: [3, 3, [1], 5] })
    expect(await isolate.import('app/main.js')).toEqual({ default: [3, 3, [1], 5] })
    expect(asked).toEqual([
      ['app/main.js', ''],
      ['app/lib/b.js', 'app/main.js'],
      ['c', 'app/main.js'],
      ['data.json', 'app/main.js'],
      ['app/x.cjs', 'app/main.js'],
    ])
    expect(await isolate.stats()).toMatchObject({ hostCalls: 5 })
  })

  test('may answer later, in any order, to several who wait for the same', async () => {
    const [slow, begun] = [gate<string>(), gate<string>()]
    let asked = 0
    const loader: ModuleLoader = async (specifier) => {
      if (specifier !== 'slow.js') return `import { n } from 'slow.js'; export default n + ${specifier.length}`
      asked += 1
      begun.open('')
      return slow.opened
    }
    await using isolate = await createIsolate({ modules: loader })
    const waiting = Promise.all([
      isolate.import('a'),
      isolate.eval("import('bb').then(({ default: value }) => value)"),
      isolate.eval(esm("import { n } from 'slow.js'; export default n")),
      isolate.eval("Promise.all([import('slow.js'), import('slow.js')]).then(([one, other]) => one === other)"),
    ])
    await begun.opened
    expect(await isolate.eval('1 + 1')).toBe(2)
    slow.open('export const n = 10')
    expect(await waiting).toEqual([{ default: 11 }, 12, 10, true])
    expect(asked).toBe(1)
  })

  test('a guest goes on while its import waits', async () => {
    const source = gate<string>()
    await using isolate = await createIsolate({ modules: () => source.opened, bindings: { ready: () => source.open('export const x = 1') } })
    const code = "(async () => { const later = import('x'); const log = ['on']; ready(); log.push((await later).x); return log })()"
    expect(await isolate.eval(code)).toEqual(['on', 1])
  })

  test('that has no module, or fails, may have it the next time', async () => {
    const answers: (ModuleSource | null | undefined | Error)[] = [null, undefined, new RangeError('not yet'), 'export default )', 'export default 1']
    const loader: ModuleLoader = () => {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return answer
    }
    await using isolate = await createIsolate({ modules: loader })
    const importing = () => isolate.import('x')
    expect(await rejection(importing())).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' })
    expect(await rejection(importing())).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' })
    expect(await rejection(importing())).toMatchObject({ code: 'ERR_GUEST', cause: { name: 'RangeError' } })
    expect(await rejection(importing())).toMatchObject({ code: 'ERR_GUEST', name: 'SyntaxError' })
    expect(await importing()).toEqual({ default: 1 })
    expect(answers).toEqual([])
  })

  test('that throws or rejects is the cause of the failed import, as a host function that throws', async () => {
    const failures: Record<string, () => never | Promise<never>> = {
      thrown: () => {
        throw Object.assign(new TypeError('broken', { cause: new Error('inner') }), { code: 'E_BROKEN' })
      },
      rejected: () => Promise.reject(Object.assign(new Error('late'), { code: 'E_LATE' })),
      'no error': () => Promise.reject('just text'),
    }
    await using isolate = await createIsolate({ modules: (specifier) => failures[specifier]?.() })
    const code = (name: string) => `import('${name}').catch(({ message, cause }) => [message, cause?.name, cause?.message ?? cause, cause?.code, cause?.cause?.message, String(cause?.stack).includes('test.ts')])`
    expect(await isolate.eval(code('thrown'))).toEqual(["can't load module \"thrown\" (eval.js asks for it)", 'TypeError', 'broken', 'E_BROKEN', 'inner', false])
    expect(await isolate.eval(code('rejected'))).toEqual(["can't load module \"rejected\" (eval.js asks for it)", 'Error', 'late', 'E_LATE', undefined, false])
    expect(await isolate.eval(code('no error'))).toEqual(["can't load module \"no error\" (eval.js asks for it)", undefined, 'just text', undefined, undefined, false])
    const error = await rejection(isolate.eval(esm("\n\n  import 'thrown'", 'main.js')))
    expect(error).toMatchObject({ code: 'ERR_GUEST', cause: { name: 'TypeError', message: 'broken', code: 'E_BROKEN' } })
    expect(error.stack).toContain('main.js:3:10')
  })

  test('that answers garbage is an error that names the specifier', async () => {
    const garbage: Record<string, unknown> = {
      number: 5,
      empty: {},
      code: { code: 5 },
      type: { code: '', type: 'wasm' },
      name: { code: '', name: 'a\nb' },
      extra: { code: '', format: 'module' },
      list: [''],
      text: `'${String.fromCharCode(0xd800)}'`,
      getter: {
        get code() {
          throw new Error('mine')
        },
      },
    }
    await using isolate = await createIsolate({ modules: (specifier) => garbage[specifier] as ModuleSource })
    for (const specifier of Object.keys(garbage)) {
      const error = await rejection(isolate.import(specifier))
      expect(error).toMatchObject({ code: 'ERR_GUEST', message: `can't load module "${specifier}" (isolate.import asks for it)` })
      expect(error.cause).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(`its answer for "${specifier}`) })
    }
    expect(await isolate.eval('1')).toBe(1)
  })

  test('that answers too much is an error that names the specifier', async () => {
    await using isolate = await createIsolate({ memoryLimitMb: 16, modules: (specifier) => '/'.repeat(specifier === 'long' ? 3 << 20 : 40 << 20) })
    for (const specifier of ['long', 'longer']) {
      expect(await rejection(isolate.import(specifier))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: expect.stringContaining(`"${specifier}"`) })
    }
    expect(await isolate.eval('1')).toBe(1)
  })

  test('that hangs runs into the deadline; the next request asks again', async () => {
    const asked: string[] = []
    const answers = [gate<string>(), gate<string>()]
    const loader: ModuleLoader = (specifier) => {
      asked.push(specifier)
      return answers[asked.length - 1]?.opened
    }
    await using isolate = await createIsolate({ modules: loader })
    expect(await rejection(isolate.import('x', { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await isolate.eval('1')).toBe(1)
    const again = isolate.import('x')
    expect(await isolate.eval('2')).toBe(2)
    expect(asked).toEqual(['x', 'x'])
    // The first fails at last: nobody waits for that any more.
    answers[0]?.fail(new Error('too late'))
    answers[1]?.open('export default 2')
    expect(await again).toEqual({ default: 2 })
  })

  test('the answer to a request that is over serves the others', async () => {
    const [source, begun] = [gate<string>(), gate<string>()]
    const loader: ModuleLoader = () => {
      begun.open('')
      return source.opened
    }
    await using isolate = await createIsolate({ modules: loader })
    const stop = new AbortController()
    const first = isolate.eval("import('x')", { signal: stop.signal })
    await begun.opened
    const second = isolate.eval("globalThis.kept = import('x'); kept.then(({ default: value }) => value)")
    expect(await isolate.eval('1')).toBe(1)
    stop.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    source.open('export default 7')
    expect(await second).toBe(7)
  })

  test('import.meta, require and attributes as with a map', async () => {
    const { loader, asked } = asking({ 'b.cjs': { code: 'exports.b = 1', type: 'commonjs' }, 'a.cjs': { code: "exports.b = require('./b.cjs').b", type: 'commonjs' } })
    await using isolate = await createIsolate({ modules: loader })
    expect(await rejection(isolate.import('a.cjs'))).toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
      message: 'no module "./b.cjs" (a.cjs asks for it; require() can\'t wait for the host: import it before)',
    })
    expect(asked).toEqual([['a.cjs', '']])
    await using other = await createIsolate({ modules: loader })
    await other.import('b.cjs')
    expect(await other.import('a.cjs')).toMatchObject({ b: 1 })
  })

  test('is not asked for names that are not one line of text', async () => {
    const { loader, asked } = asking({})
    await using isolate = await createIsolate({ modules: loader })
    const code = "Promise.all(['', './', 'a\\nb', '\\0', '\\u2028', '\\ud800', 'x'.repeat(70_000)].map((name) => import(name).catch(({ code }) => code)))"
    expect(await isolate.eval(code)).toEqual(Array(7).fill('ERR_MODULE_NOT_FOUND'))
    expect(asked).toEqual([])
    expect(await isolate.eval("import('__proto__').catch(({ code }) => code)")).toBe('ERR_MODULE_NOT_FOUND')
    expect(asked).toEqual([['__proto__', 'eval.js']])
  })

  test('what the guest does on its own account waits for it, too', async () => {
    const [source, begun] = [gate<string>(), gate<string>()]
    const loader: ModuleLoader = () => {
      begun.open('')
      return source.opened
    }
    const seen = gate<unknown>()
    await using isolate = await createIsolate({ modules: loader, bindings: { report: (value: unknown) => seen.open(value) } })
    await isolate.eval("import('x').then(({ default: value }) => report(value)); 0")
    await begun.opened
    source.open('export default 3')
    expect(await seen.opened).toBe(3)
  })
})

describe('an isolate in a process of its own', () => {
  test('has the same modules', async () => {
    const modules = { 'a.js': "import data from './b.json' with { type: 'json' }; import c from './c.cjs'; export default [data, c]", 'b.json': { code: '[1]', type: 'json' }, 'c.cjs': { code: 'module.exports = 2', type: 'commonjs' } } as const
    const { loader, asked } = asking(modules)
    for (const given of [modules, loader]) {
      await using isolate = await createIsolate({ modules: given, process: true })
      expect(await isolate.import('./a.js')).toEqual({ default: [[1], 2] })
      const missing = await rejection(isolate.import('gone.js'))
      expect(missing).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND', cause: { guestCode: 'ERR_MODULE_NOT_FOUND' } })
    }
    expect(asked).toEqual([['a.js', ''], ['b.json', 'a.js'], ['c.cjs', 'a.js'], ['gone.js', '']])
  })
})
