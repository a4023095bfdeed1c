import { join } from 'node:path'
import { setImmediate } from 'node:timers'
import type { Connection as NativeConnection, NativeError, NativeEvent } from '../native.js'
import { abortReason, onAbort } from './abort.js'
import { loadNative } from './addon.js'
import type { Native } from './addon.js'
import { decode } from './decode.js'
import { encode, encodeThrown } from './encode.js'
import { toError } from './native-error.js'
import { currentFrame } from './nesting.js'
import type { Frame } from './nesting.js'
import type { References } from './references.js'

/** Who answers an isolate's calls of host functions. */
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
}

interface Pending {
  resolve: (event: NativeEvent) => void
  reject: (reason: unknown) => void
  owner: object | undefined
  onProgress: ((json: string) => void) | undefined
  frame: Frame | undefined
  stopWaiting: (() => void) | undefined
}

/** The native side's rejection, before it is made an error where the caller's stack is known. */
class Failure {
  readonly error: NativeError

  constructor(error: NativeError) {
    this.error = error
  }
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
  readonly #containsError: (bytes: Uint8Array) => boolean
  readonly #pending = new Map<number, Pending>()
  readonly #receivers = new Map<number, WeakRef<HostCallReceiver>>()
  readonly #collected = new FinalizationRegistry<number>((isolate) => this.#receivers.delete(isolate))
  #lastRequest = 0

  constructor(addon: Native) {
    this.#containsError = addon.containsError
    this.native = addon.connect(
      {
        execPath: process.execPath,
        helper: join(__dirname, 'helper.js'),
        float16: 'Float16Array' in globalThis,
      },
      (event) => this.#dispatch(event),
    )
  }

  /**
   * Makes a request and waits for its answer.
   *
   * @param start hands the request to the native side under the given id
   * @throws the signal's reason, or the `IsoseedError` for what the native side reports
   */
  async request(start: (request: number) => void, options: RequestOptions = {}): Promise<NativeEvent> {
    const { signal } = options
    if (signal?.aborted === true) throw abortReason(signal)
    try {
      return await this.#send(start, options)
    } catch (failure) {
      // Made here, not where the event arrives, so that its stack names the caller.
      throw failure instanceof Failure ? toError(failure.error) : failure
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

  /** @throws `IsoseedError` with `ERR_DATA_CLONE` */
  encode(value: unknown, label: string, references: References): Uint8Array {
    return encode(value, label, this.#containsError, references)
  }

  encodeThrown(value: unknown, path: string): Uint8Array {
    return encodeThrown(value, path, this.#containsError)
  }

  /** @throws `IsoseedError` with `ERR_DATA_CLONE` */
  decode(bytes: Uint8Array | undefined, references: References): unknown {
    return bytes === undefined ? undefined : decode(bytes, references)
  }

  #send(start: (request: number) => void, { signal, abort, owner, onProgress }: RequestOptions): Promise<NativeEvent> {
    const request = this.#nextRequest()
    return new Promise((resolve, reject) => {
      const pending: Pending = { resolve, reject, owner, onProgress, frame: currentFrame(), stopWaiting: undefined }
      if (this.#pending.size === 0) this.native.ref()
      this.#pending.set(request, pending)
      try {
        start(request)
      } catch (error) {
        this.#take(request)
        reject(error)
        return
      }
      if (signal === undefined) return
      pending.stopWaiting = onAbort(signal, () => {
        this.#take(request)
        reject(abortReason(signal))
        abort?.(request)
      })
    })
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
    if (this.#pending.size === 0) this.native.unref()
    return pending
  }

  /** Whose event it is; nobody's, if the isolate has been collected and is being disposed. */
  #receiver(event: NativeEvent): HostCallReceiver | undefined {
    return this.#receivers.get(event.isolate as number)?.deref()
  }

  /** Called by the native side on this thread, never from inside another call. Throws only what `onProgress` does. */
  #dispatch(event: NativeEvent): void {
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
    if (event.kind === 'progress') {
      this.#pending.get(event.id)?.onProgress?.(event.json as string)
      return
    }
    const pending = this.#take(event.id)
    if (pending === undefined && event.bytes !== undefined) this.#receiver(event)?.onUnread(event.bytes)
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
