import type { NativeError, NativeEvent } from '../../native.js'
import { EVERY_SESSION } from '../inspector-link.js'

/** What a session needs of the connection that its requests came from. */
export interface Requests {
  /** Reports to whoever waits for it. */
  deliver(event: NativeEvent): void
}

/** The method that starts a session. */
export const CREATION = 'createIsolate'

/** How long a process may take to answer after the request's own time limit, in milliseconds. V8's grace is in it. */
const GRACE_MS = 5000

/** How long it may take to start, in milliseconds: many may start at once. */
const START_MS = 60_000

/** How long it may take to end an isolate; V8's grace is in it. */
const DISPOSAL_MS = 5000

interface Pending {
  method: string
  timer: NodeJS.Timeout | undefined
}

/**
 * One isolate's life in a process, as the host sees it: which requests wait for
 * an answer, and what they are told when the process does not give it.
 *
 * Each request is answered once: by the process, or by `finish`.
 */
export class Session {
  /** The isolate's number on the host's side. */
  readonly isolate: number
  readonly #requests: Requests
  readonly #pending = new Map<number, Pending>()
  readonly #onLate: () => void
  #isStarted = false
  #closed: NativeError | undefined
  #finished: { why: NativeError | undefined } | undefined

  /** @param onLate called when the process does not answer in time; by then the request is answered */
  constructor(isolate: number, requests: Requests, onLate: () => void) {
    this.isolate = isolate
    this.#requests = requests
    this.#onLate = onLate
  }

  /** Whether the isolate was ready once. */
  get isStarted(): boolean {
    return this.#isStarted
  }

  get isFinished(): boolean {
    return this.#finished !== undefined
  }

  /** Whether the isolate was finished by anything but its disposal. */
  get wentWrong(): boolean {
    return this.#closed !== undefined
  }

  /** The isolate is finished, and somebody was told why. What was asked before may be answered still. */
  close(why: NativeError): void {
    this.#closed ??= why
  }

  /**
   * A request is sent to the process, or was; if the session is finished, it is refused.
   *
   * @returns whether the process is to be told
   */
  begin(request: number, method: string, timeoutMs: number | undefined): boolean {
    if (this.#finished !== undefined) {
      const { why } = this.#finished
      // Never from inside the call that makes the request.
      queueMicrotask(() => this.#answer(request, method === 'dispose' ? undefined : disposedBecause(why)))
      return false
    }
    if (this.#closed !== undefined && method !== 'dispose') {
      const error = disposedBecause(this.#closed)
      queueMicrotask(() => this.#answer(request, error))
      return false
    }
    // Something may be said about a request before it is made: the last method is the one that is answered.
    this.forget(request)
    this.#pending.set(request, { method, timer: undefined })
    if (method === 'dispose') this.#expect(request, DISPOSAL_MS, () => undefined)
    else if (timeoutMs !== undefined) {
      const grace = method === CREATION ? START_MS : GRACE_MS
      this.#expect(request, timeoutMs + grace, () => late(timeoutMs))
    }
    return true
  }

  /** Nobody waits for the answer any more. */
  forget(request: number): void {
    const pending = this.#pending.get(request)
    clearTimeout(pending?.timer)
    this.#pending.delete(request)
  }

  /**
   * What the process reports about its isolate. What it has no business with is
   * dropped.
   *
   * @returns whether that was the start of the session
   */
  report(event: NativeEvent): 'start' | 'failed start' | undefined {
    // The answer to a request may name its isolate, too.
    if (event.kind !== 'done' && typeof event.isolate === 'number') {
      if (!this.isFinished) this.#requests.deliver({ ...event, isolate: this.isolate })
      return undefined
    }
    const pending = this.#pending.get(event.id)
    if (pending === undefined) return undefined
    if (event.kind === 'done') this.forget(event.id)
    this.#requests.deliver({ ...event, isolate: this.isolate })
    if (event.kind !== 'done' || pending.method !== CREATION) return undefined
    this.#isStarted = event.error === undefined || event.error === null
    return this.#isStarted ? 'start' : 'failed start'
  }

  /**
   * Ends the session: nothing comes from the process any more. All requests are
   * told that the isolate is finished, later ones too; a disposal has what it
   * wanted. Whoever debugs the isolate is told as well.
   *
   * @param why absent if the isolate was disposed, or nobody holds it
   * @param isNews whether nobody was told why so far: then the request that waits longest is
   */
  finish(why: NativeError | undefined, isNews: boolean): void {
    if (this.#finished !== undefined) return
    const because = this.#closed ?? why
    this.#finished = { why: because }
    let error = isNews && this.#closed === undefined && why !== undefined ? why : disposedBecause(because)
    for (const [request, { method }] of this.#pending) {
      this.forget(request)
      this.#answer(request, method === 'dispose' ? undefined : error)
      if (method !== 'dispose') error = disposedBecause(because)
    }
    // The process may have been ended before it could say so.
    this.#requests.deliver({ kind: 'inspector', id: EVERY_SESSION, isolate: this.isolate })
  }

  #answer(request: number, error: NativeError | undefined): void {
    this.#requests.deliver({ kind: 'done', id: request, ...(error === undefined ? {} : { error }) })
  }

  #expect(request: number, ms: number, error: () => NativeError | undefined): void {
    const pending = this.#pending.get(request) as Pending
    const wait = (next: () => void): void => {
      // Longer than a timer holds is longer than anyone waits.
      pending.timer = setTimeout(next, Math.min(ms, 2 ** 31 - 1)).unref()
    }
    wait(() => {
      // The host itself may have been busy: what arrived meanwhile is heard first.
      setImmediate(() => {
        if (!this.#pending.has(request)) return
        this.forget(request)
        this.#answer(request, error())
        this.#onLate()
      })
    })
  }
}

/** What a use of a finished isolate is told. */
function disposedBecause(why: NativeError | undefined): NativeError {
  if (why === undefined) return { code: 'ERR_DISPOSED', message: 'the isolate is disposed' }
  if (why.code === 'ERR_DISPOSED') return why
  return { code: 'ERR_DISPOSED', message: `the isolate is finished: ${why.message}`, cause: why }
}

function late(timeoutMs: number): NativeError {
  return { code: 'ERR_TIMEOUT', message: `the call passed its timeoutMs of ${timeoutMs}, and the isolate's process did not answer` }
}
