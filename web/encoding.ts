// https://encoding.spec.whatwg.org/#api
import { dictionary, isBufferSource, need, shape, usv } from './idl.js'

const EMPTY = new Uint8Array(0)

export class TextEncoder {
  get encoding(): string {
    return requireEncoder(this, 'utf-8')
  }

  encode(input: unknown = ''): Uint8Array<ArrayBuffer> {
    requireEncoder(this, undefined)
    return utf8(`${input as string}`)
  }

  encodeInto(source: unknown, destination: unknown): { read: number; written: number } {
    requireEncoder(this, undefined)
    need('TextEncoder.encodeInto', 2, arguments.length)
    const text = `${source as string}`
    if (!(destination instanceof Uint8Array)) throw new TypeError('TextEncoder.encodeInto: the destination must be a Uint8Array')
    const read = new Uint32Array(1)
    const written = system.utf8Write(text, destination, read)
    return { read: read[0]!, written }
  }

  static {
    shape(TextEncoder, 'TextEncoder')
  }
}

/** A string's bytes in UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(system.utf8Length(text))
  if (bytes.length > 0) system.utf8Write(text, bytes)
  return bytes
}

function requireEncoder<T>(value: unknown, result: T): T {
  if (!(value instanceof TextEncoder)) throw new TypeError('the receiver is no TextEncoder')
  return result
}

export interface DecoderOptions {
  fatal: boolean
  ignoreBOM: boolean
}

export class TextDecoder {
  readonly #encoding: string
  readonly #fatal: boolean
  readonly #ignoreBOM: boolean
  #state: DecoderState | undefined

  constructor(label: unknown = 'utf-8', options: unknown = undefined) {
    const name = usv(label)
    const encoding = system.encodingOf(name)
    if (encoding === undefined) throw new RangeError(`The "${name}" encoding is not supported`)
    const { fatal, ignoreBOM } = dictionary<DecoderOptions>(options, 'The options of TextDecoder')
    this.#encoding = encoding
    this.#fatal = Boolean(fatal)
    this.#ignoreBOM = Boolean(ignoreBOM)
  }

  get encoding(): string {
    return this.#encoding
  }

  get fatal(): boolean {
    return this.#fatal
  }

  get ignoreBOM(): boolean {
    return this.#ignoreBOM
  }

  decode(input: unknown = EMPTY, options: unknown = undefined): string {
    const isStream = Boolean(dictionary<{ stream: boolean }>(options, 'The options of decode').stream)
    if (!isBufferSource(input)) throw new TypeError('TextDecoder.decode: the input must be an ArrayBuffer or a view of one')
    if (!isStream && this.#state === undefined) return system.decode(this.#encoding, input, this.#fatal, this.#ignoreBOM)
    const state: DecoderState = this.#state ?? ['', 0, false]
    // After an error, and after the end, a new text begins.
    this.#state = undefined
    const text = system.decodeChunk(this.#encoding, input, this.#fatal, this.#ignoreBOM, state, !isStream)
    if (isStream) this.#state = state
    return text
  }
}

shape(TextDecoder, 'TextDecoder')

/** What bytes in UTF-8 say, without a byte order mark. */
export function utf8Decode(bytes: Uint8Array): string {
  return system.decode('utf-8', bytes, false, false)
}
