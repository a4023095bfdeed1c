// https://encoding.spec.whatwg.org/#interface-textdecoderstream
import { TextDecoder, utf8 } from './encoding.js'
import { getterOf, isBufferSource, methodOf, shape } from './idl.js'
import { TransformStream } from './streams.js'
import type { ReadableStream, WritableStream } from './streams.js'

export class TextDecoderStream {
  readonly #decoder: TextDecoder
  readonly #transform: TransformStream<unknown, string>

  constructor(label: unknown = undefined, options: unknown = undefined) {
    const decoder = new TextDecoder(label, options)
    this.#decoder = decoder
    const enqueue = (controller: { enqueue(chunk: string): void }, text: string) => {
      if (text !== '') controller.enqueue(text)
    }
    this.#transform = new TransformStream({
      transform: (chunk, controller) => {
        if (!isBufferSource(chunk)) throw new TypeError('a TextDecoderStream takes ArrayBuffers and views of them')
        enqueue(controller, decode(decoder, chunk, { stream: true }))
      },
      flush: (controller) => enqueue(controller, decode(decoder)),
    })
  }

  get encoding(): string {
    return encodingOf(this.#decoder)
  }

  get fatal(): boolean {
    return isFatal(this.#decoder)
  }

  get ignoreBOM(): boolean {
    return ignoresMark(this.#decoder)
  }

  get readable(): ReadableStream<string> {
    return this.#transform.readable
  }

  get writable(): WritableStream<unknown> {
    return this.#transform.writable
  }
}

const decode = methodOf(TextDecoder, 'decode') as (decoder: TextDecoder, ...args: unknown[]) => string
const encodingOf = getterOf<string>(TextDecoder, 'encoding')
const isFatal = getterOf<boolean>(TextDecoder, 'fatal')
const ignoresMark = getterOf<boolean>(TextDecoder, 'ignoreBOM')

shape(TextDecoderStream, 'TextDecoderStream')

export class TextEncoderStream {
  readonly #transform: TransformStream<unknown, Uint8Array>

  constructor() {
    // The first half of a character, at the end of a chunk.
    let carried = ''
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        let text = `${carried}${chunk as string}`
        carried = ''
        const last = text.charCodeAt(text.length - 1)
        if (last >= 0xd800 && last < 0xdc00) {
          carried = text.slice(-1)
          text = text.slice(0, -1)
        }
        if (text !== '') controller.enqueue(utf8(text))
      },
      flush(controller) {
        if (carried !== '') controller.enqueue(utf8(carried))
      },
    })
  }

  get encoding(): string {
    return this.#transform && 'utf-8'
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#transform.readable
  }

  get writable(): WritableStream<unknown> {
    return this.#transform.writable
  }
}

shape(TextEncoderStream, 'TextEncoderStream')
