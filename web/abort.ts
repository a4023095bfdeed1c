// https://dom.spec.whatwg.org/#aborting-ongoing-activities
import { DOMException } from './dom-exception.js'
import { Event, EventTarget, fireTrusted, handlerAttribute, observeListeners, recognizeSignals } from './events.js'
import { enforceRange, getterOf, illegal, isObject, need, shape } from './idl.js'

const PRIVATE = Symbol('AbortSignal')

export class AbortSignal extends EventTarget {
  #aborted = false
  #reason: unknown = undefined
  #algorithms: Set<() => void> | undefined
  /** What follows this signal. It is only kept alive by who uses it, or by its listeners. */
  #followers: Set<WeakRef<AbortSignal>> | undefined
  #listenedTo: Set<AbortSignal> | undefined
  /** The signals that it follows; they follow none themselves. */
  #sources: AbortSignal[] | undefined

  constructor(token: unknown = undefined) {
    if (token !== PRIVATE) illegal()
    super()
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  static abort(this: void, reason: unknown = undefined): AbortSignal {
    const signal = new AbortSignal(PRIVATE)
    signal.#aborted = true
    signal.#reason = reason === undefined ? abortError() : reason
    return signal
  }

  static timeout(this: void, ms: unknown): AbortSignal {
    need('AbortSignal.timeout', 1, arguments.length)
    const delay = enforceRange(ms, 'AbortSignal.timeout: the delay')
    const signal = new AbortSignal(PRIVATE)
    const expire = () => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    system.startTimer(expire, delay, false, 'AbortSignal.timeout')
    return signal
  }

  static any(this: void, signals: unknown): AbortSignal {
    need('AbortSignal.any', 1, arguments.length)
    if (!isObject(signals)) throw new TypeError('AbortSignal.any: the signals must be a sequence')
    const sources = [...(signals as Iterable<AbortSignal>)]
    if (!sources.every(isSignal)) throw new TypeError('AbortSignal.any: every element must be an AbortSignal')
    const signal = new AbortSignal(PRIVATE)
    const aborted = sources.find((source) => source.#aborted)
    if (aborted !== undefined) {
      signal.#aborted = true
      signal.#reason = aborted.#reason
      return signal
    }
    const followed = new Set(sources.flatMap((source) => source.#sources ?? [source]))
    signal.#sources = [...followed]
    const reference = new WeakRef(signal)
    for (const source of followed) {
      source.#followers ??= new Set()
      for (const other of source.#followers) if (other.deref() === undefined) source.#followers.delete(other)
      source.#followers.add(reference)
    }
    return signal
  }

  static isSignal(this: void, value: unknown): value is AbortSignal {
    return isObject(value) && #aborted in value
  }

  static signalAbort(this: void, signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return
    const why = reason === undefined ? abortError() : reason
    signal.#aborted = true
    signal.#reason = why
    const followers: AbortSignal[] = []
    for (const reference of signal.#followers ?? []) {
      const follower = reference.deref()
      if (follower === undefined || follower.#aborted) continue
      follower.#aborted = true
      follower.#reason = why
      followers.push(follower)
    }
    signal.#followers = undefined
    for (const each of [signal, ...followers]) {
      const algorithms = each.#algorithms
      each.#algorithms = undefined
      for (const source of each.#sources ?? []) source.#listenedTo?.delete(each)
      for (const algorithm of algorithms ?? []) algorithm()
      fireTrusted(each, new Event('abort'))
    }
  }

  static addAlgorithm(this: void, signal: AbortSignal, algorithm: () => void): () => void {
    signal.#algorithms ??= new Set()
    signal.#algorithms.add(algorithm)
    signal.#keep()
    return () => {
      signal.#algorithms?.delete(algorithm)
      signal.#keep()
    }
  }

  static listenersChanged(this: void, target: EventTarget, type: string, count: number): void {
    if (type === 'abort' && isSignal(target)) target.#keep(count)
  }

  #listeners = 0

  /** A signal that follows others and is listened to lives as long as they do. */
  #keep(listeners: number = this.#listeners): void {
    this.#listeners = listeners
    const isListenedTo = listeners > 0 || (this.#algorithms?.size ?? 0) > 0
    for (const source of this.#sources ?? []) {
      source.#listenedTo ??= new Set()
      if (isListenedTo) source.#listenedTo.add(this)
      else source.#listenedTo.delete(this)
    }
  }
}

const { isSignal, signalAbort, addAlgorithm, listenersChanged } = AbortSignal
for (const key of ['isSignal', 'signalAbort', 'addAlgorithm', 'listenersChanged']) Reflect.deleteProperty(AbortSignal, key)

shape(AbortSignal, 'AbortSignal')
handlerAttribute(AbortSignal, 'abort')
recognizeSignals(isSignal, (signal) => isAborted(signal))
observeListeners(listenersChanged)

export const isAborted = getterOf<boolean>(AbortSignal, 'aborted')
export const reasonOf = getterOf<unknown>(AbortSignal, 'reason')
export const isAbortSignal: (value: unknown) => value is AbortSignal = isSignal

function abortError(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError')
}

/** Aborts as a controller does. */
export function abort(signal: AbortSignal, reason: unknown): void {
  signalAbort(signal, reason)
}

/** Runs `algorithm` when the signal aborts, before its event. What it returns takes that back. */
export function onAbort(signal: AbortSignal, algorithm: () => void): () => void {
  return addAlgorithm(signal, algorithm)
}

export function newSignal(): AbortSignal {
  return new AbortSignal(PRIVATE)
}

export class AbortController {
  readonly #signal = newSignal()

  get signal(): AbortSignal {
    return this.#signal
  }

  abort(reason: unknown = undefined): void {
    abort(this.#signal, reason)
  }
}

export const signalOf = getterOf<AbortSignal>(AbortController, 'signal')

shape(AbortController, 'AbortController')
