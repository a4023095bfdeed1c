import { join } from 'node:path'
import { setImmediate } from 'node:timers'
import { types } from 'node:util'
import type { Connection as NativeConnection, NativeError, NativeReport } from '../native.js'
import { abortReason, onAbort } from './abort.js'
import { loadNative } from './addon.js'
import type { Native } from './addon.js'
import { deepPath } from './clone-path.js'
import { decode } from './decode.js'
import { tellDisposed } from './diagnostics.js'
import { encode, encodeThrown } from './encode.js'
import { IsoseedError } from './errors.js'
import { eventOf } from './event.js'
import type { Event } from './event.js'
import { toError } from './native-error.js'
import { currentFrame } from './nesting.js'
import type { Frame } from './nesting.js'
import { NOT_PLAIN, readPlain, readPlainText } from './plain-reader.js'
import { writePlain } from './plain-writer.js'
import type { References } from './references.js'
import { NOT_SMALL, decodeSmall, encodeSmall, encodeSmallArguments, unpack } from './small.js'
import { handOver, movedBeside, received } from './transfer.js'
import type { Handed } from './transfer.js'
import { checkDepth, checkSize } from './value-limits.js'
import type { Limits } from './value-limits.js'
import { broughtBy } from './wire.js'
import { goesBeside } from './writer.js'

/** In bytes: smaller messages are left to Node.js's garbage collection. */
const SMALLEST_SPENT = 64 * 1024

/** Who answers an isolate's calls of host functions, and hears its inspector. */
export interface HostCallReceiver {
  /**
   * @param target a binding's path, or the number of a function that was sent
   * @param within the call of a `sync` binding that the guest's call is a part of
   */
  onHostCall(hostCall: number, target: string | number, args: Uint8Array, within: Frame | undefined): void
  /** The guest has let go of functions and streams that were sent: numbers, each followed by how often it had come. */
  onRelease(references: readonly number[]): void
  /** Nobody waits for this answer any more. */
  onUnread(message: Uint8Array): void
  /** @param weight what the native side wants to hear again when this is done with the reports */
  onReports(reports: NativeReport[], weight: number): void
  /** A session of its inspector has a message, or ends with the isolate. */
  onInspector(session: number, message: string | undefined): void
}

/** How to end a request early, and what must live until it is answered. */
export interface RequestOptions {
  signal?: AbortSignal | undefined
  /** Tells the native side that the answer is not wanted any more. */
  abort?: (request: number) => void
  /** Kept from being collected while the request is pending. */
  owner?: object
  /** Hears what the request is doing, as JSON. */
  onProgress?: ((json: string) => void) | undefined
  /** The request's own time limit: a process that has not answered some time after it is ended. */
  timeoutMs?: number | undefined
}

/** A request that is being handed to the native side. */
export interface Starting {
  request: number
  timeoutMs: number | undefined
}

/** An encoded value, and the buffers that go beside it. */
export interface Outgoing {
  bytes: Uint8Array
  /** Their content is copied when they are handed to the native side. */
  beside: readonly ArrayBuffer[]
}

const NONE: readonly ArrayBuffer[] = []

/** The message for `{}`: most sessions have no globals. */
const NO_GLOBALS = Uint8Array.of(0xff, 15, 0x6f, 0x7b, 0, 0)

function isEmpty(object: object): boolean {
  return !types.isProxy(object) && Object.getPrototypeOf(object) === Object.prototype && Reflect.ownKeys(object).length === 0
}

interface Pending {
  resolve: (event: Event) => void
  reject: (reason: unknown) => void
  owner: object | undefined
  onProgress: ((json: string) => void) | undefined
  frame: Frame | undefined
  stopWaiting: (() => void) | undefined
  release: () => void
}

/** The native side's rejection, before it is made an error where the caller's stack is known. */
class Failure {
  readonly error: NativeError

  constructor(error: NativeError) {
    this.error = error
  }
}

/**
 * Lets a result through that no promise takes for another promise. The guest awaits what has a `then`, but a
 * getter can show it one thing and the clone another: the host would wait, beyond any limit, for a function of
 * the guest's to settle its promise.
 */
function noThenable(result: unknown): unknown {
  if (typeof result !== 'object' || result === null || typeof (result as { then?: unknown }).then !== 'function') return result
  throw new IsoseedError('ERR_DATA_CLONE', "result.then can't be cloned: a promise of the host would call it")
}

/** The message for a plain value, whose depth nobody has to know. */
function plain(value: unknown, { depth }: Limits): Uint8Array | undefined {
  return depth === undefined ? writePlain(value) : undefined
}

/** Request ids are 32 bits on the native side, and start again after this one. */
const MAX_REQUEST = 2 ** 31 - 1

/**
 * This JavaScript environment's end of the native addon: numbers the requests,
 * settles their promises, and hands calls of host functions to their isolate.
 *
 * While a request is pending, it keeps Node's event loop alive. It never keeps
 * an isolate alive: an isolate that is collected is disposed, even if its own
 * bindings refer to it.
 */
class Connection {
  readonly native: NativeConnection
  readonly #addon: Native
  readonly #containsError: (bytes: Uint8Array) => boolean
  readonly #pending = new Map<number, Pending>()
  readonly #receivers = new Map<number, WeakRef<HostCallReceiver>>()
  readonly #collected = new FinalizationRegistry<number>((isolate) => {
    this.#receivers.delete(isolate)
    tellDisposed(isolate, 'collected')
  })
  readonly #processes = new Map<number, (event: Event) => void>()
  #lastRequest = 0
  /** So many buffers are lent to the native side, or were when it was last asked. */
  #lent = 0
  #starting: Starting | undefined
  #holders = 0

  constructor(addon: Native) {
    this.#addon = addon
    this.#containsError = addon.containsError
    this.native = addon.connect(
      {
        execPath: process.execPath,
        helper: join(__dirname, 'helper.js'),
        float16: 'Float16Array' in globalThis,
      },
      (event, packed, isolate) => this.#dispatch(eventOf(event, packed, isolate)),
    )
  }

  /**
   * Makes a request and waits for its answer.
   *
   * @param start hands the request to the native side under the given id
   * @throws the signal's reason, or the `IsoseedError` for what the native side reports
   */
  async request(start: (request: number) => void, options: RequestOptions = {}): Promise<Event> {
    try {
      return await this.send(start, options)
    } catch (failure) {
      throw this.errorOf(failure)
    }
  }

  /** Keeps the event loop alive until the returned function is called; calling that again is harmless. */
  hold(): () => void {
    let holds = true
    this.#holders += 1
    if (this.#holders === 1) this.native.ref()
    return () => {
      if (!holds) return
      holds = false
      this.#holders -= 1
      if (this.#holders === 0) this.native.unref()
    }
  }

  /** From now on, an isolate's calls of host functions go to this receiver. */
  register(isolate: number, receiver: HostCallReceiver): void {
    this.#receivers.set(isolate, new WeakRef(receiver))
    this.#collected.register(receiver, isolate, receiver)
  }

  unregister(isolate: number, receiver: HostCallReceiver): void {
    this.#receivers.delete(isolate)
    this.#collected.unregister(receiver)
  }

  /** The request whose `start` is being called: how a stand-in for an isolate knows that a call is one. */
  get starting(): Starting | undefined {
    return this.#starting
  }

  /** What comes from a process for isolates goes to this listener, until it has ended. */
  hear(process: number, listener: (event: Event) => void): void {
    this.#processes.set(process, listener)
  }

  /** Takes an event that comes from an isolate in another process. Not from inside the call that makes a request. */
  deliver(event: Event): void {
    this.#dispatch(event)
  }

  /**
   * @param transfer buffers that the host gives away
   * @throws `IsoseedError` with `ERR_DATA_CLONE`
   */
  encodeArguments(args: readonly unknown[], limits: Limits, references: References, transfer: readonly ArrayBuffer[]): Outgoing {
    if (transfer.length === 0) {
      const small = encodeSmallArguments(args) ?? plain(args, limits)
      if (small !== undefined && small.byteLength <= limits.bytes) return { bytes: small, beside: NONE }
    }
    return this.#encode(args, 'args', limits, references, true, transfer)
  }

  /**
   * Encodes a value of the user's; as `encodeArguments`.
   *
   * @param label what the value is called in an error message
   */
  encode(value: unknown, label: string, limits: Limits, references: References, transfer: readonly ArrayBuffer[] = NONE): Outgoing {
    const small = encodeSmall(value) ?? (transfer.length === 0 ? plain(value, limits) : undefined)
    if (small !== undefined && small.byteLength <= limits.bytes) return { bytes: small, beside: NONE }
    return this.#encode(value, label, limits, references, false, transfer)
  }

  /** Encodes the globals of a session. Nothing goes beside them. */
  encodeGlobals(globals: object, limits: Limits, references: References): Uint8Array {
    if (isEmpty(globals)) {
      checkSize(NO_GLOBALS.byteLength, limits, 'globals')
      return NO_GLOBALS
    }
    const bytes = encode(globals, 'globals', this.#containsError, references)
    this.#checkLimits({ bytes, beside: NONE }, globals, 'globals', limits, true)
    return bytes
  }

  #encode(value: unknown, label: string, limits: Limits, references: References, list: boolean, transfer: readonly ArrayBuffer[]): Outgoing {
    const beside = movedBeside(transfer)
    for (const item of list ? (value as unknown[]) : [value]) {
      if (goesBeside(item) && !beside.includes(item)) beside.push(item)
    }
    const outgoing = { bytes: encode(value, label, this.#containsError, references, beside), beside }
    try {
      this.#checkLimits(outgoing, value, label, limits, list)
    } catch (error) {
      references.takeBack(broughtBy(outgoing.bytes))
      throw error
    }
    return outgoing
  }

  #checkLimits({ bytes, beside }: Outgoing, value: unknown, label: string, limits: Limits, list: boolean): void {
    checkSize(bytes.byteLength + beside.reduce((sum, buffer) => sum + buffer.byteLength, 0), limits, label)
    if (limits.depth === undefined) return
    checkDepth(this.#addon.nesting(bytes), limits, list, (depth) => deepPath(value, label, depth))
  }

  /** Takes buffers away from the host: their content has moved. */
  detach(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) this.#addon.detach(buffer)
  }

  /** As `handOver`; what it lends is freed by `takeBack`. */
  handOver(beside: readonly ArrayBuffer[], given: readonly ArrayBuffer[]): Handed {
    this.takeBack()
    const handed = handOver(beside, given)
    this.#lent += handed.lent.length
    return handed
  }

  /** Frees what was lent to the native side and has been copied: Node.js would not collect it soon. */
  takeBack(): void {
    if (this.#lent === 0) return
    const { copied, lent } = this.native.takeBack()
    this.#lent = lent
    for (const { buffer } of copied) this.#addon.detach(buffer as ArrayBuffer)
  }

  /** A message was read. A large one's memory is free at once, too. */
  #spend({ buffer, byteLength }: Uint8Array): void {
    if (byteLength >= SMALLEST_SPENT && byteLength === buffer.byteLength) this.#addon.detach(buffer as ArrayBuffer)
  }

  encodeThrown(value: unknown, path: string): Uint8Array {
    return encodeThrown(value, path, this.#containsError)
  }

  /** @throws `IsoseedError` with `ERR_DATA_CLONE` */
  decode(bytes: Uint8Array, references: References): unknown {
    const plainValue = readPlain(bytes)
    const value = plainValue === NOT_PLAIN ? decode(bytes, references) : plainValue
    this.#spend(bytes)
    return value
  }

  /**
   * The value that a request was answered with.
   *
   * @throws `IsoseedError` with `ERR_DATA_CLONE`
   */
  valueOf({ packed, bytes, buffers }: Event, references: References): unknown {
    if (typeof packed === 'string') {
      const small = decodeSmall(packed)
      if (small !== NOT_SMALL) return small
      const value = readPlainText(packed)
      return noThenable(value === NOT_PLAIN ? decode(unpack(packed), references) : value)
    }
    if (bytes === undefined) return undefined
    return noThenable(buffers === undefined ? this.decode(bytes, references) : decode(bytes, references, received(buffers)))
  }

  /**
   * As `request`, without a promise more than it takes: it rejects with what `errorOf` is to be asked about,
   * in an async function, so that the error's stack names who called that.
   */
  send(start: (request: number) => void, { signal, abort, owner, onProgress, timeoutMs }: RequestOptions): Promise<Event> {
    const request = this.#nextRequest()
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw abortReason(signal)
      const pending: Pending = { resolve, reject, owner, onProgress, frame: currentFrame(), stopWaiting: undefined, release: this.hold() }
      this.#pending.set(request, pending)
      this.#starting = { request, timeoutMs }
      try {
        start(request)
      } catch (error) {
        this.#take(request)
        throw error
      } finally {
        this.#starting = undefined
      }
      if (signal === undefined) return
      pending.stopWaiting = onAbort(signal, () => {
        this.#take(request)
        reject(abortReason(signal))
        abort?.(request)
      })
    })
  }

  /** Why a request that was sent failed: the signal's reason, or the `IsoseedError` for what the native side reports. */
  errorOf(failure: unknown): unknown {
    return failure instanceof Failure ? toError(failure.error) : failure
  }

  #nextRequest(): number {
    do this.#lastRequest = (this.#lastRequest % MAX_REQUEST) + 1
    while (this.#pending.has(this.#lastRequest))
    return this.#lastRequest
  }

  /** Ends the waiting for a request, however it ends. */
  #take(request: number): Pending | undefined {
    const pending = this.#pending.get(request)
    if (pending === undefined) return undefined
    this.#pending.delete(request)
    pending.stopWaiting?.()
    pending.release()
    return pending
  }

  /** Whose event it is; nobody's, if the isolate has been collected and is being disposed. */
  #receiver(event: Event): HostCallReceiver | undefined {
    return this.#receivers.get(event.isolate as number)?.deref()
  }

  #unread(event: Event): void {
    const bytes = typeof event.packed === 'string' ? unpack(event.packed) : event.bytes
    if (bytes !== undefined) this.#receiver(event)?.onUnread(bytes)
  }

  /** Called by the native side on this thread, never from inside another call. Throws only what `onProgress` does. */
  #dispatch(event: Event): void {
    if (event.kind === 'done') {
      this.#answered(event)
      return
    }
    if (event.kind === 'hostCall') {
      const within = this.#pending.get(event.owner as number)?.frame
      this.#receiver(event)?.onHostCall(event.id, (event.path ?? event.reference) as string | number, event.bytes as Uint8Array, within)
      return
    }
    if (event.kind === 'release') {
      // What came before may name these, and is read in the microtasks of its own event.
      setImmediate(() => this.#receiver(event)?.onRelease(event.references as number[]))
      return
    }
    if (event.kind === 'reports') {
      this.#receiver(event)?.onReports(event.reports as NativeReport[], event.id)
      return
    }
    if (event.kind === 'inspector') {
      // Nobody there: the isolate has been collected, and waits for no reader.
      this.#receiver(event)?.onInspector(event.id, event.json ?? undefined)
      return
    }
    if (event.kind === 'progress') {
      this.#pending.get(event.id)?.onProgress?.(event.json as string)
      return
    }
    const listener = this.#processes.get(event.id)
    if (event.kind === 'ended') this.#processes.delete(event.id)
    listener?.(event)
  }

  #answered(event: Event): void {
    const pending = this.#take(event.id)
    if (pending === undefined) this.#unread(event)
    if (event.error === undefined || event.error === null) pending?.resolve(event)
    else pending?.reject(new Failure(event.error))
  }
}

export type { Connection }

let connection: Connection | undefined

/**
 * The connection of this environment (the main thread or a Worker), made when
 * it is first needed.
 *
 * @throws `IsoseedError` with `ERR_ADDON_LOAD`
 */
export function connect(): Connection {
  connection ??= new Connection(loadNative())
  return connection
}
