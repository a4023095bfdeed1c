import type { NativeEvent, NativeSnapshot, NativeSource } from '../../native.js'
import { decode } from '../../lib/decode.js'
import { encode } from '../../lib/encode.js'
import { always } from './reader.js'

/** What the front asked of the native side. */
export type Request = { id: number; kind: string; path?: string | undefined; args?: unknown; timeoutMs?: number | undefined }

export const log = {
  /** Whether the event loop is kept alive. */
  held: false,
  requests: [] as Request[],
  aborted: [] as number[],
  answers: [] as { hostCall: number; ok: boolean; value: unknown }[],
  /** Native isolates that have not been collected. */
  live: 0,
  /** Id of the newest isolate. */
  created: 0,
}

let dispatch: (event: NativeEvent) => void
const finalizer = new FinalizationRegistry<null>(() => {
  log.live -= 1
})

/** Lets the native side report something, from no call of the front. */
export function report(event: NativeEvent): void {
  dispatch(event)
}

/** Answers a request with a value. */
export function answer(request: Request | undefined, value?: unknown): void {
  dispatch({ kind: 'done', id: request?.id ?? -1, bytes: encode(value, 'value', always) })
}

/** The newest request. */
export function last(): Request {
  return log.requests.at(-1) as Request
}

export const snapshot = { key: 'abc', info: JSON.stringify({ key: 'abc', sources: [{ role: 'bridge' }] }), bytes: () => new Uint8Array(1) } as NativeSnapshot

class Isolate {
  readonly id = (log.created += 1)

  constructor() {
    log.live += 1
    finalizer.register(this, null)
  }

  eval(id: number, source: NativeSource, timeoutMs?: number): void {
    log.requests.push({ id, kind: 'eval', path: source.name, args: source.code, timeoutMs })
  }

  call(id: number, path: string, args: Uint8Array, timeoutMs?: number): void {
    log.requests.push({ id, kind: 'call', path, args: decode(args), timeoutMs })
  }

  answer(hostCall: number, ok: boolean, value: Uint8Array): void {
    log.answers.push({ hostCall, ok, value: decode(value) })
  }

  stats(id: number): void {
    log.requests.push({ id, kind: 'stats' })
  }

  abort(id: number): void {
    log.aborted.push(id)
  }

  dispose(id: number): void {
    log.requests.push({ id, kind: 'dispose' })
  }
}

/** A native side that does what the test says. */
export function loadNative(): unknown {
  return {
    containsError: always,
    connect(_: unknown, given: typeof dispatch) {
      dispatch = given
      return {
        ref: () => (log.held = true),
        unref: () => (log.held = false),
        cancel: (id: number) => log.aborted.push(id),
        buildSnapshot: (id: number, args: unknown) => log.requests.push({ id, kind: 'build', args }),
        loadSnapshot: (id: number, args: unknown) => log.requests.push({ id, kind: 'load', args }),
        createIsolate(id: number, args: unknown) {
          log.requests.push({ id, kind: 'create', args })
          const isolate = new Isolate()
          setImmediate(() => dispatch({ kind: 'done', id, json: '{"seededFrom":"blank"}' }))
          return isolate
        },
      }
    },
  }
}
