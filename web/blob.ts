// https://w3c.github.io/FileAPI/
import { registerCloner } from './clone.js'
import { utf8, utf8Decode } from './encoding.js'
import { bytesOf, dictionary, getterOf, isBufferSource, isObject, need, shape, usv } from './idl.js'
import { ReadableStream } from './streams.js'

/** A stream gives a blob in pieces of this many bytes. */
const PIECE = 65536

interface BlobOptions {
  type: unknown
  endings: unknown
}

export class Blob {
  #bytes: Uint8Array<ArrayBuffer>
  #type: string

  constructor(parts: unknown = [], options: unknown = undefined) {
    const isSequence = isObject(parts) && typeof Reflect.get(parts, Symbol.iterator) === 'function'
    if (!isSequence) throw new TypeError('Blob: the parts must be a sequence')
    const { type = '', endings = 'transparent' } = dictionary<BlobOptions>(options, 'The options of Blob')
    const ending = `${endings as string}`
    if (ending !== 'transparent' && ending !== 'native') throw new TypeError('Blob: endings must be "transparent" or "native"')
    const pieces = Array.from(parts as Iterable<unknown>, (part) => {
      if (isBlob(part)) return part.#bytes
      if (isBufferSource(part)) return bytesOf(part)
      const text = usv(part)
      return utf8(ending === 'native' ? text.replace(/\r\n?|\n/g, '\n') : text)
    })
    this.#bytes = joined(pieces)
    this.#type = typeOf(type)
  }

  get size(): number {
    return this.#bytes.length
  }

  get type(): string {
    return this.#type
  }

  slice(start: unknown = 0, end: unknown = this.#bytes.length, type: unknown = ''): Blob {
    const blob = new Blob()
    // Nobody writes to the bytes, so both can have them.
    blob.#bytes = this.#bytes.subarray(clamped(start), clamped(end))
    blob.#type = typeOf(type)
    return blob
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#bytes.slice()
  }

  async text(): Promise<string> {
    return utf8Decode(this.#bytes)
  }

  stream(): ReadableStream<Uint8Array> {
    const bytes = this.#bytes
    let at = 0
    return new ReadableStream({
      type: 'bytes',
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += PIECE)))
        if (at < bytes.length) return
        controller.close()
        controller.byobRequest?.respond(0)
      },
    })
  }

  static isBlob(this: void, value: unknown): value is Blob {
    return isObject(value) && #bytes in value
  }

  /** The bytes themselves; nobody may write to them. */
  static bytesOfBlob(this: void, blob: Blob): Uint8Array<ArrayBuffer> {
    return blob.#bytes
  }

  static withBytes(this: void, bytes: Uint8Array<ArrayBuffer>, type: string): Blob {
    const blob = new Blob()
    blob.#bytes = bytes
    blob.#type = type
    return blob
  }
}

const { isBlob, bytesOfBlob, withBytes } = Blob
for (const key of ['isBlob', 'bytesOfBlob', 'withBytes']) Reflect.deleteProperty(Blob, key)

export const blobType = getterOf<string>(Blob, 'type')

shape(Blob, 'Blob')

export { bytesOfBlob, isBlob }

/** A blob of bytes that nobody writes to any more. */
export function newBlob(bytes: Uint8Array<ArrayBuffer>, type: string): Blob {
  return withBytes(bytes, typeOf(type))
}

interface FileOptions extends BlobOptions {
  lastModified: unknown
}

export class File extends Blob {
  readonly #name: string
  readonly #lastModified: number

  constructor(parts: unknown, name: unknown, options: unknown = undefined) {
    need('File constructor', 2, arguments.length)
    super(parts, options)
    const { lastModified } = dictionary<FileOptions>(options, 'The options of File')
    this.#name = usv(name)
    const time = Math.trunc(lastModified === undefined ? Date.now() : Number(lastModified))
    this.#lastModified = Number.isFinite(time) ? time + 0 : 0
  }

  get name(): string {
    return this.#name
  }

  get lastModified(): number {
    return this.#lastModified
  }

  static isFile(this: void, value: unknown): value is File {
    return isObject(value) && #name in value
  }
}

const { isFile } = File
Reflect.deleteProperty(File, 'isFile')

export const fileName = getterOf<string>(File, 'name')
export const fileTime = getterOf<number>(File, 'lastModified')

shape(File, 'File')

export { isFile }

registerCloner((object) => {
  if (!isBlob(object)) return undefined
  const [bytes, type] = [bytesOfBlob(object), blobType(object)]
  if (!isFile(object)) return () => newBlob(bytes, type)
  const [name, lastModified] = [fileName(object), fileTime(object)]
  return () => new File([newBlob(bytes, '')], name, { type, lastModified })
})

function typeOf(type: unknown): string {
  const text = `${type as string}`
  return /[^\u0020-\u007e]/.test(text) ? '' : text.toLowerCase()
}

/** A position in a blob; a negative one counts from its end, as `subarray` does. */
function clamped(position: unknown): number {
  const number = Number(position)
  if (Number.isNaN(number)) return 0
  const rounded = Math.round(Math.min(Math.max(number, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER))
  // Halves go to the even neighbour.
  return Math.abs(number % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
