import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { Serializer } from 'node:v8'
import { ERROR_SHELL, VIEW } from './wire.js'
import type { Owner, ReferenceKind } from './wire.js'

/** V8 refused a value: it does not say where, see `clone-path.ts`. */
export class Refusal extends Error {
  /** The refused object, if it is known. */
  readonly object: unknown
  /** What to say about it, if its kind is not all there is to say. */
  readonly reason: string | undefined

  constructor(message: string, object?: unknown, reason?: string) {
    super(message)
    this.object = object
    this.reason = reason
  }
}

/**
 * Stands for an error in a message. V8 hands array buffer views to
 * `_writeHostObject`, and nothing else that JavaScript can make: so it is one.
 */
export class ErrorShell extends Uint8Array {
  /** The error that it stands for. */
  readonly error: object
  /** Its class on the wire. */
  readonly classNumber: number

  constructor(error: object, classNumber: number) {
    super(0)
    this.error = error
    this.classNumber = classNumber
  }
}

/** Stands for a function or a stream, in the same way. */
export class ReferenceShell extends Uint8Array {
  readonly kind: ReferenceKind
  readonly owner: Owner
  /** Its number with the owner. */
  readonly number: number

  constructor(kind: ReferenceKind, owner: Owner, number: number) {
    super(0)
    this.kind = kind
    this.owner = owner
    this.number = number
  }
}

/**
 * V8's serializer with the host objects of `wire.ts`. Good for one message.
 *
 * Without private members: adding them to V8's own object costs a good part of a small message's time.
 */
export class Writer extends Serializer {
  declare _setTreatArrayBufferViewsAsHostObjects: (on: boolean) => void
  /** Only there if some may go there. */
  declare beside?: ArrayBuffer[]

  constructor() {
    super()
    this._setTreatArrayBufferViewsAsHostObjects(true)
    this.writeHeader()
  }

  /** From now on buffers go beside the message, where only their numbers are written: these, and large ones that are met. */
  writeBeside(buffers: ArrayBuffer[]): void {
    this.beside = buffers
    for (const [number, buffer] of buffers.entries()) this.transferArrayBuffer(number, buffer)
  }

  /** Puts a large buffer beside the message. Says whether a buffer is there. */
  putBeside(buffer: ArrayBufferLike): boolean {
    if (this.beside === undefined || types.isSharedArrayBuffer(buffer)) return false
    if (this.beside.includes(buffer as ArrayBuffer)) return true
    if (!goesBeside(buffer)) return false
    this.transferArrayBuffer(this.beside.length, buffer)
    this.beside.push(buffer)
    return true
  }

  /** Writes a value with all that it refers to; throws a `Refusal`, or what a getter throws. */
  write(value: unknown): void {
    // For some objects (a WebAssembly.Module) V8 gives up without an exception.
    if (this.writeValue(value) !== true) throw new Refusal('a value could not be cloned')
  }

  _getDataCloneError(message: string): Error {
    return new Refusal(message)
  }

  _writeHostObject(object: object): void {
    if (object instanceof ErrorShell) {
      this.writeUint32(ERROR_SHELL)
      this.writeUint32(object.classNumber)
    } else if (object instanceof ReferenceShell) {
      this.writeUint32(object.kind)
      this.writeUint32(object.owner)
      this.writeUint32(object.number)
    } else if (types.isArrayBufferView(object)) {
      writeView(this, object)
    } else {
      throw new Refusal('an object of the host could not be cloned', object)
    }
  }
}

/**
 * Writes V8's own form of the view: of a twin, because the view itself already
 * stands in the message as this host object.
 */
function writeView(writer: Writer, view: ArrayBufferView): void {
  const twin = twinOf(view, writer)
  writer.writeUint32(VIEW)
  writer._setTreatArrayBufferViewsAsHostObjects(false)
  try {
    writer.write(twin)
  } finally {
    writer._setTreatArrayBufferViewsAsHostObjects(true)
  }
}

/** Another view of the same bytes; of a copy of just these bytes, if it is a Buffer whose memory stays. */
function twinOf(view: ArrayBufferView, writer: Writer): ArrayBufferView {
  const { buffer, byteOffset, byteLength } = view
  // A Buffer is mostly a part of a pool, with other people's bytes around it.
  if (Buffer.isBuffer(view)) {
    if (writer.beside?.includes(buffer as ArrayBuffer) === true) return new Uint8Array(buffer, byteOffset, byteLength)
    const own = byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
    writer.putBeside(own)
    return new Uint8Array(own)
  }
  writer.putBeside(buffer)
  // The same name that `toString` shows, but not to be overridden by a subclass.
  const name = Reflect.apply(typedArrayName, view, []) ?? 'DataView'
  const View = VIEWS.get(name)
  if (View === undefined) throw new Refusal('a view of an unknown class could not be cloned', view)
  if ((buffer as { resizable?: boolean }).resizable === true && isLengthTracking(view)) return new View(buffer, byteOffset)
  return new View(buffer, byteOffset, (view as Partial<Uint8Array>).length ?? byteLength)
}

/** From here on a buffer that goes beside its message is copied once, where one in it is copied three times. */
const LARGE = 64 * 1024

/** Whether a buffer goes beside its message without being given away. A resizable one keeps its room to grow only in it. */
export function goesBeside(buffer: unknown): buffer is ArrayBuffer {
  return types.isArrayBuffer(buffer) && buffer.byteLength >= LARGE && (buffer as { resizable?: boolean }).resizable !== true
}

type ViewConstructor = new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => ArrayBufferView

/** The views' intrinsic classes by name; `Float16Array` only where Node has it. */
const VIEWS: ReadonlyMap<string, ViewConstructor> = new Map(
  [
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float16Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
    'BigUint64Array',
    'DataView',
  ]
    .filter((name) => name in globalThis)
    .map((name) => [name, (globalThis as unknown as Record<string, ViewConstructor>)[name]!]),
)

const typedArrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as (
  this: unknown,
) => string | undefined

/**
 * Whether a view of a resizable buffer follows the buffer's length. JavaScript
 * can't tell, V8's own encoding of a view can: its last byte holds the flags,
 * the lowest of them is this one. Throws a `Refusal` if the view lies outside
 * its buffer by now.
 */
function isLengthTracking(view: ArrayBufferView): boolean {
  const plain = new PlainSerializer()
  // As if it moved, so that its bytes are not copied.
  plain.transferArrayBuffer(0, view.buffer as ArrayBuffer)
  plain.writeValue(view)
  return ((plain.releaseBuffer().at(-1) ?? 0) & 1) === 1
}

class PlainSerializer extends Serializer {
  _getDataCloneError(message: string): Error {
    return new Refusal(message)
  }
}
