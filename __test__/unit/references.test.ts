import { describe, expect, test } from 'vitest'
import { decode } from '../../lib/decode.js'
import { encode } from '../../lib/encode.js'
import { References } from '../../lib/references.js'
import { Nature, broughtBy, endWith } from '../../lib/wire.js'
import { codeOf } from '../support/rejection.js'
import { never } from './reader.js'

const isolate = (calls: unknown[] = [], released: number[] = []) => ({
  callReference: async (number: number, args: unknown[]) => void calls.push([number, args]),
  checkReferenceOptions: () => {},
  release: (references: number[]) => void released.push(...references),
})

describe('the end of a message', () => {
  const list = [
    { number: 1, nature: Nature.Function },
    { number: 2 ** 32 - 1, nature: Nature.SyncFunction },
    { number: 300, nature: Nature.Iterable },
    { number: 7, nature: Nature.Readable },
  ]

  test('lists what it brings, as the Rust side reads it', () => {
    expect([...endWith([{ number: 300, nature: Nature.Readable }])]).toEqual([2, 44, 1, 0, 0, 3, 1, 0, 0, 0, 2])
    for (let count = 1; count <= list.length; count += 1) expect(broughtBy(endWith(list.slice(0, count)))).toEqual(list.slice(0, count))
  })

  test('brings nothing when it says so', () => {
    expect(broughtBy(new Uint8Array([0xff, 0x0f, 0x5f, 0]))).toEqual([])
    for (const bytes of [[], [2], [1, 0, 0, 0, 2], [255, 255, 255, 255, 2]]) expect(broughtBy(new Uint8Array(bytes))).toEqual([])
  })

  test('is there only if there is something to bring', () => {
    const references = new References()
    expect(encode({ a: 1 }, 'value', never, references).at(-1)).toBe(0)
    expect(broughtBy(encode({ a: [() => 1] }, 'value', never, references))).toEqual([{ number: 1, nature: Nature.Function }])
  })
})

describe('what the host sends', () => {
  test('has one number as long as the guest holds it, in a message and in the next ones', () => {
    const references = new References()
    const f = () => 1
    const numbers = [encode([f, { f }], 'value', never, references), encode(f, 'value', never, references)].map((bytes) => broughtBy(bytes).map(({ number }) => number))
    expect(numbers).toEqual([[1], [1]])
    references.released([1, 1])
    expect(references.exported(1)?.call).toBe(f)
    references.released([1, 1])
    expect(references.exported(1)).toBe(undefined)
    expect(broughtBy(encode(f, 'value', never, references))[0]?.number).toBe(2)
  })

  test('stays the host\'s own when it comes back', () => {
    const references = new References()
    const f = () => 1
    encode({ f }, 'value', never, references)
    expect(decode(new Uint8Array([0xff, 0x0f, 0x5c, 2, 1, 1, 0]), references)).toBe(f)
  })

  test('is taken back when the message turns out not to be sent', () => {
    const references = new References()
    expect(() => encode([() => 1, { s: Symbol('s') }], 'value', never, references)).toThrow(/value\[1\]\.s .*a symbol/)
    expect(references.exported(1)).toBe(undefined)
  })

  test('is refused where there is nobody to hold it', () => {
    expect(() => encode([() => 1], 'value', never)).toThrow(/value\[0\] .*a function/)
  })
})

describe('what the guest sends', () => {
  const message = (number: number, nature: Nature) => {
    const kind = nature === Nature.Function ? 2 : 3
    return new Uint8Array([0xff, 0x0f, 0x5c, kind, 0, number, ...endWith([{ number, nature }])])
  }

  test('is one reference as long as it lives, given back once with how often it came', async () => {
    const [calls, released]: [unknown[], number[]] = [[], []]
    const references = new References()
    references.connect(isolate(calls, released))
    const f = decode(message(5, Nature.Function), references) as { (n: number): Promise<unknown>; dispose(): void }
    expect(decode(message(5, Nature.Function), references)).toBe(f)
    await f(1)
    expect(calls).toEqual([[5, [1]]])
    f.dispose()
    f.dispose()
    expect(released).toEqual([5, 2])
    expect(await codeOf(f(1))).toBe('ERR_DISPOSED')
    expect(decode(message(5, Nature.Function), references)).not.toBe(f)
  })

  test('is given back when the message can not be read', () => {
    const released: number[] = []
    const references = new References()
    references.connect(isolate([], released))
    const broken = new Uint8Array([0xff, 0x0f, 0x41, 2, ...message(5, Nature.Function).subarray(2)])
    expect(() => decode(broken, references)).toThrow(expect.objectContaining({ code: 'ERR_DATA_CLONE' }))
    const unread = new Uint8Array([0xff, 0x0f, 0x77, ...endWith([{ number: 9, nature: Nature.Function }])])
    expect(() => decode(unread, references)).toThrow(expect.objectContaining({ code: 'ERR_DATA_CLONE' }))
    expect(released).toEqual([9, 1])
  })

  test('that it does not bring is an error, not a crash', () => {
    const references = new References()
    for (const bytes of [[0xff, 0x0f, 0x5c, 2, 0, 5, 0], [0xff, 0x0f, 0x5c, 2, 1, 5, 0], [0xff, 0x0f, 0x5c, 2, 7, 5, 0], [0xff, 0x0f, 0x5c, 2]]) {
      expect(() => decode(new Uint8Array(bytes), references)).toThrow(expect.objectContaining({ code: 'ERR_DATA_CLONE' }))
    }
    expect(() => decode(message(5, Nature.Function))).toThrow(expect.objectContaining({ code: 'ERR_DATA_CLONE' }))
  })
})
