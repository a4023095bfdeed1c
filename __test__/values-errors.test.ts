import { runInThisContext } from 'node:vm'
import { createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let isolate: Isolate

beforeEach(async () => {
  isolate = await createIsolate()
  await isolate.eval('globalThis.identity = (value) => value; 1')
})

afterEach(() => isolate.dispose())

const sides: [string, <T = any>(code: string) => Promise<T>][] = [
  ['host', (code) => isolate.call('identity', [runInThisContext(`(${code})`)])],
  ['guest', (code) => isolate.eval(`(${code})`)],
]

/** All that can be seen of an error but its stack. */
function shapeOf(error: Error, seen = new Map<object, unknown>()): unknown {
  const known = seen.get(error)
  if (known !== undefined) return known
  const shape = { class: Object.prototype.toString.call(error) === '[object Error]' && Object.getPrototypeOf(error).constructor.name as string, name: error.name, own: {} as Record<string, unknown> }
  seen.set(error, shape)
  for (const key of ['message', 'code', 'cause', 'errors'] as const) {
    const own = Object.getOwnPropertyDescriptor(error, key)
    if (own === undefined) continue
    const value: unknown = own.value
    shape.own[key] = { enumerable: own.enumerable, value: value instanceof Error ? shapeOf(value, seen) : Array.isArray(value) ? value.map((item: unknown) => (item instanceof Error ? shapeOf(item, seen) : item)) : value }
  }
  return shape
}

describe.each(sides)('an error made by the %s', (_, make) => {
  const same = [
    ...['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'].map((name) => `new ${name}('text')`),
    "new AggregateError([new TypeError('a'), 'text', { own: 1 }], 'text')",
    'new Error()',
    "new Error('')",
    "new Error('\\u4f60\\ud800')",
    "new Error('text', { cause: undefined })",
    "new Error('text', { cause: { own: [1, new Map()] } })",
    "new Error('outer', { cause: new TypeError('middle', { cause: new RangeError('inner', { cause: 7n }) }) })",
    "new AggregateError([new AggregateError([new Error('deep')])], 'text', { cause: new Error('why') })",
    "Object.assign(new Error('text'), { code: 'ENOENT' })",
    "Object.assign(new RangeError('text'), { code: 7 })",
    "Object.defineProperty(new Error('text'), 'code', { value: 'HIDDEN', enumerable: false })",
    "Object.assign(new Error('text'), { message: 'changed', name: 'Renamed' })",
    "(() => { const error = new Error('me'); error.cause = error; return error })()",
    "(() => { const a = new Error('a'); const b = new Error('b', { cause: a }); a.cause = b; return a })()",
    "(() => { const all = new AggregateError([], 'all'); all.errors.push(all); return all })()",
  ]
  test.each(same.map((code) => [code]))('%s', async (code) => {
    expect(shapeOf(await make<Error>(code))).toEqual(shapeOf(runInThisContext(`(${code})`) as Error))
  })

  test.each([
    ['an own name', "Object.assign(new (class Custom extends TypeError {})('text'), { name: 'Custom' })"],
    ['a name on the prototype', "(() => { class Custom extends TypeError {} Custom.prototype.name = 'Custom'; return new Custom('text') })()"],
    ['a class field', "new (class extends TypeError { name = 'Custom' })('text')"],
  ])('of a class of its own keeps its name (%s) and the standard class beneath', async (__, code) => {
    const error = await make<Error>(code)
    expect(error).toBeInstanceOf(TypeError)
    expect(Object.getPrototypeOf(error)).toBe(TypeError.prototype)
    expect({ name: error.name, message: error.message }).toEqual({ name: 'Custom', message: 'text' })
  })

  test('of a class without a name of its own is an error of its standard class', async () => {
    const error = await make<Error>("new (class Custom extends RangeError {})('text')")
    expect(Object.getPrototypeOf(error)).toBe(RangeError.prototype)
    expect(error.name).toBe('RangeError')
  })

  test('keeps identity, wherever it is referred to from', async () => {
    const value = await make("(() => { const shared = new Error('shared'); return { shared, list: [shared], map: new Map([[shared, shared]]), set: new Set([shared]), outer: new Error('outer', { cause: shared }), all: new AggregateError([shared]) } })()")
    const { shared } = value
    expect([value.list[0], value.map.get(shared), value.outer.cause, value.all.errors[0]]).toEqual([shared, shared, shared, shared])
    for (const again of [value.list[0], value.map.get(shared), value.outer.cause, value.all.errors[0]]) expect(again).toBe(shared)
    expect(value.set.has(shared)).toBe(true)
  })

  test('crosses beside cycles through its cause', async () => {
    const root = await make('(() => { const root = { list: [] }; root.error = new Error("x", { cause: root }); root.list.push(root.error); return root })()')
    expect(root.error.cause).toBe(root)
    expect(root.list[0]).toBe(root.error)
  })

  test('other own properties do not cross, as with structuredClone', async () => {
    expect(Object.keys(await make("Object.assign(new Error('text'), { code: 'X', extra: 1 })"))).toEqual(['code'])
  })

  test('what is only named like an error is an object', async () => {
    const value = await make<object>("({ name: 'TypeError', message: 'text', stack: 'none' })")
    expect(value).toEqual({ name: 'TypeError', message: 'text', stack: 'none' })
    expect(value).not.toBeInstanceOf(Error)
  })
})

describe('stacks', () => {
  test('a guest\'s error shows the guest\'s files, and nothing of the host', async () => {
    const error = await isolate.eval<Error>({ code: '\n  function make() { return new Error("text") }\nmake()', name: 'guest/file.js' })
    expect(error.stack).toBe('Error: text\n    at make (guest/file.js:2:28)\n    at guest/file.js:3:1')
    expect(Object.getOwnPropertyDescriptor(error, 'stack')).toMatchObject({ enumerable: false })
  })

  test('an error without a stack gets none of the host\'s', async () => {
    const error = await isolate.eval<Error>('(() => { const error = new TypeError("text"); delete error.stack; return error })()')
    expect(error.stack).toBe('TypeError: text')
  })

  test('a stack that is no text does not cross', async () => {
    const error = await isolate.eval<Error>('Object.assign(new Error("text"), { stack: { own: 1 } })')
    expect(error).toMatchObject({ message: 'text' })
    expect(error.stack ?? '').toBeTypeOf('string')
  })

  test('a long stack crosses whole', async () => {
    const error = await isolate.eval<Error>('Error.stackTraceLimit = 100; const deep = (n) => n === 0 ? new Error("x") : deep(n - 1); deep(60)')
    expect(error.stack?.split('\n').length).toBeGreaterThan(60)
  })
})

test('a chain of a thousand causes crosses both ways', async () => {
  const make = '(() => { let last; for (let i = 0; i < 1000; i++) last = new Error("e" + i, { cause: last }); return last })()'
  for (const [, side] of sides) {
    let length = 0
    for (let error: unknown = await side(make); error instanceof Error; error = error.cause) length += 1
    expect(length).toBe(1000)
  }
})
