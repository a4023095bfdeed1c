// https://fetch.spec.whatwg.org/#bodies
import { blobType, bytesOfBlob, isBlob, joined, newBlob } from './blob.js'
import type { Blob } from './blob.js'
import { crypto, randomUUID } from './crypto.js'
import { utf8, utf8Decode } from './encoding.js'
import { entriesOf, isFormData, withEntries } from './form-data.js'
import type { FormData } from './form-data.js'
import { bytesOf, getterOf, isBufferSource, methodOf, usv } from './idl.js'
import { readMultipart, writeMultipart } from './multipart.js'
import { ReadableStream, ReadableStreamDefaultReader } from './streams.js'
import { URLSearchParams, paramsText, parsePairs } from './url.js'

/** What a request or response consists of. Bytes become a stream when somebody asks for it. */
export interface Content {
  bytes: Uint8Array<ArrayBuffer> | undefined
  stream: ReadableStream<unknown> | undefined
  isUsed: boolean
}

export interface Extracted {
  content: Content
  type: string | undefined
}

function ofBytes(bytes: Uint8Array<ArrayBuffer>, type?: string): Extracted {
  return { content: { bytes, stream: undefined, isUsed: false }, type }
}

type Chunks = ReadableStream<unknown>

const isLocked = getterOf<boolean>(ReadableStream, 'locked')
const tee = methodOf(ReadableStream, 'tee') as (stream: Chunks) => [Chunks, Chunks]
const getReader = methodOf(ReadableStream, 'getReader') as (stream: Chunks) => object
const read = methodOf(ReadableStreamDefaultReader, 'read') as (reader: object) => Promise<{ done: boolean; value?: unknown }>
const cancel = methodOf(ReadableStreamDefaultReader, 'cancel') as (reader: object, reason: unknown) => Promise<void>

/** The body that a value stands for, and its type. */
export function extract(value: unknown): Extracted {
  if (isBlob(value)) return ofBytes(bytesOfBlob(value), blobType(value) || undefined)
  if (isBufferSource(value)) return ofBytes(bytesOf(value).slice())
  if (value instanceof URLSearchParams) {
    return ofBytes(utf8(paramsText(value)), 'application/x-www-form-urlencoded;charset=UTF-8')
  }
  if (isFormData(value)) {
    const boundary = `----formdata-isoseed-${randomUUID(crypto).replace(/-/g, '').slice(0, 16)}`
    return ofBytes(writeMultipart(entriesOf(value), boundary), `multipart/form-data; boundary=${boundary}`)
  }
  if (value instanceof ReadableStream) {
    if (isLocked(value)) throw new TypeError('the body is a stream that is locked or was read from')
    return { content: { bytes: undefined, stream: value, isUsed: false }, type: undefined }
  }
  return ofBytes(utf8(usv(value)), 'text/plain;charset=UTF-8')
}

/** The stream of bytes that an asynchronous iterable gives. */
export function streamOf(source: AsyncIterable<unknown> | Iterable<unknown>): ReadableStream<unknown> {
  return ReadableStream.from(source as AsyncIterable<unknown>)
}

export class Body {
  #content: Content | undefined
  readonly #type: () => string | null

  constructor(content: Content | undefined, type: () => string | null) {
    this.#content = content
    this.#type = type
  }

  get isNull(): boolean {
    return this.#content === undefined
  }

  get isUsed(): boolean {
    const content = this.#content
    return content !== undefined && (content.isUsed || isDisturbed(content.stream))
  }

  get isUnusable(): boolean {
    const stream = this.#content?.stream
    return this.isUsed || (stream !== undefined && isLocked(stream))
  }

  get stream(): ReadableStream<unknown> | null {
    const content = this.#content
    if (content === undefined) return null
    if (content.stream === undefined) {
      const { bytes } = content
      content.stream = new ReadableStream({
        type: 'bytes',
        start(controller) {
          if (bytes !== undefined && bytes.length > 0 && !content.isUsed) controller.enqueue(bytes.slice())
          controller.close()
        },
      })
      ;(content.stream as unknown as Disturbed)._disturbed = content.isUsed
      content.bytes = undefined
    }
    return content.stream
  }

  /** Splits it in two. */
  tee(): Content | undefined {
    const content = this.#content
    if (content === undefined) return undefined
    if (content.stream === undefined) return { ...content }
    const [one, other] = tee(content.stream)
    content.stream = one
    return { bytes: undefined, stream: other, isUsed: false }
  }

  /** Takes it over from a request that becomes another one. */
  take(): Content | undefined {
    const content = this.#content
    if (content === undefined) return undefined
    const taken = { ...content }
    this.#content = { bytes: new Uint8Array(0), stream: undefined, isUsed: true }
    return taken
  }

  /** For a copy that was made without one. */
  put(content: Content | undefined): void {
    this.#content = content
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const content = this.#content
    if (this.isUnusable) throw new TypeError('Body is unusable: Body has already been read')
    if (content === undefined) return new Uint8Array(0)
    content.isUsed = true
    if (content.bytes !== undefined) return content.bytes.slice()
    const reader = getReader(content.stream!)
    const pieces: Uint8Array[] = []
    for (;;) {
      const { done, value } = await read(reader)
      if (done) return joined(pieces)
      if (!(value instanceof Uint8Array)) {
        const error = new TypeError('Received non-Uint8Array chunk')
        await cancel(reader, error)
        throw error
      }
      pieces.push(value)
    }
  }

  async text(): Promise<string> {
    return utf8Decode(await this.bytes())
  }

  async blob(): Promise<Blob> {
    return newBlob(await this.bytes(), this.#type() ?? '')
  }

  async formData(): Promise<FormData> {
    const type = this.#type() ?? ''
    const bytes = await this.bytes()
    const boundary = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]*)"|([^\s;]+))/i.exec(type)
    if (boundary !== null) return withEntries(readMultipart(bytes, boundary[1] ?? boundary[2]!))
    if (/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return withEntries(parsePairs(utf8Decode(bytes)))
    throw new TypeError('Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded".')
  }
}

/** The streams have this as a property. */
interface Disturbed {
  _disturbed: boolean
}

function isDisturbed(stream: ReadableStream<unknown> | undefined): boolean {
  return stream !== undefined && (stream as unknown as Disturbed)._disturbed
}
