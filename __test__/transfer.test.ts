import { Buffer } from 'node:buffer'
import { createIsolate, transfer } from 'isoseed'
import type { Isolate, RemoteFunction } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const MIB = 1024 * 1024

let isolate: Isolate

beforeEach(async () => {
  isolate = await createIsolate({ memoryLimitMb: 128 })
  await isolate.eval(`
    globalThis.kept = undefined
    function keep(value) { kept = value; return value.byteLength }
    function sum(bytes) { let sum = 0; for (let i = 0; i < bytes.length; i++) sum += bytes[i]; return sum }
    function take(size) { kept = new Uint8Array(size).fill(7); return kept }
    0`)
})

afterEach(() => isolate.dispose())

const isDetached = (buffer: ArrayBuffer): boolean => {
  try {
    return new Uint8Array(buffer).length < 0
  } catch {
    return true
  }
}
const resizable = (size: number, most: number): ArrayBuffer => Reflect.construct(ArrayBuffer, [size, { maxByteLength: most }]) as ArrayBuffer
const filled = (size: number, value = 1): Uint8Array<ArrayBuffer> => new Uint8Array(size).fill(value)

const webAssemblyMemory = (): ArrayBuffer => {
  const { Memory } = Reflect.get(globalThis, 'WebAssembly') as { Memory: new (type: { initial: number }) => { buffer: ArrayBuffer } }
  return new Memory({ initial: 1 }).buffer
}

describe('into a guest', () => {
  test('a buffer arrives with its content and is detached here', async () => {
    const bytes = filled(MIB, 3)
    expect(await isolate.call('sum', [bytes], { transfer: [bytes.buffer] })).toBe(3 * MIB)
    expect(isDetached(bytes.buffer)).toBe(true)
    expect(bytes.length).toBe(0)
  })

  test('64 MB and more at once', async () => {
    const bytes = filled(64 * MIB, 1)
    expect(await isolate.call('keep', [bytes], { transfer: [bytes.buffer] })).toBe(64 * MIB)
    expect((await isolate.stats()).bufferBytes).toBeGreaterThanOrEqual(64 * MIB)
    expect(await isolate.eval('kept[64 * 1024 * 1024 - 1]')).toBe(1)
    await isolate.eval('kept = undefined')
  })

  test('the guest owns it: writes to it, transfers it on, detaches it', async () => {
    const { buffer } = filled(MIB)
    await isolate.call('keep', [buffer], { transfer: [buffer] })
    expect(await isolate.eval('new Uint8Array(kept)[5] = 9; const next = kept.transfer(); [next.byteLength, kept.detached, new Uint8Array(next)[5]]')).toEqual([MIB, true, 9])
  })

  test('several, of all kinds of views, shared between arguments and in whatever order', async () => {
    const [a, b, empty] = [filled(100, 1), new Float64Array([0.5, -0]), new ArrayBuffer(0)]
    const part = new DataView(a.buffer, 10, 20)
    const args = [{ b, a, empty }, [a.buffer, part], Buffer.from(a.buffer, 5, 10)]
    await isolate.eval(`function look({ a, b, empty }, [buffer, part], bytes) {
      return [a.buffer === buffer, part.buffer === buffer, bytes.buffer === buffer, a.length, part.byteOffset, part.byteLength, bytes.byteOffset, bytes.length, [...b], empty.byteLength]
    } 0`)
    expect(await isolate.call('look', args, { transfer: [empty, b.buffer, a.buffer] })).toEqual([true, true, true, 100, 10, 20, 5, 10, [0.5, -0], 0])
    for (const buffer of [a.buffer, b.buffer, empty]) expect(isDetached(buffer)).toBe(true)
  })

  test('beside an error in the same arguments', async () => {
    const bytes = filled(10, 2)
    await isolate.eval('function both(error, bytes) { return [error.code, bytes[9]] } 0')
    expect(await isolate.call('both', [Object.assign(new Error('r'), { code: 'E', cause: bytes }), bytes], { transfer: [bytes.buffer] })).toEqual(['E', 2])
  })

  test('beside functions and streams in the same arguments', async () => {
    await isolate.eval('globalThis.use = async (bytes, { twice }, items) => { let sum = bytes[0]; for await (const item of items) sum += await twice(item); return sum }; 0')
    const bytes = filled(MIB, 5)
    async function* items(): AsyncGenerator<number> {
      yield 1
      yield 2
    }
    expect(await isolate.call('use', [bytes, { twice: (n: number) => 2 * n }, items()], { transfer: [bytes.buffer] })).toBe(11)
    expect(isDetached(bytes.buffer)).toBe(true)
  })

  test('one that no argument refers to is detached as well', async () => {
    const { buffer } = filled(10)
    expect(await isolate.call('Math.abs', [-1], { transfer: [buffer] })).toBe(1)
    expect(isDetached(buffer)).toBe(true)
  })

  test('a resizable one keeps its room to grow', async () => {
    const buffer = resizable(10, 100)
    new Uint8Array(buffer)[9] = 4
    await isolate.call('keep', [buffer], { transfer: [buffer] })
    expect(isDetached(buffer)).toBe(true)
    expect(await isolate.eval('kept.resize(90); [kept.resizable, kept.maxByteLength, kept.byteLength, new Uint8Array(kept)[9]]')).toEqual([true, 100, 90, 4])
  })

  test('what never fits is refused and stays here, and the isolate stays usable', async () => {
    const { buffer } = filled(200 * MIB)
    const message = expect.stringContaining(`args can't be cloned: encoded it is larger than ${128 * MIB} bytes`) as string
    expect(await rejection(isolate.call('keep', [buffer], { transfer: [buffer] }))).toMatchObject({ code: 'ERR_DATA_CLONE', message })
    expect(isDetached(buffer)).toBe(false)
    expect(await isolate.eval('1 + 1')).toBe(2)
    expect((await isolate.stats()).bufferBytes).toBeLessThan(MIB)
  })

  test('it counts against the memory limit until the guest lets go', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { buffer } = filled(60 * MIB)
      await isolate.call('keep', [buffer], { transfer: [buffer] })
    }
    const second = filled(100 * MIB)
    expect(await rejection(isolate.call('keep', [second], { transfer: [second.buffer] }))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining(`a buffer of ${100 * MIB} bytes does not fit`) })
    expect(await rejection(isolate.eval('kept = [kept, new Uint8Array(80 * 1024 * 1024)]'))).toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
  })

  test('nothing is detached when an argument can not be cloned, or the signal was aborted before', async () => {
    const { buffer } = filled(10)
    expect(await rejection(isolate.call('keep', [buffer, Symbol('no')], { transfer: [buffer] }))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('args[1]') })
    expect(await rejection(isolate.call('keep', [buffer], { transfer: [buffer], signal: AbortSignal.abort('no') }))).toBe('no')
    expect(isDetached(buffer)).toBe(false)
  })

  test('a call that is given up before it begins lets go of its buffers', async () => {
    const [{ buffer }, again] = [filled(100 * MIB), filled(100 * MIB)]
    const stop = new AbortController()
    const running = isolate.eval('for (;;);', { signal: stop.signal }).catch((error: unknown) => error)
    expect(await rejection(isolate.call('keep', [buffer], { transfer: [buffer], timeoutMs: 20 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    stop.abort('enough')
    expect(await running).toBe('enough')
    expect(await isolate.call('keep', [again], { transfer: [again.buffer] })).toBe(100 * MIB)
  })

  test('a function that is not there, an isolate that is disposed', async () => {
    const [first, second] = [filled(10), filled(10)]
    expect(await rejection(isolate.call('missing', [first], { transfer: [first.buffer] }))).toMatchObject({ code: 'ERR_GUEST' })
    await isolate.dispose()
    expect(await rejection(isolate.call('keep', [second], { transfer: [second.buffer] }))).toMatchObject({ code: 'ERR_DISPOSED' })
  })
})

describe('wrong entries throw at once and detach nothing', () => {
  const good = new ArrayBuffer(4)
  const gone = new ArrayBuffer(4)
  structuredClone(gone, { transfer: [gone] })
  const cases: [string, unknown, string][] = [
    ['no list', good, 'transfer'],
    ['a number', [good, 7], 'transfer[1]'],
    ['a view', [new Uint8Array(3)], 'transfer[0]'],
    ['a Buffer', [good, Buffer.from('abc')], 'transfer[1]'],
    ['a hole', Object.assign([], { length: 1 }), 'transfer[0]'],
    ['detached', [good, gone], 'transfer[1]'],
    ['twice', [good, good], 'transfer[1]'],
    ['shared', [new SharedArrayBuffer(4)], 'transfer[0]'],
    ["a Buffer's pool", [Buffer.from('abc').buffer], 'transfer[0]'],
    ["WebAssembly's memory", [webAssemblyMemory()], 'transfer[0]'],
    ['a liar', [Object.create(ArrayBuffer.prototype)], 'transfer[0]'],
  ]
  test.each(cases)('%s', (_, list, name) => {
    expect(() => isolate.call('keep', [good], { transfer: list as never })).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(`isolate.call: ${name} must`) }),
    )
    expect(good.byteLength).toBe(4)
  })

  test('eval has nothing to transfer; transferResult is a boolean', () => {
    expect(() => isolate.eval('1', { transfer: [good] })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('transfer') }))
    expect(() => isolate.eval('1', { transferResult: 1 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('transferResult') }))
    expect(() => transfer(1 as never, [])).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('value') }))
    expect(() => transfer({}, [1 as never])).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('buffers[0]') }))
  })
})

describe("a binding's answer", () => {
  const guest = async (answer: () => unknown): Promise<Isolate> =>
    createIsolate({ memoryLimitMb: 64, bindings: { answer }, globals: { kept: undefined } })

  test('moves what it marks', async () => {
    const bytes = filled(MIB, 5)
    await using guests = await guest(() => transfer({ bytes }, [bytes.buffer]))
    expect(await guests.eval('answer().then(({ bytes }) => [bytes.length, bytes[7]])')).toEqual([MIB, 5])
    expect(isDetached(bytes.buffer)).toBe(true)
  })

  test('the mark holds for one answer; without it an answer is copied', async () => {
    const value = { bytes: filled(MIB, 5) }
    await using guests = await guest(() => value)
    expect(await guests.eval('answer().then(({ bytes }) => bytes.length)')).toBe(MIB)
    expect(value.bytes.length).toBe(MIB)
    transfer(value, [value.bytes.buffer])
    expect(await guests.eval('answer().then(({ bytes }) => bytes.length)')).toBe(MIB)
    expect(value.bytes.length).toBe(0)
  })

  test('nothing is detached if it can not be cloned; what is too large rejects in the guest', async () => {
    const bytes = filled(10)
    await using guests = await guest(() => transfer({ bytes, wrong: Symbol('no') }, [bytes.buffer]))
    expect(await guests.eval('answer().catch((error) => [error.code, error.message])')).toEqual(['ERR_DATA_CLONE', expect.stringContaining('answer().wrong')])
    expect(bytes.length).toBe(10)
    const large = filled(100 * MIB)
    await using other = await guest(() => transfer(large, [large.buffer]))
    expect(await other.eval('answer().catch((error) => error.code)')).toBe('ERR_DATA_CLONE')
    expect(isDetached(large.buffer)).toBe(false)
    const much = filled(50 * MIB)
    await using full = await guest(() => transfer(much, [much.buffer]))
    expect(await full.eval('kept = new Uint8Array(40 * 1024 * 1024); answer().catch((error) => error.name)')).toBe('RangeError')
    expect(await full.eval('1')).toBe(1)
  })
})

describe('out of a guest', () => {
  test.each([
    ['a small view', 10],
    ['a large view', MIB],
    ['64 MB', 64 * MIB],
  ])('%s arrives, and is detached there', async (_, size) => {
    const bytes = await isolate.call<Uint8Array>('take', [size], { transferResult: true })
    expect([bytes.length, bytes[0], bytes[size - 1]]).toEqual([size, 7, 7])
    expect(await isolate.eval('[kept.length, kept.buffer.detached]')).toEqual([0, true])
    bytes[0] = 1
    expect(bytes[0]).toBe(1)
  })

  test('only when it is asked for', async () => {
    await isolate.call('take', [MIB])
    expect(await isolate.eval('kept.length')).toBe(MIB)
  })

  test('wherever in the result, from eval and behind a promise', async () => {
    const result = await isolate.eval<{ map: Map<unknown, unknown>; list: [ArrayBuffer, Uint8Array]; same: ArrayBuffer; error: Error }>(
      `globalThis.buffers = [1, 2, 3, 4].map((fill) => new Uint8Array(50_000).fill(fill).buffer)
       Object.defineProperty(Array.prototype, 0, { set() { throw new Error('setter') }, configurable: true })
       Promise.resolve().then(() => ({
         map: new Map([[new Set([buffers[0]]), { deep: [[{ view: new Uint16Array(buffers[1], 2, 4) }]] }]]),
         list: [buffers[2], new Uint8Array(buffers[2], 10)],
         same: buffers[2],
         error: new Error('r', { cause: buffers[3] }),
       }))`,
      { transferResult: true },
    )
    const [[set, { deep }]] = [...result.map] as [[Set<ArrayBuffer>, { deep: [[{ view: Uint16Array }]] }]]
    expect([...set][0]?.byteLength).toBe(50_000)
    expect([...deep[0][0].view]).toEqual([0x202, 0x202, 0x202, 0x202])
    expect(result.list[1].buffer).toBe(result.list[0])
    expect(result.same).toBe(result.list[0])
    expect((result.error.cause as ArrayBuffer).byteLength).toBe(50_000)
    expect(await isolate.eval('buffers.map((buffer) => buffer.detached)')).toEqual([true, true, true, true])
  })

  test('a resizable one and the memory of WebAssembly are copied', async () => {
    const result = await isolate.eval<[ArrayBuffer & { resizable: boolean; maxByteLength: number }, ArrayBuffer]>(
      'globalThis.both = [new ArrayBuffer(50_000, { maxByteLength: 60_000 }), new WebAssembly.Memory({ initial: 1 }).buffer]; both',
      { transferResult: true },
    )
    expect([result[0].resizable, result[0].maxByteLength, result[1].byteLength]).toEqual([true, 60_000, 65_536])
    expect(await isolate.eval('both.map((buffer) => buffer.byteLength)')).toEqual([0, 65_536])
  })

  test('it does not count for the guest any more, and lives on when the isolate is gone', async () => {
    const results: Uint8Array[] = []
    for (let round = 0; round < 8; round += 1) results.push(await isolate.call<Uint8Array>('take', [40 * MIB], { transferResult: true }))
    expect((await isolate.stats()).bufferBytes).toBeLessThan(MIB)
    await isolate.dispose()
    for (const bytes of results) expect([bytes.length, bytes[40 * MIB - 1]]).toEqual([40 * MIB, 7])
  })

  test('from one guest into another', async () => {
    const bytes = await isolate.call<Uint8Array<ArrayBuffer>>('take', [MIB], { transferResult: true })
    await using other = await createIsolate()
    await other.eval('function sum(bytes) { return bytes.reduce((a, b) => a + b, 0) } 0')
    expect(await other.call('sum', [bytes], { transfer: [bytes.buffer] })).toBe(7 * MIB)
    expect(isDetached(bytes.buffer)).toBe(true)
  })

  test('beside a function in the same result', async () => {
    const result = await isolate.eval<{ bytes: Uint8Array; first: RemoteFunction<[], number> }>('const bytes = new Uint8Array(1e6).fill(3); ({ bytes, first: () => bytes.length })', { transferResult: true })
    expect(result.bytes.length).toBe(1e6)
    expect(result.bytes[999_999]).toBe(3)
    expect(await result.first()).toBe(0)
  })

  test('what can not be cloned stays where it is', async () => {
    expect(await rejection(isolate.eval('take(1e6); ({ kept, wrong: Symbol() })', { transferResult: true }))).toMatchObject({ code: 'ERR_DATA_CLONE', message: expect.stringContaining('result.wrong') })
    expect(await isolate.eval('kept.length')).toBe(1e6)
    expect(await rejection(isolate.eval('({ kept, get wrong() { throw new RangeError("mine") } })', { transferResult: true }))).toMatchObject({ code: 'ERR_GUEST', message: 'mine' })
    expect(await isolate.eval('kept.length')).toBe(1e6)
  })

  test('getters that play with the buffer meanwhile', async () => {
    const code = (trick: string): string => `{ let seen = 0
      const view = new Uint8Array(100_000).fill(3)
      ;({ view, get trick() { seen++; ${trick} } }) }`
    const detaching = await isolate.eval<{ view: Uint8Array }>(code('if (seen === 2) view.buffer.transfer(); return 1'), { transferResult: true }).catch((error: unknown) => error as Error)
    expect(detaching).toMatchObject({ code: 'ERR_DATA_CLONE' })
    const late = await isolate.eval<{ trick: Uint8Array }>(code('return seen === 2 ? new Uint8Array(100_000).fill(4) : 1'), { transferResult: true })
    expect([late.trick.length, late.trick[5]]).toEqual([100_000, 4])
    expect(await rejection(isolate.eval(code('for (;;);'), { transferResult: true, timeoutMs: 100 }))).toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await isolate.eval('1')).toBe(1)
  })

  test('a walk that does not end is stopped by the limits', async () => {
    expect(await rejection(isolate.eval('({ get next() { return { __proto__: null, get next() { return Object.create(null, { next: { enumerable: true, get: Object.getOwnPropertyDescriptor(this, "next").get } }) } } } })', { transferResult: true, timeoutMs: 300 }))).toMatchObject({
      code: expect.stringMatching(/ERR_TIMEOUT|ERR_MEMORY_LIMIT/),
    })
  })
})
