import { Deserializer } from 'node:v8'
import { IsoseedError } from './errors.js'
import type { References } from './references.js'
import { ERROR_SHELL, MORE_DETAILS, ReferenceKind, broughtBy } from './wire.js'
import type { Brought, Nature } from './wire.js'

/** By their number on the wire. */
const CONSTRUCTORS: readonly (() => Error)[] = [
  () => new Error(),
  () => new EvalError(),
  () => new RangeError(),
  () => new ReferenceError(),
  () => new SyntaxError(),
  () => new TypeError(),
  () => new URIError(),
  () => new AggregateError([]),
]

/**
 * Decodes a value that a guest sent.
 *
 * @param references makes something of its functions and streams
 * @param buffers what moved beside the message, by number
 * @throws `IsoseedError` with `ERR_DATA_CLONE` if this Node can't read it
 */
export function decode(bytes: Uint8Array, references?: References, buffers: readonly ArrayBuffer[] = []): unknown {
  const brought = references === undefined ? [] : broughtBy(bytes)
  if (brought.length === 0) return read(bytes, references, brought, buffers)
  references?.receive(brought)
  try {
    return read(bytes, references, brought, buffers)
  } finally {
    references?.received(brought)
  }
}

function read(
  bytes: Uint8Array,
  references: References | undefined,
  brought: readonly Brought[],
  buffers: readonly ArrayBuffer[],
): unknown {
  try {
    const reader = new Reader(bytes)
    if (references !== undefined) reader.references = references
    if (brought.length > 0) reader.natures = new Map(brought.map(({ number, nature }) => [number, nature]))
    for (const [number, buffer] of buffers.entries()) reader.transferArrayBuffer(number, buffer)
    reader.readHeader()
    const value: unknown = reader.readValue()
    while (reader.readUint32() === MORE_DETAILS) reader.readDetails()
    reader.nameStacklessErrors()
    return value
  } catch (cause) {
    const words = String((cause as Partial<Error>)?.message)
    const why = words.includes('call stack size exceeded') ? 'it is nested too deeply' : words
    throw new IsoseedError('ERR_DATA_CLONE', `a value of the guest can't be read: ${why}`, { cause })
  }
}

/** V8's deserializer with the error shells of `wire.ts`; without private members, as `Writer`. */
class Reader extends Deserializer {
  /** Errors that have no stack yet; made when the first error is met. */
  declare stackless?: Set<Error>
  declare references?: References
  /** Of what the message brings, by number. */
  declare natures?: ReadonlyMap<number, Nature>

  _readHostObject(): object {
    const kind = this.readUint32()
    if ((kind === ReferenceKind.Function || kind === ReferenceKind.Stream) && this.references !== undefined) {
      const owner = this.readUint32()
      const number = this.readUint32()
      return this.references.read(owner, number, this.natures?.get(number))
    }
    if (kind !== ERROR_SHELL) throw new Error(`unknown kind of object ${kind}`)
    const make = CONSTRUCTORS[this.readUint32()]
    if (make === undefined) throw new Error('unknown class of error')
    const error = withoutStack(make)
    this.stackless ??= new Set()
    this.stackless.add(error)
    return error
  }

  /** Reads the parts of one error: `[shell, key, enumerable, value, ...]`. */
  readDetails(): void {
    const [error, ...parts] = this.readValue() as [Error, ...unknown[]]
    for (let index = 0; index + 2 < parts.length; index += 3) {
      const key = parts[index] as string
      // As the host's own errors are sent: of these two only text crosses.
      if ((key === 'stack' || key === 'name') && typeof parts[index + 2] !== 'string') continue
      if (key === 'stack') this.stackless?.delete(error)
      define(error, key, parts[index + 2], parts[index + 1] === true)
    }
  }

  /** An error without a stack of its own must not show where on the host it was decoded. */
  nameStacklessErrors(): void {
    if (this.stackless === undefined) return
    for (const error of this.stackless) {
      const name = text(error.name, 'Error')
      const message = text(error.message, '')
      define(error, 'stack', message === '' ? name : `${name}: ${message}`, false)
    }
  }
}

/** Capturing the host's stack is slow, and it would be thrown away. */
function withoutStack(make: () => Error): Error {
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = 0
  } catch {
    // Not writable under `--frozen-intrinsics`: slower, but right.
  }
  try {
    const error = make()
    // `errors` comes with the details, like everything else.
    Reflect.deleteProperty(error, 'errors')
    return error
  } finally {
    try {
      Error.stackTraceLimit = limit
    } catch {
      // As above.
    }
  }
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}

/** The guest can give an error any name and message, even ones that can't be made text. */
function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
