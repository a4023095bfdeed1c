import { channel, tracingChannel } from 'node:diagnostics_channel'
import { IsoseedError } from './errors.js'
import type { CallTrace, DiagnosticsChannels, IsolateDisposed, SnapshotBuildTrace } from './diagnostics-types.js'

type Plain = Extract<keyof DiagnosticsChannels, `isoseed:${string}`>

const plain: { readonly [Name in Plain]: ReturnType<typeof channel> } = {
  'isoseed:isolate:create': channel('isoseed:isolate:create'),
  'isoseed:isolate:dispose': channel('isoseed:isolate:dispose'),
  'isoseed:limit': channel('isoseed:limit'),
}

/** Whether a message would reach anyone: it need not be put together otherwise. */
export function hasSubscribers(name: Plain): boolean {
  return plain[name].hasSubscribers
}

/** What a subscriber throws is an uncaught exception of the host: Node sees to that. */
export function publish<Name extends Plain>(name: Name, message: DiagnosticsChannels[Name]): void {
  plain[name].publish(message)
}

/** Operations that are traced, as `tracingChannel` names them. */
type Traced = 'isoseed:call' | 'isoseed:snapshot:build'

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const

function traced(name: Traced): { tracing: ReturnType<typeof tracingChannel>; isWatched: () => boolean } {
  const channels = EVENTS.map((event) => channel(`tracing:${name}:${event}`))
  // `TracingChannel` has a `hasSubscribers` of its own only in later versions of Node 20.
  return { tracing: tracingChannel(name), isWatched: () => channels.some((each) => each.hasSubscribers) }
}

const call = traced('isoseed:call')
const build = traced('isoseed:snapshot:build')

/** Runs one call of an isolate, traced if anyone wants to know. */
export function traceCall<T>(describe: () => CallTrace, run: () => Promise<T>): Promise<T> {
  return call.isWatched() ? call.tracing.tracePromise(run, describe()) : run()
}

/** Builds a snapshot, traced if anyone wants to know. */
export function traceBuild<T>(describe: () => SnapshotBuildTrace, run: () => Promise<T>): Promise<T> {
  return build.isWatched() ? build.tracing.tracePromise(run, describe()) : run()
}

const LIMITS: ReadonlySet<string> = new Set(['ERR_TIMEOUT', 'ERR_CPU_LIMIT', 'ERR_MEMORY_LIMIT', 'ERR_ISOLATE_LOST'])

/** Tells of the limits that one isolate hits: of each call's, and once of the one that finished it. */
export class LimitReporter {
  readonly #isolateId: number
  #finished = false

  constructor(isolateId: number) {
    this.#isolateId = isolateId
  }

  /** Why a call failed. */
  see(error: unknown, kind: CallTrace['kind'], name: string): void {
    const limit = limitIn(error)
    if (limit === undefined || this.#finished) return
    this.#finished = limit.code !== 'ERR_TIMEOUT'
    if (!hasSubscribers('isoseed:limit')) return
    publish('isoseed:limit', { isolateId: this.#isolateId, code: limit.code as 'ERR_TIMEOUT', error: limit, kind, name })
  }
}

/** The limit that an error is about; of a call on a finished isolate, the one that finished it. */
function limitIn(error: unknown): IsoseedError | undefined {
  if (!(error instanceof IsoseedError)) return undefined
  if (LIMITS.has(error.code)) return error
  return error.code === 'ERR_DISPOSED' ? limitIn(error.cause) : undefined
}

/** Tells that an isolate is gone. */
export function tellDisposed(isolateId: number, reason: IsolateDisposed['reason']): void {
  if (hasSubscribers('isoseed:isolate:dispose')) publish('isoseed:isolate:dispose', { isolateId, reason })
}
