import { join } from 'node:path'
import type { Connection as NativeConnection, NativeError, NativeEvent } from '../native.js'
import { abortReason, onAbort } from './abort.js'
import { loadNative } from './addon.js'
import type { Native } from './addon.js'
import { decode } from './decode.js'
import { encode, encodeThrown } from './encode.js'
import { toError } from './native-error.js'

/** Who answers an isolate's calls of host functions, and hears its inspector. */
export interface HostCallReceiver {
  onHostCall(hostCall: number, path: string, args: Uint8Array): void
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
}

interface Pending {
  resolve: (event: NativeEvent) => void
  reject: (reason: unknown) => void
  owner: object | undefined
  onProgress: ((json: string) => void) | undefined
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
  #holders = 0

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

  /** @throws `IsoseedError` with `ERR_DATA_CLONE` */
  encode(value: unknown, label: string): Uint8Array {
    return encode(value, label, this.#containsError)
  }

  encodeThrown(value: unknown, path: string): Uint8Array {
    return encodeThrown(value, path, this.#containsError)
  }

  /** @throws `IsoseedError` with `ERR_DATA_CLONE` */
  decode(bytes: Uint8Array | undefined): unknown {
    return bytes === undefined ? undefined : decode(bytes)
  }

  #send(start: (request: number) => void, { signal, abort, owner, onProgress }: RequestOptions): Promise<NativeEvent> {
    const request = this.#nextRequest()
    return new Promise((resolve, reject) => {
      const pending: Pending = { resolve, reject, owner, onProgress, stopWaiting: undefined, release: this.hold() }
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
    pending.release()
    return pending
  }

  /** Called by the native side on this thread, never from inside another call. Throws only what `onProgress` does. */
  #dispatch(event: NativeEvent): void {
    if (event.kind === 'hostCall') {
      // Nobody there: the isolate has been collected and is being disposed.
      const receiver = this.#receivers.get(event.isolate as number)?.deref()
      receiver?.onHostCall(event.id, event.path as string, event.bytes as Uint8Array)
      return
    }
    if (event.kind === 'inspector') {
      // Nobody there: the isolate has been collected, and waits for no reader.
      this.#receivers.get(event.isolate as number)?.deref()?.onInspector(event.id, event.json ?? undefined)
      return
    }
    if (event.kind === 'progress') {
      this.#pending.get(event.id)?.onProgress?.(event.json as string)
      return
    }
    const pending = this.#take(event.id)
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
