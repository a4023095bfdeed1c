import { Serializer } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { decode } from '../../lib/decode.js'
import { encode } from '../../lib/encode.js'
import { GuestError, IsoseedError } from '../../lib/errors.js'
import { toError } from '../../lib/native-error.js'
import { always, never } from './reader.js'

const cross = <T>(value: T): T => decode(encode(value, 'value', always)) as T

describe('errors of a guest', () => {
  test('keep class, message, stack, cause and code', () => {
    const error = Object.assign(new RangeError('far', { cause: new Error('near') }), { code: 'E', stack: 'RangeError: far\n    at guest.js:1:2' })
    const copy = cross({ error })
    expect(copy.error).toBeInstanceOf(RangeError)
    expect(copy.error.stack).toBe('RangeError: far\n    at guest.js:1:2')
    expect([copy.error.message, copy.error.code, (copy.error.cause as Error).message]).toEqual(['far', 'E', 'near'])
  })

  test('without a stack show no stack of the host', () => {
    const error = new TypeError('bare')
    Reflect.deleteProperty(error, 'stack')
    expect(cross(error).stack).toBe('TypeError: bare')
    error.name = 'Mine'
    error.message = ''
    expect(cross(error).stack).toBe('Mine')
  })

  test('AggregateError without errors has none', () => {
    const error = new AggregateError([1])
    Reflect.deleteProperty(error, 'errors')
    expect(Object.hasOwn(cross(error), 'errors')).toBe(false)
  })

  test('the stack trace limit is left as it was', () => {
    Error.stackTraceLimit = 7
    cross(new Error('x'))
    expect(Error.stackTraceLimit).toBe(7)
  })
})

test.each([new Uint8Array(0), new Uint8Array([0xff]), new Uint8Array([0xff, 0x0f]), new Uint8Array([0xff, 0xff, 0x22]), new Uint8Array([0xff, 0x0f, 0x5c, 9])])(
  'bytes that are no message are a typed error: %o',
  (bytes) => {
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'ERR_DATA_CLONE' }))
  },
)

describe('errors that the native side reports', () => {
  test('a guest error carries the guest\'s name, stack, cause, code and errors', () => {
    const thrown = encode(Object.assign(new AggregateError([1], 'm', { cause: 2 }), { code: 'E' }), 'value', always)
    const error = toError({ code: 'ERR_GUEST', message: 'm', name: 'AggregateError', stack: 'guest stack', thrown })
    expect(error).toBeInstanceOf(GuestError)
    expect(error).toBeInstanceOf(IsoseedError)
    expect(error).toMatchObject({ code: 'ERR_GUEST', name: 'AggregateError', message: 'm', stack: 'guest stack', cause: 2, guestCode: 'E', errors: [1] })
    expect(Object.keys(error)).toEqual(['code', 'guestCode'])
  })

  test('a thrown value that is no error is the cause', () => {
    const error = toError({ code: 'ERR_GUEST', message: 'guest threw 42', thrown: encode(42, 'value', never) })
    expect(error).toMatchObject({ name: 'Error', message: 'guest threw 42', stack: 'Error: guest threw 42', cause: 42 })
  })

  test('a thrown value that can not cross leaves no cause', () => {
    const error = toError({ code: 'ERR_GUEST', message: 'guest threw a function' })
    expect('cause' in error).toBe(false)
  })

  test('a thrown value that can not be read does not hide the guest error', () => {
    const error = toError({ code: 'ERR_GUEST', message: 'm', thrown: new Uint8Array([1]) })
    expect(error).toMatchObject({ code: 'ERR_GUEST' })
    expect(error.cause).toMatchObject({ code: 'ERR_DATA_CLONE' })
  })

  test('what only the isolate could refuse is misuse like the rest', () => {
    expect(toError({ code: 'ERR_INVALID_ARG', message: 'm' })).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG' })
  })

  test('causes are converted, findings parsed', () => {
    const error = toError({ code: 'ERR_DISPOSED', message: 'finished', cause: { code: 'ERR_MEMORY_LIMIT', message: 'over' } })
    expect(error.cause).toBeInstanceOf(IsoseedError)
    expect(error).toMatchObject({ name: 'IsoseedError', code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
    expect('findings' in error).toBe(false)
    const finding = { rule: 'r', path: 'p', message: 'm', hint: 'h' }
    expect(toError({ code: 'ERR_SNAPSHOT_UNSAFE', message: 'm', findings: JSON.stringify([finding]) })).toMatchObject({ findings: [finding] })
  })
})

test('a message that V8 wrote itself, with native views', () => {
  const serializer = new Serializer()
  serializer.writeHeader()
  serializer.writeValue({ bytes: new Uint8Array([1, 2]) })
  serializer.writeUint32(0)
  expect(decode(serializer.releaseBuffer())).toEqual({ bytes: new Uint8Array([1, 2]) })
})
