import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { buildSnapshot, createIsolate, verifyIsolation } from 'isoseed'
import type { BuildSnapshotOptions, Snapshot } from 'isoseed'
import { beforeAll, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

/** Evaluates in a new isolate, of a snapshot or blank. */
async function ask<T = unknown>(snapshot: Snapshot | undefined, ...codes: string[]): Promise<T> {
  await using isolate = await createIsolate(snapshot ? { snapshot } : {})
  let answer: unknown
  for (const code of codes) answer = await isolate.eval(code)
  return answer as T
}

/** What was noticed while building, as `rule path`. */
const noticed = ({ info }: Snapshot): string[] => info.warnings.map(({ rule, path }) => `${rule} ${path}`)

/** Findings that a build ends with, as `rule path`. */
async function refused(bundle: BuildSnapshotOptions['bundle']): Promise<string[]> {
  const error = await rejection(buildSnapshot({ bundle: bundle ?? [] }))
  expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
  return (error.findings ?? []).map(({ rule, path }) => `${rule} ${path}`)
}

describe('while building, late built-ins', () => {
  let code: string
  let snapshot: Snapshot
  beforeAll(async () => {
    code = await readFile(new URL('support/late-behaviour.js', import.meta.url), 'utf8')
    snapshot = await buildSnapshot({
      bundle: [code, 'globalThis.shapes = builtinShapes(); lateBehaviour().then((outcomes) => { globalThis.outcomes = outcomes })'],
    })
  })

  test('do what V8\'s own do', async () => {
    const own = await ask<Record<string, string>>(undefined, `${code}\nlateBehaviour()`)
    expect(Object.keys(own).length).toBeGreaterThan(70)
    expect(await ask(snapshot, 'outcomes')).toEqual(own)
  })

  test('do the same in a session, where they are V8\'s own', async () => {
    const own = await ask<Record<string, string>>(undefined, `${code}\nlateBehaviour()`)
    expect(await ask(snapshot, 'lateBehaviour()')).toEqual(own)
  })

  // A V8 that adds others late fails here: they would be missing while building.
  test('are all there, and look as V8\'s own', async () => {
    const own = await ask<string[]>(undefined, `${code}\nbuiltinShapes()`)
    expect(own).toContain('globalThis.Temporal.Duration.prototype.years: undefined false true')
    const building = await ask<string[]>(snapshot, 'shapes')
    expect({ missing: own.filter((line) => !building.includes(line)), more: building.filter((line) => !own.includes(line)) }).toEqual({ missing: [], more: [] })
  })

  test('leave no trace when nobody captured one', async () => {
    const used = await buildSnapshot({ bundle: 'Promise.try(() => 1); new DisposableStack().dispose(); Math.sumPrecise([1]); typeof Temporal.Now.instant; (() => { class Own extends WebAssembly.RuntimeError {} return new Own() })(); 1' })
    expect(noticed(used)).toEqual([])
    const blank = await buildSnapshot({ bundle: '1' })
    expect(used.info.heapBytes - blank.info.heapBytes).toBeLessThan(20_000)
    expect(await ask(used, 'String(Promise.try)')).toBe('function try() { [native code] }')
  })
})

describe('a late built-in that a source captured is V8\'s own in sessions', () => {
  test.each([
    ['a function', 'const { try: attempt } = Promise; globalThis.ask = () => attempt.call(Promise, (n) => n + 1, 2)', 3],
    ['a method', 'const { getOrInsert } = Map.prototype; globalThis.ask = () => getOrInsert.call(new Map(), 1, 2)', 2],
    ['a getter', 'const { get } = Object.getOwnPropertyDescriptor(Intl.Locale.prototype, "variants"); globalThis.ask = () => get.call(new Intl.Locale("de-1996"))', '1996'],
    ['a class', 'const Stack = DisposableStack; globalThis.ask = () => [new Stack() instanceof DisposableStack, new DisposableStack() instanceof Stack, Stack.prototype === DisposableStack.prototype]', [true, true, true]],
    ['a subclass', 'let log = []; class Own extends DisposableStack { defer(run) { super.defer(() => { log.push("own"); run() }) } } globalThis.ask = () => { { using stack = new Own(); stack.defer(() => log.push("deferred")); log.push(stack instanceof DisposableStack, stack.disposed) } return log }', [true, false, 'own', 'deferred']],
    ['a function that can\'t be used before', 'const { from } = Temporal.PlainDate; globalThis.ask = () => String(from("2024-02-29"))', '2024-02-29'],
    ['a class that can\'t be used before', 'const { Duration } = Temporal; globalThis.ask = () => [String(new Duration(1)), Duration.from("P2Y").years, Duration.from("P1D") instanceof Duration]', ['P1Y', 2, true]],
    ['a subclass of such a class', 'class Halves extends Float16Array { sum() { return this.reduce((a, b) => a + b) } } globalThis.ask = () => [Halves.of(1.5, 2).sum(), Halves.BYTES_PER_ELEMENT, new Halves(1) instanceof Float16Array]', [3.5, 2, true]],
    ['a namespace', 'const Own = Temporal; const { Now } = Temporal; globalThis.ask = () => [Own.Instant === Temporal.Instant, typeof Now.timeZoneId(), Object.keys(Own).length]', [true, 'string', 0]],
    ['a prototype', 'const { prototype } = Temporal.PlainTime; globalThis.ask = () => [prototype.add === Temporal.PlainTime.prototype.add, prototype.isPrototypeOf(new Temporal.PlainTime())]', [true, false]],
    ['WebAssembly', 'const Wasm = WebAssembly; globalThis.ask = () => new Wasm.Memory({ initial: 1 }).buffer.byteLength', 65536],
    ['one that a polyfill wraps', 'const { escape } = RegExp; RegExp.escape = (text) => `own ${escape(text)}`; globalThis.ask = () => RegExp.escape("a.b")', 'own \\x61\\.b'],
  ])('%s', async (_, bundle, expected) => {
    const snapshot = await buildSnapshot({ bundle })
    expect(await ask(snapshot, 'ask()')).toEqual(expected)
  })

  test('and in sessions of a snapshot on top', async () => {
    const base = await buildSnapshot({ bundle: 'const { try: attempt } = Promise; globalThis.first = () => attempt.call(Promise, () => "first"); delete WebAssembly.compile; Math.sumPrecise = () => "mine"' })
    const snapshot = await buildSnapshot({ base, bundle: 'const { escape } = RegExp; globalThis.second = async () => [await first(), escape("."), typeof WebAssembly.compile, typeof WebAssembly.instantiate, Math.sumPrecise()]; globalThis.atBuild = attempt === Promise.try; second().then((value) => { globalThis.built = value })' })
    const expected = ['first', '\\.', 'undefined', 'function', 'mine']
    expect(await ask(snapshot, 'second()')).toEqual(expected)
    expect(await ask(snapshot, 'built')).toEqual(expected)
    expect(await ask(snapshot, 'atBuild')).toBe(true)
  })
})

describe('an object that a stand-in made', () => {
  test('works in sessions', async () => {
    const snapshot = await buildSnapshot({
      bundle: `globalThis.log = []
        globalThis.stack = new DisposableStack(); stack.defer(() => log.push('deferred')); stack.use({ [Symbol.dispose]() { throw new Error('used') } }); stack.defer(() => { throw new Error('first') })
        globalThis.later = new AsyncDisposableStack(); later.defer(async () => { await null; log.push('later') })
        globalThis.error = new SuppressedError(1, 2, 'text'); globalThis.compile = new WebAssembly.CompileError('text')`,
    })
    expect(await ask(snapshot, 'try { stack.move().dispose() } catch (error) { [error instanceof SuppressedError, error.error.message, error.suppressed.message, log, stack.disposed, stack instanceof DisposableStack, stack.constructor === DisposableStack] }')).toEqual([true, 'used', 'first', ['deferred'], true, true, true])
    expect(await ask(snapshot, 'later.disposeAsync().then(() => [log, later.disposed, later instanceof AsyncDisposableStack])')).toEqual([['later'], true, true])
    expect(await ask(snapshot, '[error instanceof SuppressedError, error instanceof Error, error.error, String(error), String(compile), compile instanceof WebAssembly.CompileError, Error.isError(error)]')).toEqual([true, true, 1, 'SuppressedError: text', 'CompileError: text', true, true])
  })

  test('is an iterator helper of V8\'s own, for Iterator.concat', async () => {
    const snapshot = await buildSnapshot({ bundle: 'globalThis.values = Iterator.concat([1, 2], [3]); values.next()' })
    expect(await ask(snapshot, '[...values]')).toEqual([2, 3])
  })
})

describe('what a source does to a late built-in is done again in each session', () => {
  test.each([
    ['a polyfill', 'Promise.try = () => "mine"', 'Promise.try', 'Promise.try()', 'mine'],
    ['a deletion', 'delete globalThis.Temporal', 'Temporal', 'typeof Temporal', 'undefined'],
    ['a method', 'Map.prototype.getOrInsert = () => "mine"', 'Map.prototype.getOrInsert', 'new Map().getOrInsert()', 'mine'],
    ['a symbol', 'delete Iterator.prototype[Symbol.dispose]', 'Iterator.prototype[Symbol.dispose]', 'typeof [].values()[Symbol.dispose]', 'undefined'],
    ['a getter', 'Object.defineProperty(Intl.Locale.prototype, "variants", { get: () => "mine" })', 'Intl.Locale.prototype.variants', 'new Intl.Locale("en").variants', 'mine'],
    ['a global', 'var WebAssembly = { mine: "mine" }', 'WebAssembly', 'WebAssembly.mine', 'mine'],
    ['an accessor', 'Object.defineProperty(globalThis, "DisposableStack", { get: () => "mine" })', 'DisposableStack', 'DisposableStack', 'mine'],
    ['attributes', 'Object.defineProperty(Math, "f16round", { enumerable: true, writable: false })', 'Math.f16round', 'JSON.stringify([Object.getOwnPropertyDescriptor(Math, "f16round"), String(Math.f16round)])', '[{"writable":false,"enumerable":true,"configurable":true},"function f16round() { [native code] }"]'],
    ['a deleted Atomics', 'delete globalThis.Atomics', 'Atomics', 'typeof Atomics', 'undefined'],
    ['a replaced Uint8Array', 'globalThis.Uint8Array = class { mine = "mine" }', 'Uint8Array', 'new Uint8Array().mine + (typeof Uint8Array.fromHex)', 'mineundefined'],
    ['a replaced Math', 'globalThis.Math = { mine: Math }', 'Math', 'Math.mine.sumPrecise([1, 2]) + (typeof Math.max)', '3undefined'],
    ['Math as an accessor', 'const own = Math; Object.defineProperty(globalThis, "Math", { get: () => own, configurable: true })', 'Math', 'Math.f16round(1.337) === 1.3369140625', true],
    ['a stack trace limit that is a getter', 'Object.defineProperty(Error, "stackTraceLimit", { get: () => 7 })', 'Error.stackTraceLimit', 'Error.stackTraceLimit', 7],
    ['a stack trace limit that is no number', 'Error.stackTraceLimit = "many"', 'Error.stackTraceLimit', 'Error.stackTraceLimit', 'many'],
    ['a read-only stack trace limit', 'Object.defineProperty(Error, "stackTraceLimit", { value: 3, writable: false })', 'Error.stackTraceLimit', 'Error.stackTraceLimit = 5; Error.stackTraceLimit', 3],
    ['something inside of one', 'delete WebAssembly.instantiate; WebAssembly.mine = "mine"', 'WebAssembly', 'typeof WebAssembly.instantiate + typeof WebAssembly.compile + WebAssembly.mine', 'undefinedfunctionmine'],
    ['a property of a function', 'Promise.try.mine = "mine"', 'Promise.try', 'Promise.try.mine + String(Promise.try)', 'minefunction try() { [native code] }'],
    ['a method of a late class', 'Temporal.PlainDate.prototype.mine = function () { return `mine ${this.day}` }', 'Temporal.PlainDate.prototype', 'new Temporal.PlainDate(2024, 5, 6).mine()', 'mine 6'],
    ['frozen inside', 'Object.freeze(WebAssembly); Object.freeze(WebAssembly.Memory.prototype)', 'WebAssembly', 'JSON.stringify([Object.isFrozen(WebAssembly), Object.isFrozen(WebAssembly.Memory.prototype), new WebAssembly.Memory({ initial: 2 }).buffer.byteLength])', '[true,true,131072]'],
    ['another prototype', 'Object.setPrototypeOf(SuppressedError, null)', 'SuppressedError', 'Object.getPrototypeOf(SuppressedError) === null && new SuppressedError(1, 2) instanceof Error', true],
  ])('%s', async (_, bundle, path, question, expected) => {
    const snapshot = await buildSnapshot({ bundle })
    expect(noticed(snapshot)).toContain(`deferred-builtin ${path}`)
    expect(await ask(snapshot, question)).toBe(expected)
    expect(snapshot.info.warnings[0]).toMatchObject({ message: expect.stringContaining(path), hint: expect.stringMatching(/./) })
  })

  test('as are all at once, in each of several sessions', async () => {
    const snapshot = await buildSnapshot({ bundle: 'delete globalThis.Atomics; delete globalThis.Math; delete globalThis.Uint8Array; delete globalThis.WebAssembly; Promise.try = 1; delete Error.stackTraceLimit; Error.isError = 2' })
    for (let session = 0; session < 3; session++) {
      expect(await ask(snapshot, '[typeof Atomics, typeof Math, typeof Uint8Array, typeof WebAssembly, Promise.try, Error.stackTraceLimit, Error.isError]')).toEqual(['undefined', 'undefined', 'undefined', 'undefined', 1, undefined, 2])
    }
  })

  test('except for what was taken away from everywhere: V8 finds its own built-ins without their names', async () => {
    const snapshot = await buildSnapshot({ bundle: 'for (const name of ["Promise", "Map", "WeakMap", "DataView", "Error", "Iterator", "Date", "RegExp", "Intl", "Symbol", "Object", "Function", "ArrayBuffer"]) delete globalThis[name]' })
    expect(await ask(snapshot, 'typeof Promise + typeof WebAssembly.Module + (async () => {})().constructor.try.name')).toBe('undefinedfunctiontry')
  })
})

describe('refused is what V8 would abort on', () => {
  const paths = ['globalThis', 'Promise', 'Error', 'RegExp', 'RegExp.prototype', 'Iterator', 'Iterator.prototype', 'Map.prototype', 'WeakMap.prototype', 'Math', 'Atomics', 'DataView.prototype', 'Uint8Array', 'Uint8Array.prototype', 'Date.prototype', 'Intl.Locale.prototype']
  test.each(paths.flatMap((path) => ['freeze', 'seal', 'preventExtensions'].map((how) => [how, path])))('Object.%s(%s)', async (how, path) => {
    expect(await refused(`Object.${how}(${path})`)).toContain(`frozen-builtin ${path}`)
  })

  test('a frozen %AsyncIteratorPrototype%', async () => {
    expect(await refused('Object.freeze(Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)))')).toContain('frozen-builtin AsyncIterator.prototype')
  })

  test.each([
    ['a function declaration', 'function Temporal() {}', 'late-builtin Temporal'],
    ['a fixed polyfill', 'Object.defineProperty(Promise, "try", { value: 1, configurable: false })', 'late-builtin Promise.try'],
    ['a fixed stand-in', 'Object.defineProperty(globalThis, "WebAssembly", { configurable: false })', 'late-builtin WebAssembly'],
    ['a fixed stack trace limit', 'Object.defineProperty(Error, "stackTraceLimit", { configurable: false })', 'late-builtin Error.stackTraceLimit'],
    ['a fixed other Atomics', 'Object.defineProperty(globalThis, "Atomics", { value: 1, configurable: false })', 'replaced-builtin Atomics'],
  ])('%s', async (_, bundle, finding) => {
    expect(await refused(bundle)).toContain(finding)
    const error = await rejection(buildSnapshot({ bundle, unsafe: 'warn' }))
    expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
  })
})

describe('reported is the use of what can\'t work yet', () => {
  test.each([
    ['Temporal.Now.instant()', 'late-builtin-used Temporal.Now.instant'],
    ['new Temporal.Duration(1)', 'late-builtin-used Temporal.Duration'],
    ['Temporal.PlainDate.from("2024-02-29")', 'late-builtin-used Temporal.PlainDate.from'],
    ['new Date().toTemporalInstant()', 'late-builtin-used Date.prototype.toTemporalInstant'],
    ['new Float16Array(1)', 'late-builtin-used Float16Array'],
    ['Float16Array.of(1)', 'late-builtin-used Float16Array'],
    ['class Own extends Float16Array {}; new Own()', 'late-builtin-used Float16Array'],
    ['new WebAssembly.Memory({ initial: 1 })', 'wasm-object WebAssembly.Memory'],
    ['new WebAssembly.Table({ initial: 1, element: "anyfunc" })', 'wasm-object WebAssembly.Table'],
    ['new WebAssembly.Global({ value: "i32" })', 'wasm-object WebAssembly.Global'],
    ['WebAssembly.promising(() => {})', 'wasm-object WebAssembly.promising'],
  ])('%s', async (code, finding) => {
    const bundle = { code: `try {\n  ;(() => { ${code} })()\n} catch (error) { globalThis.message = error.message }`, name: 'own.js' }
    const error = await rejection(buildSnapshot({ bundle }))
    expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
    expect(error.findings).toHaveLength(1)
    const [found] = error.findings ?? []
    expect(`${found?.rule} ${found?.path}`).toBe(finding)
    expect(found?.source).toMatch(/^own\.js:2:\d+$/)
    const waived = await buildSnapshot({ unsafe: 'warn', bundle })
    expect(noticed(waived)).toEqual([finding])
    expect(await ask(waived, 'message')).toContain(found?.path)
  })

  test('even if nobody catches what it throws', async () => {
    expect(await refused('Temporal.Now.instant()')).toEqual(['late-builtin-used Temporal.Now.instant'])
  })

  test('once for a position', async () => {
    expect(await refused('const now = () => { try { Temporal.Now.instant() } catch {} }; for (let i = 0; i < 9; i++) now()')).toEqual(['late-builtin-used Temporal.Now.instant'])
  })
})

describe('WebAssembly', () => {
  // (func (export "add") (param i32 i32) (result i32))
  const sum = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11])'
  // The same with (import "own" "log" (func (param i32) (result i32))), called by (export "call").
  const imports = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 2, 11, 1, 3, 111, 119, 110, 3, 108, 111, 103, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 99, 97, 108, 108, 0, 1, 10, 8, 1, 6, 0, 32, 0, 16, 0, 11])'
  // (memory (export "mem") 1)
  const memory = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 7, 1, 3, 109, 101, 109, 2, 0])'

  test('instances of functions only are made on first use in each session', async () => {
    const bundle = { name: 'own.js', code: `let exports = null
      try {
        exports = new WebAssembly.Instance(new WebAssembly.Module(${sum}), {}).exports
      } catch {}
      globalThis.add = (a, b) => exports.add(a, b)
      globalThis.seen = [Object.keys(exports), exports.add.length, exports.add.name, Object.isFrozen(exports), Object.getPrototypeOf(exports)]` }
    const snapshot = await buildSnapshot({ bundle })
    expect(await ask(snapshot, '[add(2, 3), add(4, 5), seen]')).toEqual([5, 9, [['add'], 2, '0', true, null]])
    expect(await ask(undefined, `${bundle.code}; seen`)).toEqual([['add'], 2, '0', true, null])
    expect(noticed(snapshot)).toEqual(['lazy-wasm WebAssembly.Instance'])
    expect(snapshot.info.warnings[0]?.source).toMatch(/^own\.js:3:\d+$/)
  })

  test('a single function is enough to keep its instance', async () => {
    expect(await ask(await buildSnapshot({ bundle: `const { add } = new WebAssembly.Instance(new WebAssembly.Module(${sum})).exports; globalThis.ask = () => add(1, 2)` }), 'ask()')).toBe(3)
  })

  test('imported functions are those that were given', async () => {
    const bundle = `globalThis.log = []; const own = { log: (n) => { log.push(n); return n * 2 } }
      const instance = new WebAssembly.Instance(new WebAssembly.Module(${imports}), { own }); own.log = null
      globalThis.ask = () => [instance.exports.call(21), log, instance instanceof WebAssembly.Instance, String(instance)]`
    expect(await ask(await buildSnapshot({ bundle }), 'ask()')).toEqual([42, [21], true, '[object WebAssembly.Instance]'])
    expect(await ask(undefined, `${bundle.replace('own.log = null', '')}; ask()`)).toEqual([42, [21], true, '[object WebAssembly.Instance]'])
  })

  test('V8\'s own functions take a lazy module', async () => {
    const snapshot = await buildSnapshot({ bundle: `const wasm = new WebAssembly.Module(${sum}); globalThis.wasm = wasm; const { Instance } = WebAssembly; globalThis.make = () => new Instance(wasm)` })
    expect(noticed(snapshot)).toEqual(['lazy-wasm WebAssembly.Module'])
    expect(await ask(snapshot, '[wasm instanceof WebAssembly.Module, WebAssembly.Module.exports(wasm), WebAssembly.Module.imports(wasm), new WebAssembly.Instance(wasm).exports.add(1, 2), make().exports.add(3, 4), make() instanceof WebAssembly.Instance, make().constructor === WebAssembly.Instance]')).toEqual([true, [{ name: 'add', kind: 'function' }], [], 3, 7, true, true])
    expect(await ask(snapshot, 'WebAssembly.instantiate(wasm).then((instance) => instance.exports.add(5, 6))')).toBe(11)
  })

  test('what is asynchronous resolves while building', async () => {
    const snapshot = await buildSnapshot({ bundle: `globalThis.all = []; WebAssembly.compile(${sum}).then((wasm) => WebAssembly.instantiate(wasm)).then(({ exports }) => all.push(exports)); WebAssembly.instantiate(${sum}.buffer).then(({ module, instance }) => all.push(instance.exports))` })
    expect(await ask(snapshot, 'all.map(({ add }) => add(1, 1))')).toEqual([2, 2])
  })

  test('what is no module is refused as by V8', async () => {
    const cases = [`new WebAssembly.Module(new Uint8Array(8))`, `new WebAssembly.Module(${sum}.fill(1, 30))`, 'new WebAssembly.Module(1)', 'new WebAssembly.Module()', 'new WebAssembly.Instance({})', `new WebAssembly.Instance(new WebAssembly.Module(${sum}), 1)`, `new WebAssembly.Instance(new WebAssembly.Module(${imports}))`, `new WebAssembly.Instance(new WebAssembly.Module(${imports}), { own: 1 })`, `new WebAssembly.Instance(new WebAssembly.Module(${imports}), { own: { log: 1 } })`, `WebAssembly.validate(${sum})`, 'WebAssembly.validate(new Uint8Array(3))', 'WebAssembly.validate(1)', `WebAssembly.Module.imports(new WebAssembly.Module(${imports}))`, `WebAssembly.Module.exports(new WebAssembly.Module(${memory}))`]
    const code = `globalThis.tried = [${cases.map((text) => `() => ${text}`).join(', ')}].map((run) => { try { return JSON.stringify(run()) } catch (error) { return error.name } })
      Promise.all([WebAssembly.compile(new Uint8Array(8)), WebAssembly.instantiate(1)].map((promise) => promise.catch((error) => error.name))).then((names) => { globalThis.names = names })`
    const own = await ask(undefined, code, '[tried, names]')
    expect(await ask(await buildSnapshot({ bundle: code }), '[tried, names]')).toEqual(own)
  })

  test.each([
    ['a call while building', `new WebAssembly.Instance(new WebAssembly.Module(${sum})).exports.add(1, 2)`, 'wasm-object WebAssembly.Instance.prototype.exports.add'],
    ['an instance with a memory', `new WebAssembly.Instance(new WebAssembly.Module(${memory}))`, 'wasm-object WebAssembly.Instance'],
    ['an asynchronous instance with a memory', `WebAssembly.instantiate(${memory}).catch(() => {})`, 'wasm-object WebAssembly.Instance'],
  ])('%s is reported', async (_, bundle, finding) => {
    expect(await refused(`try { ${bundle} } catch {}`)).toEqual([finding])
  })
})

describe('core-js', () => {
  let code: string
  let snapshot: Snapshot
  beforeAll(async () => {
    const { outputFiles } = await build({ stdin: { contents: "import 'core-js'", resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'iife', logLevel: 'warning' })
    code = outputFiles[0]!.text
    snapshot = await buildSnapshot({ bundle: { code, name: 'core.js' } })
  })

  test('finds the same to mend as in a blank isolate', async () => {
    const shapes = await readFile(new URL('support/late-behaviour.js', import.meta.url), 'utf8')
    const own = await ask<string[]>(undefined, `${code}\n0`, `${shapes}\nbuiltinShapes()`)
    const restored = await ask<string[]>(snapshot, `${shapes}\nbuiltinShapes()`)
    // A random number of core-js's own.
    const known = (lines: string[]): string[] => lines.filter((line) => !line.includes('__core-js_shared__'))
    expect(known(restored)).toEqual(known(own))
  })

  test('works in sessions that do not see each other', { timeout: 300_000 }, async () => {
    expect(await ask(snapshot, 'Promise.try((n) => n + 1, 2)')).toBe(3)
    expect((await verifyIsolation(snapshot)).ok).toBe(true)
  })
})
