import { types } from 'node:util'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { guarded, wrong } from './checks.js'
import { invalidArg, show } from './errors.js'

/**
 * Buffers that came out of a guest. Their memory lies outside of Node's: Node
 * takes none of them for `postMessage`, but another guest can have them.
 */
const fromGuests = new WeakSet<ArrayBuffer>()

/** What moves with the next answer of a binding, by the value that it answers with. */
const marked = new WeakMap<object, ArrayBuffer[]>()

/**
 * Marks a value that a host function is about to return: its buffers move to
 * the guest instead of being copied, and are detached here, as with the
 * `transfer` option of `call`. The mark holds for one answer.
 *
 * ```js
 * bindings: { readImage: async (name) => { const bytes = await load(name); return transfer({ name, bytes }, [bytes.buffer]) } }
 * ```
 *
 * @param value what the function returns: an object, array or buffer
 * @param buffers each a whole `ArrayBuffer`, as with the `transfer` option of `call`
 * @returns the value
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
 */
export function transfer<Value extends object>(value: Value, buffers: ArrayBuffer[]): Value {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) throw wrong('transfer', 'value', 'an object', value)
  marked.set(value, checkTransfer('transfer', 'buffers', buffers))
  return value
}

/**
 * The buffers that move with a binding's answer; its mark is used up.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` if one has been detached since
 */
export function takeMarked(value: unknown, path: string): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null) return []
  const buffers = marked.get(value)
  if (buffers === undefined) return []
  marked.delete(value)
  return checkTransfer(path, 'transfer', buffers)
}

/**
 * A list of buffers that can be moved, each once.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkTransfer(where: string, name: string, list: unknown): ArrayBuffer[] {
  if (list === undefined) return []
  if (!Array.isArray(list)) throw wrong(where, name, 'an array of ArrayBuffers', list)
  const buffers = new Set<ArrayBuffer>()
  const length = guarded(where, name, () => list.length)
  for (let index = 0; index < length; index += 1) {
    const at = `${name}[${index}]`
    const buffer: unknown = guarded(where, at, () => list[index] as unknown)
    if (types.isSharedArrayBuffer(buffer)) throw wrong(where, at, 'an ArrayBuffer that is not shared', buffer)
    if (types.isArrayBufferView(buffer)) throw wrong(where, at, 'an ArrayBuffer, not a view of one (its .buffer)', buffer)
    if (!types.isArrayBuffer(buffer)) throw wrong(where, at, 'an ArrayBuffer', buffer)
    if (buffers.has(buffer)) throw invalidArg(`${where}: ${at} must not be there twice, got ${show(buffer)}`)
    if (isDetached(buffer)) throw invalidArg(`${where}: ${at} must not be detached, got ${show(buffer)}`)
    if (!fromGuests.has(buffer) && !isTransferable(buffer)) {
      const reason = 'Node.js keeps it, as it does the pool of its Buffers and the memory of WebAssembly (copy it first)'
      throw invalidArg(`${where}: ${at} must be an ArrayBuffer that can be detached, got ${show(buffer)}: ${reason}`)
    }
    buffers.add(buffer)
  }
  return [...buffers]
}

function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false
  try {
    // Of a detached buffer there is no view.
    return new Uint8Array(buffer).byteLength > 0
  } catch {
    return true
  }
}

/**
 * Whether Node lets a buffer go. Only Node 21 and later can be asked, and not
 * about WebAssembly's: but all complain about a buffer that is listed twice,
 * before they touch it, if it is one that they would take.
 */
function isTransferable(buffer: ArrayBuffer): boolean {
  probe ??= new MessageChannel()
  try {
    probe.port1.postMessage(null, [buffer, buffer])
  } catch (error) {
    return String((error as Partial<Error>).message).includes('duplicate')
  }
  receiveMessageOnPort(probe.port2)
  return false
}

/** Not `structuredClone`: test environments take it away. It holds no event loop. */
let probe: MessageChannel | undefined

/** The buffers that go beside the message; a resizable one goes in it, which keeps its room to grow. */
export function movedBeside(buffers: readonly ArrayBuffer[]): ArrayBuffer[] {
  return buffers.filter((buffer) => (buffer as { resizable?: boolean }).resizable !== true)
}

/** Buffers as the native side takes them. */
export interface Handed {
  bytes: Uint8Array[]
  /** The numbers of those that nobody else has: the isolate's thread copies them. */
  lent: number[]
}

/** To copy less than this takes the host's thread less time than to lend it. */
const SMALLEST_LENT = 256 * 1024

/**
 * Makes buffers ready for the native side, large ones by taking them from the
 * host: its others of `given` are detached when they have been copied.
 *
 * @param beside what goes beside a message
 * @param given what the host gives away
 */
export function handOver(beside: readonly ArrayBuffer[], given: readonly ArrayBuffer[]): Handed {
  const handed: Handed = { bytes: [], lent: [] }
  for (const buffer of beside) {
    const isLent = buffer.byteLength >= SMALLEST_LENT && given.includes(buffer) && !fromGuests.has(buffer)
    if (isLent) handed.lent.push(handed.bytes.length)
    handed.bytes.push(new Uint8Array(isLent ? moveAway(buffer) : buffer))
  }
  return handed
}

/** The same memory in a buffer that nobody else has. */
function moveAway(buffer: ArrayBuffer): ArrayBuffer {
  probe ??= new MessageChannel()
  probe.port1.postMessage(buffer, [buffer])
  return (receiveMessageOnPort(probe.port2) as { message: ArrayBuffer }).message
}

/** The buffers that came with a guest's value. */
export function received(arrays: readonly Uint8Array[] | null | undefined): ArrayBuffer[] {
  return (arrays ?? []).map((bytes) => {
    const whole = bytes.byteLength === bytes.buffer.byteLength
    const buffer = (whole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer
    if (whole) fromGuests.add(buffer)
    return buffer
  })
}
