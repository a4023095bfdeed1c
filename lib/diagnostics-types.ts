import type { IsoseedError } from './errors.js'

/** Message of the channel `isoseed:isolate:create`: an isolate is ready. */
export interface IsolateCreated {
  /** Unique in the process; the same as in all other messages about this isolate. */
  isolateId: number
  /** What it started from. */
  seededFrom: 'snapshot' | 'fallback' | 'blank'
  /** Its memory limit, in MiB. */
  memoryLimitMb: number
  /** Its time limit for each call, in milliseconds; may be `Infinity`. */
  timeoutMs: number
  /** How long `createIsolate` took, in milliseconds. */
  durationMs: number
}

/** Message of the channel `isoseed:isolate:dispose`: an isolate is gone. */
export interface IsolateDisposed {
  /** Which isolate. */
  isolateId: number
  /** `'dispose'`: it was disposed, and its memory is given back. `'collected'`: it was garbage-collected. */
  reason: 'dispose' | 'collected'
}

/** Message of the channel `isoseed:limit`: a call passed a limit, or found its isolate finished by one. */
export interface LimitHit {
  /** Which isolate. */
  isolateId: number
  /** Which limit. After all but `ERR_TIMEOUT` the isolate is finished, and nothing more is told of it. */
  code: 'ERR_TIMEOUT' | 'ERR_CPU_LIMIT' | 'ERR_MEMORY_LIMIT' | 'ERR_ISOLATE_LOST'
  /** The error about the limit. */
  error: IsoseedError
  /** The call that learnt of it. */
  kind: 'eval' | 'call' | 'import'
  /** The name of that call's source, its path, or its specifier. */
  name: string
}

/** Context of the tracing channel `isoseed:call`: one `eval`, `call` or `import`. */
export interface CallTrace {
  /** Which isolate. */
  isolateId: number
  /** Which method of `Isolate`; calls by way of `api` are `'call'`. */
  kind: 'eval' | 'call' | 'import'
  /** The name of the source, the path that is called, or the specifier. */
  name: string
  /** The time limit, in milliseconds; absent for none. */
  timeoutMs?: number
  /** Later: what it came to. */
  result?: unknown
  /** Later: why it failed. */
  error?: unknown
}

/** Context of the tracing channel `isoseed:snapshot:build`: one call of `buildSnapshot`. */
export interface SnapshotBuildTrace {
  /** The names of bridge and bundles, in order of evaluation. */
  sources: string[]
  /** Whether the cache in memory may answer it. */
  cache: boolean
  /** Later: the `Snapshot`. */
  result?: unknown
  /** Later: why it failed. */
  error?: unknown
}

/**
 * The messages of isoseed's channels of `node:diagnostics_channel`, by the channels' names. Those that
 * begin with `tracing:` are the five channels of `tracingChannel('isoseed:call')` and
 * `tracingChannel('isoseed:snapshot:build')`. Nothing is put together for a channel without subscribers;
 * what a subscriber throws is an uncaught exception of the host, and disturbs no call.
 */
export interface DiagnosticsChannels {
  /** An isolate is ready. */
  'isoseed:isolate:create': IsolateCreated
  /** An isolate is gone. */
  'isoseed:isolate:dispose': IsolateDisposed
  /** A limit was hit. */
  'isoseed:limit': LimitHit
  /** A call is about to be sent. */
  'tracing:isoseed:call:start': CallTrace
  /** It was sent. */
  'tracing:isoseed:call:end': CallTrace
  /** It has come to an end; `result` or `error` is there. */
  'tracing:isoseed:call:asyncStart': CallTrace
  /** Its promise is settled. */
  'tracing:isoseed:call:asyncEnd': CallTrace
  /** It failed; `error` is there. */
  'tracing:isoseed:call:error': CallTrace
  /** A build is about to be asked for. */
  'tracing:isoseed:snapshot:build:start': SnapshotBuildTrace
  /** It was asked for. */
  'tracing:isoseed:snapshot:build:end': SnapshotBuildTrace
  /** It has come to an end; `result` or `error` is there. */
  'tracing:isoseed:snapshot:build:asyncStart': SnapshotBuildTrace
  /** Its promise is settled. */
  'tracing:isoseed:snapshot:build:asyncEnd': SnapshotBuildTrace
  /** It failed; `error` is there. */
  'tracing:isoseed:snapshot:build:error': SnapshotBuildTrace
}
