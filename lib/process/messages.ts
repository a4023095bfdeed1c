import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { Deserializer, Serializer } from 'node:v8'
import type { NativeError, NativeEvent, NativeIsolateOptions } from '../../native.js'

/** What a host tells an isolate's process. */
export type ToProcess =
  /** Comes first. */
  | { kind: 'start'; float16: boolean }
  /** A snapshot to keep, whose bytes are the rest of the frame; and another that is not needed any more. */
  | { kind: 'snapshot'; digest: string; forget: string | undefined }
  /** Starts a session. Its memory may grow by `memoryBytes`. */
  | { kind: 'create'; request: number; options: NativeIsolateOptions; snapshot: string | undefined; memoryBytes: number }
  /** Calls a method of the session's isolate. */
  | { kind: 'call'; method: string; args: unknown[] }

/** What an isolate's process tells its host. */
export type ToHost =
  /** It is ready for a session. */
  | { kind: 'ready' }
  /** What the native side of the process reports. */
  | { kind: 'event'; event: NativeEvent }
  /** The native side of the process refused a method. */
  | { kind: 'refused'; request: unknown; code: string; message: string }
  /** The isolate is finished, and why. Whom it concerns was told. */
  | { kind: 'finished'; error: NativeError | undefined }
  /** The session's isolate was disposed, as its host had asked. `clean`: no thread of it is left. */
  | { kind: 'disposed'; clean: boolean }

/** A message as it is sent: its head, and what follows it as it is. */
export interface Packed {
  head: Uint8Array
  parts: Uint8Array[]
}

/** Arrays of this many bytes go beside the message, not into it: they are copied once less, on each side. */
const LARGE = 1024

/** Typed arrays: as V8 writes them by itself, or beside the message. */
const BESIDE = 1
const INSIDE = 0

/** The lengths that a frame begins with: of the message and of each part. */
const LENGTH_BYTES = 4

/**
 * Makes a message ready to be sent: plain data, with any `Uint8Array`s in it.
 *
 * A frame is the number of lengths, the lengths, the message, the parts.
 */
export function pack(message: ToProcess | ToHost): Packed {
  const writer = new MessageWriter()
  writer.writeHeader()
  writer.writeValue(message)
  const body = writer.releaseBuffer()
  const lengths = [body.length, ...writer.parts.map((part) => part.length)]
  const head = Buffer.allocUnsafe(LENGTH_BYTES * (1 + lengths.length) + body.length)
  let at = head.writeUInt32LE(lengths.length)
  for (const length of lengths) at = head.writeUInt32LE(length, at)
  body.copy(head, at)
  return { head, parts: writer.parts }
}

/** Reads a message. Its large arrays are views of the frame; what the message does not account for is `rest`. */
export function unpack<Message extends ToProcess | ToHost>(frame: Uint8Array): { message: Message; rest: Uint8Array } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const count = view.getUint32(0, true)
  let at = LENGTH_BYTES * (1 + count)
  const [body, ...parts] = Array.from({ length: count }, (_, index) => {
    const start = at
    at += view.getUint32(LENGTH_BYTES * (1 + index), true)
    return frame.subarray(start, at)
  })
  const reader = new MessageReader(body as Uint8Array)
  reader.parts = parts
  reader.readHeader()
  return { message: reader.readValue() as Message, rest: frame.subarray(at) }
}

class MessageWriter extends Serializer {
  readonly parts: Uint8Array[] = []
  declare _setTreatArrayBufferViewsAsHostObjects: (on: boolean) => void

  constructor() {
    super()
    this._setTreatArrayBufferViewsAsHostObjects(true)
  }

  _getDataCloneError(text: string): Error {
    return new TypeError(text)
  }

  _writeHostObject(object: object): void {
    if (!types.isUint8Array(object)) throw new TypeError('a message to or from a process is plain data and Uint8Arrays')
    if (object.length < LARGE) {
      this.writeUint32(INSIDE)
      this.writeUint32(object.length)
      this.writeRawBytes(object)
      return
    }
    this.writeUint32(BESIDE)
    this.writeUint32(this.parts.length)
    this.parts.push(object)
  }
}

class MessageReader extends Deserializer {
  declare parts: Uint8Array[]

  _readHostObject(): Uint8Array {
    const place = this.readUint32()
    const number = this.readUint32()
    if (place === INSIDE) return Uint8Array.from(this.readRawBytes(number))
    const part = this.parts[number]
    if (part === undefined) throw new TypeError('a message refers to a part that it does not have')
    return part
  }
}
