import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const EMPTY_MODULE = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])'

/** Ways from text to code. Each may use what `capture` left behind while the snapshot was built. */
const fromStrings: Record<string, string> = {
  'eval': 'eval("1")',
  'indirect eval': '(0, eval)("1")',
  'eval of the empty string': 'eval("")',
  'new Function': 'new Function("return 1")()',
  'Function without new': 'Function("return 1")()',
  'Function of a function\'s constructor': '(() => 1).constructor("return 1")()',
  'AsyncFunction': '(async () => {}).constructor("return 1")',
  'GeneratorFunction': '(function* () {}).constructor("yield 1")',
  'AsyncGeneratorFunction': '(async function* () {}).constructor("yield 1")',
  'the constructor of a builtin': 'Math.max.constructor("return 1")()',
  'Reflect.construct with another target': 'Reflect.construct(Function, ["return 1"], class extends Object {})()',
  'a subclass of Function': 'new (class extends Function {})("return 1")()',
  'eval through a proxy': 'new Proxy(eval, {})("1")',
  'eval bound': 'eval.bind(null, "1")()',
  'Function through apply': 'Function.apply(null, ["return 1"])()',
  'eval as a callback of a builtin': '["1"].map(eval)',
  'eval in a promise\'s reaction': 'Promise.resolve("1").then(eval)',
  'a getter that makes a function': '({ get own() { return Function("return 1")() } }).own',
  'a tagged template': 'eval([`1`].join())',
}
const captured: Record<string, string> = {
  'captured eval': 'own.eval("1")',
  'captured Function': 'own.Function("return 1")()',
  'a captured constructor of async functions': 'own.AsyncFunction("return 1")',
  'a captured closure that calls eval': 'own.make("1")',
  'a captured direct eval': 'own.direct("1")',
}
const capture = `
  globalThis.own = {
    eval, Function, AsyncFunction: (async () => {}).constructor,
    make: (text) => (0, eval)(text), direct(text) { return eval(text) },
    made: new Function('return 42'), evaluated: (0, eval)('() => 43'),
  }`

const evalError = { code: 'ERR_GUEST', name: 'EvalError' }

describe('codegen.strings: false', () => {
  const isolates: Record<string, () => Promise<CreateIsolateOptions>> = {
    'in a blank isolate': async () => ({}),
    'from a snapshot': async () => ({ snapshot: await buildSnapshot({ bundle: capture }) }),
    'from a fallback': async () => ({ fallback: { bundle: capture.replace(/made:.*$/m, '') } }),
  }
  describe.each(Object.entries(isolates))('%s', (where, options) => {
    const ways = where === 'in a blank isolate' ? fromStrings : { ...fromStrings, ...captured }
    test.each(Object.entries(ways))('%s is an EvalError, and the isolate goes on', async (_, code) => {
      await using isolate = await createIsolate({ ...(await options()), codegen: { strings: false } })
      expect(await rejection(isolate.eval(code))).toMatchObject(evalError)
      expect(await isolate.eval('40 + 2')).toBe(42)
    })

    test.each(Object.entries(ways))('allowed otherwise: %s', async (_, code) => {
      await using isolate = await createIsolate({ ...(await options()), codegen: { strings: true } })
      await expect(isolate.eval(`Promise.resolve(${code}).then(() => 1)`)).resolves.toBe(1)
    })
  })

  test('the sources of a fallback are refused, too', async () => {
    const error = await rejection(createIsolate({ fallback: { bundle: 'globalThis.made = new Function("return 1")' }, codegen: { strings: false } }))
    expect(error).toMatchObject(evalError)
  })

  test('what was made while the snapshot was built stays', async () => {
    const snapshot = await buildSnapshot({ bundle: capture })
    await using isolate = await createIsolate({ snapshot, codegen: { strings: false } })
    expect(await isolate.eval('[own.made(), own.evaluated()]')).toEqual([42, 43])
  })

  test('one session\'s choice is not another\'s, in a pool neither', async () => {
    const snapshot = await buildSnapshot({ bundle: capture })
    await snapshot.prewarm(2)
    await using strict = await createIsolate({ snapshot, codegen: { strings: false, wasm: false } })
    await using free = await createIsolate({ snapshot })
    expect(await rejection(strict.eval('own.eval("1")'))).toMatchObject(evalError)
    expect(await free.eval('own.eval("1")')).toBe(1)
    expect(await rejection(strict.eval(`new WebAssembly.Module(${EMPTY_MODULE})`))).toMatchObject({ name: 'CompileError' })
    expect(await free.eval(`new WebAssembly.Module(${EMPTY_MODULE}) instanceof WebAssembly.Module`)).toBe(true)
    await snapshot.prewarm(0)
  })

  test('the host\'s own code and calls are no strings of the guest', async () => {
    await using isolate = await createIsolate({ codegen: { strings: false, wasm: false } })
    await isolate.eval('const hidden = (x) => x * 2; globalThis.shown = { twice: hidden }; 1')
    expect(await isolate.call('hidden', [21])).toBe(42)
    expect(await isolate.call('shown.twice', [21])).toBe(42)
    expect(await isolate.eval({ code: 'module.exports = 42', type: 'commonjs', name: 'a.js' })).toBe(42)
    expect(await isolate.eval('new RegExp("a+").test("aa") && JSON.parse("[1]")[0]')).toBe(1)
  })
})

describe('codegen.wasm: false', () => {
  const compiling: Record<string, string> = {
    'new WebAssembly.Module': `new WebAssembly.Module(${EMPTY_MODULE})`,
    'WebAssembly.compile': `WebAssembly.compile(${EMPTY_MODULE})`,
    'WebAssembly.instantiate': `WebAssembly.instantiate(${EMPTY_MODULE})`,
    'a captured constructor': `new own.Module(${EMPTY_MODULE})`,
  }
  test.each(Object.entries(compiling))('%s is a CompileError, and the isolate goes on', async (_, code) => {
    const snapshot = await buildSnapshot({ bundle: 'globalThis.own = { Module: WebAssembly.Module }' })
    await using isolate = await createIsolate({ snapshot, codegen: { wasm: false } })
    expect(await rejection(isolate.eval(code))).toMatchObject({ code: 'ERR_GUEST', name: 'CompileError' })
    expect(await isolate.eval('eval("40 + 2")')).toBe(42)
    await using free = await createIsolate({ snapshot })
    await expect(free.eval(`Promise.resolve(${code}).then(() => 1)`)).resolves.toBe(1)
  })

  test('the sources of a fallback are refused, too', async () => {
    const error = await rejection(createIsolate({ fallback: { bundle: `new WebAssembly.Module(${EMPTY_MODULE})` }, codegen: { wasm: false } }))
    expect(error).toMatchObject({ name: 'CompileError' })
  })

  test('validation and memories need no compiler', async () => {
    await using isolate = await createIsolate({ codegen: { wasm: false } })
    expect(await isolate.eval(`WebAssembly.validate(${EMPTY_MODULE})`)).toBe(true)
    expect(await isolate.eval('new WebAssembly.Memory({ initial: 1 }).buffer.byteLength')).toBe(65536)
  })

  test('a module that the snapshot brings is compiled in the session, so it is refused, too', async () => {
    const snapshot = await buildSnapshot({ bundle: `globalThis.brought = new WebAssembly.Module(${EMPTY_MODULE})` })
    await using isolate = await createIsolate({ snapshot, codegen: { wasm: false } })
    expect(await rejection(isolate.eval('new WebAssembly.Instance(brought)'))).toMatchObject({ name: 'CompileError' })
  })
})

test('what is not true or false throws at once', () => {
  for (const codegen of [null, true, [], { strings: 1 }, { wasm: 'no' }, { eval: false }]) {
    expect(() => createIsolate({ codegen: codegen as never })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining('codegen') }))
  }
})
