import { createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate } from 'isoseed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

/** A value nested so deep; for the guest, too. */
function nest(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i += 1) value = i % 2 ? { a: value } : [value]
  return value
}
const NEST = String(nest)
const depthOf = (value: any): number => {
  let depth = 0
  for (let inner = value; typeof inner === 'object'; depth += 1) inner = inner.a ?? inner[0]
  return depth
}
const refused = (message: RegExp): object => ({ code: 'ERR_DATA_CLONE', message: expect.stringMatching(message) as string })

describe('without limits of the host', () => {
  let isolate: Isolate

  beforeAll(async () => {
    isolate = await createIsolate({ memoryLimitMb: 128, bindings: { take: (value: unknown) => typeof value, answer: (depth: number) => nest(depth) } })
    await isolate.eval(`${NEST}; function depthOf(value) { let depth = 0; for (; typeof value === 'object'; depth++) value = value.a ?? value[0]; return depth } 0`)
  })
  afterAll(() => isolate.dispose())

  test('a value 500 deep crosses both ways', async () => {
    expect(await isolate.call('depthOf', [nest(500)])).toBe(500)
    expect(await isolate.call('depthOf', [await isolate.call('nest', [500])])).toBe(500)
    expect(await isolate.eval('take(nest(500))')).toBe('object')
    expect(await isolate.eval('answer(500).then(depthOf)')).toBe(500)
  })

  // How deep one V8 encodes and the other decodes is their own affair, and differs.
  test.each([1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 20_000, 1_000_000])('%i deep crosses whole or is ERR_DATA_CLONE, and both go on', async (depth) => {
    const told = (error: unknown): unknown => error
    const outcomes = [
      await isolate.eval(`nest(${depth})`).then(depthOf, told),
      await isolate.call('depthOf', [nest(depth)]).catch(told),
      await isolate.eval(`take(nest(${depth})).then(() => ${depth}, (error) => error)`).catch(told),
      await isolate.eval(`answer(${depth}).then(depthOf, (error) => error)`),
    ]
    const whole = depth < 20_000 ? `${depth}|` : ''
    for (const outcome of outcomes) expect(String(outcome)).toMatch(new RegExp(`^(${whole}.*nested too deeply|.*can't be read.*)$`))
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('a million deep names the path', async () => {
    expect(await rejection(isolate.eval('({ list: [1, nest(1e6)] })'))).toMatchObject(refused(/^result\.list\[1\](\.a\[0\])+…(\[0\]|\.a)+ can't be cloned: it is nested too deeply$/))
    expect(await rejection(isolate.call('depthOf', [1, nest(1e6)]))).toMatchObject(refused(/^args\[1\](\.a\[0\])+\.\.\.(\[0\]|\.a)+ can't be cloned: it is nested too deeply$/))
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test("in a binding's arguments and answer", async () => {
    expect(await isolate.eval('take(nest(1e6)).catch((error) => `${error.name}: ${error.message}`)')).toMatch(/^TypeError: take arguments\[0\].*nested too deeply$/)
    expect(await isolate.eval('answer(1e6).catch((error) => `${error.code}: ${error.message}`)')).toMatch(/^ERR_DATA_CLONE: answer\(\)\.a.*nested too deeply$/)
  })

  test('chains of errors, maps and sets', async () => {
    const chain = await isolate.eval<Error>('let error = new Error("0"); for (let i = 0; i < 20_000; i++) error = new Error("r", { cause: error }); ({ error })')
    let length = 0
    for (let error: unknown = Reflect.get(chain, 'error'); error instanceof Error; error = error.cause) length += 1
    expect(length).toBe(20_001)
    for (const wrap of ['new Map([[1, value]])', 'new Map([[value, 1]])', 'new Set([value])']) {
      expect(await rejection(isolate.eval(`{ let value = 1; for (let i = 0; i < 1e5; i++) value = ${wrap}; value }`))).toMatchObject(refused(/nested too deeply$/))
    }
  })

  test("a getter that runs out of stack by itself is the guest's own error", async () => {
    expect(await rejection(isolate.eval('({ get value() { return (function deep() { return deep() })() } })'))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError' })
  })

  test('wide values cross both ways', async () => {
    const wide = Array.from({ length: 200_000 }, (_, index) => ({ index }))
    await isolate.eval('function last(list) { return list[list.length - 1].index } function wide() { return Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key ${i}`, [i]])) } 0')
    expect(await isolate.call('last', [wide])).toBe(199_999)
    expect((await isolate.call<Record<string, number[]>>('wide'))['key 99999']).toEqual([99_999])
  })
})

describe('depth', () => {
  const limited = (depth: number, more: CreateIsolateOptions = {}): Promise<Isolate> => createIsolate({ ...more, valueLimits: { depth } })

  test('counts arrays, objects, maps and sets', async () => {
    await using isolate = await limited(3)
    await isolate.eval(`${NEST}; function identity(value) { return value } 0`)
    for (const value of [1, [], [[[]]], { a: { b: { c: 1 } } }, new Map([[1, [[1]]]]), new Set([{ a: [] }]), [[new Date(0), new Uint8Array(2), /x/]]]) {
      expect(await isolate.call('identity', [value])).toEqual(value)
    }
    for (const value of [[[[[]]]], { a: { b: { c: {} } } }, new Map([[[[new Map()]], 1]])]) {
      expect(await rejection(isolate.call('identity', [value]))).toMatchObject(refused(/^args\[0\].+ can't be cloned: it is nested deeper than 3$/))
    }
    expect(await isolate.eval('nest(3)')).toEqual([{ a: [1] }])
    expect(await rejection(isolate.eval('({ fine: 1, wrong: { b: [[]] } })'))).toMatchObject(refused(/^result\.wrong\.b\[0\] can't be cloned: it is nested deeper than 3$/))
    expect(await rejection(isolate.call('identity', [1, { wrong: { b: [[]] } }]))).toMatchObject(refused(/^args\[1\]\.wrong\.b\[0\] can't be cloned: it is nested deeper than 3$/))
    expect(await isolate.eval('1')).toBe(1)
  })

  test('a primitive and a list of primitives at depth 1', async () => {
    await using isolate = await limited(1)
    expect(await isolate.eval('[1, "two", 3n, null]')).toEqual([1, 'two', 3n, null])
    expect(await rejection(isolate.eval('[[]]'))).toMatchObject(refused(/^result\[0\] /))
  })

  test('in what binds host and guest, and in globals', async () => {
    await using isolate = await limited(2, { bindings: { take: (value: unknown) => typeof value, answer: (depth: number) => nest(depth) } })
    expect(await isolate.eval('take([[]])')).toBe('object')
    expect(await isolate.eval('take(1, [[[]]]).catch((error) => `${error.name}: ${error.message}`)')).toBe("TypeError: take arguments[1][0][0] can't be cloned: it is nested deeper than 2")
    expect(await isolate.eval('answer(2)')).toEqual({ a: [1] })
    expect(await isolate.eval('answer(3).catch((error) => `${error.code}: ${error.message}`)')).toBe("ERR_DATA_CLONE: answer()[0].a can't be cloned: it is nested deeper than 2")
    expect(await rejection(limited(2, { globals: { fine: [[]], wrong: { a: [[]] } } }))).toMatchObject(refused(/^globals\.wrong\.a\[0\] /))
  })

  test("an error's parts are values of their own", async () => {
    await using isolate = await limited(2)
    const deep = await isolate.eval<{ error: Error }>('({ error: Object.assign(new Error("r", { cause: new Error("r", { cause: [[1]] }) }), { code: [[2]] }) })')
    expect((deep.error.cause as Error).cause).toEqual([[1]])
    expect(await rejection(isolate.eval('new Error("r", { cause: [[[1]]] })'))).toMatchObject(refused(/nested deeper than 2$/))
    await isolate.eval('function cause(error) { return error.cause } 0')
    expect(await isolate.call('cause', [new Error('r', { cause: [[1]] })])).toEqual([[1]])
    expect(await rejection(isolate.call('cause', [new Error('r', { cause: [[[1]]] })]))).toMatchObject(refused(/nested deeper than 2$/))
  })

  test('what a guest throws keeps its message when its parts are too deep', async () => {
    await using isolate = await limited(1)
    expect(await rejection(isolate.eval('throw Object.assign(new Error("mine"), { code: [[[1]]] })'))).toMatchObject({ code: 'ERR_GUEST', message: 'mine' })
    expect(await rejection(isolate.eval('throw [[[1]]]'))).toMatchObject({ code: 'ERR_GUEST' })
  })
})

describe('bytes', () => {
  test('both ways, with what moves along', async () => {
    await using isolate = await createIsolate({ valueLimits: { bytes: 100_000 } })
    await isolate.eval('function identity(value) { return value } 0')
    expect(await isolate.call('identity', ['x'.repeat(90_000)])).toHaveLength(90_000)
    const large = new Uint8Array(110_000)
    expect(await rejection(isolate.call('identity', ['x'.repeat(110_000)]))).toMatchObject(refused(/^args can't be cloned: encoded it is larger than 100000 bytes$/))
    expect(await rejection(isolate.call('identity', [large], { transfer: [large.buffer] }))).toMatchObject(refused(/^args can't be cloned/))
    expect(large.length).toBe(110_000)
    expect(await rejection(isolate.eval('"x".repeat(110_000)'))).toMatchObject(refused(/^result can't be cloned: encoded it is larger than 100000 bytes$/))
    expect(await rejection(isolate.eval('globalThis.large = new Uint8Array(110_000)', { transferResult: true }))).toMatchObject(refused(/^result can't be cloned/))
    expect(await isolate.eval('large.length')).toBe(110_000)
  })

  test('a value far larger encoded than in the heap', async () => {
    await using isolate = await createIsolate({ valueLimits: { bytes: 1_000_000 } })
    expect(await rejection(isolate.eval('const text = "x".repeat(1e5); Array.from({ length: 1e5 }, () => text)'))).toMatchObject(refused(/^result can't be cloned: encoded it is larger/))
    expect(await isolate.eval('1')).toBe(1)
  })

  test('in what binds host and guest, and in globals', async () => {
    const bindings = { take: (value: string) => value.length, answer: (length: number) => 'x'.repeat(length) }
    await using isolate = await createIsolate({ bindings, valueLimits: { bytes: 1000 } })
    expect(await isolate.eval('Promise.all([take("x".repeat(900)), answer(900).then((text) => text.length)])')).toEqual([900, 900])
    expect(await isolate.eval('take("x".repeat(1100)).catch((error) => `${error.name}: ${error.message}`)')).toBe("TypeError: take arguments can't be cloned: encoded it is larger than 1000 bytes")
    expect(await isolate.eval('answer(1100).catch((error) => `${error.code}: ${error.message}`)')).toBe("ERR_DATA_CLONE: answer() can't be cloned: encoded it is larger than 1000 bytes")
    expect(await rejection(createIsolate({ globals: { text: 'x'.repeat(1100) }, valueLimits: { bytes: 1000 } }))).toMatchObject(refused(/^globals can't be cloned/))
  })

  test('sources may be as long as without', async () => {
    await using isolate = await createIsolate({ valueLimits: { bytes: 10 } })
    expect(await isolate.eval(`${' '.repeat(10_000)}1`)).toBe(1)
  })
})

test.each<[unknown, string]>([
  [{ depth: 0 }, 'valueLimits.depth'],
  [{ depth: 1.5 }, 'valueLimits.depth'],
  [{ depth: 1_000_001 }, 'valueLimits.depth'],
  [{ depth: '3' }, 'valueLimits.depth'],
  [{ bytes: 0 }, 'valueLimits.bytes'],
  [{ bytes: 2 ** 41 }, 'valueLimits.bytes'],
  [{ bytes: Infinity }, 'valueLimits.bytes'],
  [{ size: 1 }, 'size'],
  [7, 'valueLimits'],
  [[], 'valueLimits'],
])('%j throws at once', (valueLimits, name) => {
  expect(() => createIsolate({ valueLimits: valueLimits as never })).toThrow(
    expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(name) }),
  )
})

test('a getter that throws is named', () => {
  const valueLimits = { get depth(): number { throw new Error('mine') } }
  expect(() => createIsolate({ valueLimits })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('valueLimits.depth') }))
})
