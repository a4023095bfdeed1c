import { abortReason, isAborted, onAbort } from './abort.js'
import { invalidArg } from './errors.js'
import { wrong } from './checks.js'
import type { InspectRequest } from './inspect-options.js'
import type { InspectorLink, LinkSession } from './inspector-link.js'
import type { InspectorSession } from './inspector-types.js'
import type { Endpoint } from './inspector/server.js'

/** What is inspected. */
export interface Inspected {
  readonly link: InspectorLink
  /** Unique in the process. */
  readonly id: number
  /** Keeps the event loop alive until the returned function is called. */
  holdLoop(): () => void
}

/** What an inspector is made of. */
interface Parts {
  isolate: Inspected
  endpoint: Endpoint
  /** Gives back what it took; called once. */
  release: () => void
}

let makeInspector: (parts: Parts) => Inspector

/**
 * An isolate that can be debugged: Chrome, VS Code and other clients of the
 * Chrome DevTools Protocol connect to `url`. Made by `isolate.inspect`.
 *
 * While it is open, it keeps its isolate from being collected, but not the
 * event loop alive. It ends with the isolate.
 */
export class Inspector implements AsyncDisposable {
  static {
    makeInspector = (parts) => new Inspector(parts)
  }

  /** Where clients connect: a WebSocket on this machine's loopback, with a path that nobody can guess. */
  readonly url: string
  /** What to open in Chrome's address bar. */
  readonly devtoolsUrl: string

  readonly #parts: Parts
  readonly #sessions = new Set<() => void>()
  #closed: Promise<void> | undefined

  private constructor(parts: Parts) {
    if (parts?.endpoint === undefined) throw invalidArg('an Inspector is made by isolate.inspect, not by new')
    this.#parts = parts
    this.url = parts.endpoint.url
    this.devtoolsUrl = parts.endpoint.devtoolsUrl
  }

  /**
   * Opens a session without a socket: for tests, tools, and tunnels of your own.
   * It keeps the event loop alive until it is closed.
   *
   * @param onMessage gets each message, JSON. The isolate waits while messages of more than 16 MiB are on their way.
   * What it throws is not caught
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, if `onMessage` is no function
   * @throws `IsoseedError` with `ERR_DISPOSED` if the isolate is disposed or finished
   */
  connect(onMessage: (message: string) => void): Promise<InspectorSession> {
    if (typeof onMessage !== 'function') throw wrong('inspector.connect', 'onMessage', 'a function', onMessage)
    return this.#connect(onMessage)
  }

  async #connect(onMessage: (message: string) => void): Promise<InspectorSession> {
    const { isolate } = this.#parts
    const release = isolate.holdLoop()
    let settle: () => void
    const closed = new Promise<void>((resolve) => (settle = resolve))
    const end = (): void => {
      this.#sessions.delete(close)
      release()
      settle()
    }
    let session: LinkSession | undefined
    const close = (): void => {
      session?.close()
      end()
    }
    try {
      session = await isolate.link.connect({
        onMessage(message, read) {
          try {
            onMessage(message)
          } finally {
            read()
          }
        },
        onEnd: end,
      })
    } catch (error) {
      release()
      throw error
    }
    const { send } = session
    if (this.#closed === undefined) this.#sessions.add(close)
    else close()
    return {
      send(message: string) {
        if (typeof message !== 'string') throw wrong('session.send', 'message', 'a string', message)
        send(message)
      },
      close,
      closed,
      [Symbol.dispose]: close,
    }
  }

  /**
   * Disconnects every client, and stops listening unless other isolates are
   * inspected under the same port. Calls that wait for a debugger run. May be
   * called again, and then returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    for (const close of this.#sessions) close()
    this.#parts.release()
    await this.#parts.endpoint.close()
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Opens an isolate's endpoint.
 *
 * @throws `IsoseedError` with `ERR_DISPOSED`, the signal's reason, or the system's error if it can't listen there
 */
export async function openInspector(isolate: Inspected, request: InspectRequest): Promise<Inspector> {
  const { host, port, signal, title = `isoseed isolate ${isolate.id}`, waitForDebugger } = request
  if (signal !== undefined && isAborted(signal)) throw abortReason(signal)
  let inspector: Inspector | undefined
  let hasEnded = false
  // A session that only watches: it refuses a finished isolate, and tells of the end.
  const watch = await isolate.link.connect({
    onMessage: (_, read) => read(),
    onEnd() {
      hasEnded = true
      void inspector?.close()
    },
  })
  let stopWaiting = (): void => {}
  let letRun = (): void => {}
  const release = (): void => {
    stopWaiting()
    letRun()
    watch.close()
  }
  try {
    // Loaded only by who debugs. It lies beside the bundle.
    const server = require('../inspector.js') as typeof import('./inspector/server.js')
    const endpoint = await server.listen({ title, connect: (listener) => isolate.link.connect(listener) }, { host, port })
    inspector = makeInspector({ isolate, endpoint, release })
  } catch (error) {
    release()
    throw error
  }
  if (signal !== undefined) {
    if (isAborted(signal)) {
      await inspector.close()
      throw abortReason(signal)
    }
    stopWaiting = onAbort(signal, () => void inspector?.close())
  }
  if (hasEnded) await inspector.close()
  else if (waitForDebugger) letRun = isolate.link.hold()
  return inspector
}
