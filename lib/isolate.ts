import type { ReadableStream } from 'node:stream/web'
import { makeApi } from './api-proxy.js'
import { isPath } from './bindings.js'
import { checkFileName, wrong } from './checks.js'
import { hasSubscribers, publish } from './diagnostics.js'
import { invalidArg } from './errors.js'
import type { Inspector } from './inspect.js'
import { checkCpuProfile, checkHeapSnapshot, checkInspect } from './inspect-options.js'
import type { CpuProfile, CpuProfileOptions, HeapSnapshotOptions, InspectOptions } from './inspector-types.js'
import { IsolateCore } from './isolate-core.js'
import { checkCallOptions, checkEval, checkIsolateOptions } from './options.js'
import type { IsolateRequest } from './options.js'
import type { Remote } from './remote.js'
import { startSeeded } from './seed.js'
import type { SeededFrom } from './seed.js'
import { nativeSnapshot } from './snapshot.js'
import type { CallOptions, CreateIsolateOptions } from './isolate-types.js'
import type { Source } from './source.js'
import type { IsolateStats } from './report-types.js'

let makeIsolate: <Api extends object>(core: IsolateCore, timeoutMs: number, seededFrom: SeededFrom) => Isolate<Api>

/**
 * One session: a V8 isolate of its own on a thread of its own, made by
 * `createIsolate`. Calls run one after the other, in the order they were made.
 *
 * Dispose it when it is done, best with `await using`; one that is garbage
 * collected is disposed.
 */
export class Isolate<Api extends object = Record<string, any>> implements AsyncDisposable {
  static {
    makeIsolate = (core, timeoutMs, seededFrom) => new Isolate(core, timeoutMs, seededFrom)
  }

  /** What the isolate started from; `'fallback'` when the snapshot could not be used. */
  readonly seededFrom: 'snapshot' | 'fallback' | 'blank'

  readonly #core: IsolateCore
  readonly #timeoutMs: number
  readonly #api: Remote<Api>

  private constructor(core: IsolateCore, timeoutMs: number, seededFrom: SeededFrom) {
    if (!(core instanceof IsolateCore)) throw invalidArg('an Isolate is made by createIsolate, not by new')
    this.seededFrom = seededFrom
    this.#core = core
    this.#timeoutMs = timeoutMs
    // Refers to the core, not to this object: an `api` alone is enough to keep a session.
    this.#api = makeApi((path, args) => core.call(path, args, checkCallOptions(undefined, timeoutMs))) as Remote<Api>
  }

  /**
   * The guest's global functions, to be called like local ones:
   * `await isolate.api.math.add(1, 2)`. Each call has the isolate's own time
   * limit; for other options, and for functions named `then` or `toJSON`, there
   * is `call`.
   */
  get api(): Remote<Api> {
    return this.#api
  }

  /**
   * Evaluates code in the isolate's global scope and returns a clone of its
   * value; a promise is awaited first. Functions in it are `RemoteFunction`s,
   * and streams async iterables.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `GuestError` if the code throws, or the promise rejects; a `RangeError` if the code is longer
   * than an eighth of the isolate's memory limit
   * @throws `IsoseedError` with `ERR_MODULE_NOT_FOUND` for an import that is not caught
   * @throws `IsoseedError` with `ERR_TIMEOUT`, `ERR_CPU_LIMIT`, `ERR_MEMORY_LIMIT`, `ERR_DISPOSED`, `ERR_ISOLATE_LOST` or `ERR_DATA_CLONE`
   */
  eval<T = unknown>(source: Source, options?: CallOptions): Promise<T> {
    return this.#core.eval(checkEval(source, options, this.#timeoutMs)) as Promise<T>
  }

  /**
   * Calls a global function of the guest, such as `'math.add'`, with clones of
   * the arguments, and returns a clone of its result; a promise is awaited
   * first. It is called with the object that holds it as `this`.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `GuestError` if the function throws, or its promise rejects
   * @throws `IsoseedError` with `ERR_MODULE_NOT_FOUND` for an import that is not caught
   * @throws `IsoseedError` with `ERR_TIMEOUT`, `ERR_CPU_LIMIT`, `ERR_MEMORY_LIMIT`, `ERR_DISPOSED`, `ERR_ISOLATE_LOST` or `ERR_DATA_CLONE`
   */
  call<T = unknown>(path: string, args: unknown[] = [], options?: CallOptions): Promise<T> {
    if (!isPath(path)) throw wrong('isolate.call', 'path', 'a name or a dotted path', path)
    if (!Array.isArray(args)) throw wrong('isolate.call', 'args', 'an array', args)
    return this.#core.call(path, args, checkCallOptions(options, this.#timeoutMs)) as Promise<T>
  }

  /**
   * Imports a module of the snapshot or of `modules`, and returns a clone of what it exports, as an
   * object; of JSON and CommonJS, too, the value is `default`. It is evaluated once, however often it
   * is imported. Relative specifiers are relative to nothing: `./a.js` is `a.js`. A function that is
   * exported as `then` is left out: a promise would call it.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `GuestError` if the module can't be compiled, linked or loaded (`cause` is what the loader
   * threw), or throws
   * @throws `IsoseedError` with `ERR_MODULE_NOT_FOUND` if the module, or one that it imports, is not there
   * @throws `IsoseedError` with `ERR_TIMEOUT`, `ERR_MEMORY_LIMIT`, `ERR_DISPOSED`, `ERR_ISOLATE_LOST` or `ERR_DATA_CLONE`
   */
  import<T = Record<string, unknown>>(specifier: string, options?: CallOptions): Promise<T> {
    const name = checkFileName('isolate.import', 'specifier', specifier)
    return this.#core.import(name, checkCallOptions(options, this.#timeoutMs, 'isolate.import')) as Promise<T>
  }

  /**
   * Figures of this isolate: memory, CPU time, calls.
   *
   * @throws `IsoseedError` with `ERR_DISPOSED` if the isolate is disposed or finished
   */
  stats(): Promise<IsolateStats> {
    return this.#core.stats()
  }

  /**
   * Opens the isolate for debuggers: the Chrome DevTools Protocol over a
   * WebSocket on this machine's loopback, as `node --inspect` does for Node's own
   * code. Works while the guest runs, also in an endless loop. Whoever reaches
   * it controls the guest, and can call its bindings. See docs/debugging.md.
   *
   * Time that the guest stands at a breakpoint does not count towards `timeoutMs`.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
   * @throws `IsoseedError` with `ERR_DISPOSED` if the isolate is disposed or finished
   * @throws the system's error, such as `EADDRINUSE`, if it can't listen there
   */
  inspect(options?: InspectOptions): Promise<Inspector> {
    return this.#core.inspect(checkInspect(options))
  }

  /**
   * Profiles the isolate's thread while `work` runs: call the isolate there. The
   * profile is what a `.cpuprofile` file holds, as JSON. V8 drops its optimized
   * code at the beginning, so that loops which run already have their names.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws whatever `work` throws or rejects with; there is no profile then
   * @throws `IsoseedError` with `ERR_INSPECTOR` if Node's own CPU profiler runs in this process, with `ERR_DISPOSED` if
   * the isolate is disposed or finished
   */
  cpuProfile(work: () => unknown, options?: CpuProfileOptions): Promise<CpuProfile> {
    return this.#core.cpuProfile(checkCpuProfile(work, options))
  }

  /**
   * Takes a heap snapshot, as DevTools loads it from a `.heapsnapshot` file. Like
   * a call, it waits until calls made before have had their turn; there is no
   * time limit. It takes memory of the process beyond the isolate's limit: about
   * as much as the isolate's heap again.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
   * @throws `IsoseedError` with `ERR_SNAPSHOT_IO` if the file can't be written, with `ERR_DISPOSED` if the isolate is
   * disposed or finished
   */
  heapSnapshot(options: HeapSnapshotOptions & { path: string }): Promise<void>
  /**
   * Takes a heap snapshot and returns it as a stream of JSON text in UTF-8. It is
   * on disk, in the system's folder for temporary files, until the stream is
   * read to its end, cancelled, or the process ends.
   */
  heapSnapshot(options?: HeapSnapshotOptions & { path?: undefined }): Promise<ReadableStream<Uint8Array>>
  heapSnapshot(options?: HeapSnapshotOptions): Promise<ReadableStream<Uint8Array> | void> {
    return this.#core.heapSnapshot(checkHeapSnapshot(options))
  }

  /**
   * Ends the session: stops what runs, rejects pending calls with
   * `ERR_DISPOSED`, and frees its memory. May be called again, and then
   * returns the same promise.
   */
  dispose(): Promise<void> {
    return this.#core.dispose()
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/**
 * Starts an isolate: from a snapshot, from the sources of `fallback` when the
 * snapshot can't be used, or blank. One that `snapshot.prewarm` holds ready is
 * taken if its memory limit is the same.
 *
 * The type argument describes the guest's global functions, for `api`.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
 * @throws `TypeError` with `ERR_INVALID_ARG` later, if the snapshot does not let a global or binding be
 * defined: it is read-only there, or hidden by a top-level `let`, `const` or `class`
 * @throws `TypeError` with `ERR_INVALID_ARG` later, if `memoryLimitMb` is too small for a snapshot that had to be loaded
 * @throws `IsoseedError` with `ERR_SNAPSHOT_IO`, `ERR_SNAPSHOT_CORRUPT` or `ERR_SNAPSHOT_MISMATCH` if the snapshot
 * can't be used, and there is no `fallback`
 * @throws `GuestError` if a source of `fallback` throws; a `RangeError` if it is too long
 * @throws `IsoseedError` with `ERR_TIMEOUT`, `ERR_CPU_LIMIT` or `ERR_MEMORY_LIMIT` if the sources of `fallback` pass a limit
 * @throws `IsoseedError` with `ERR_DATA_CLONE` if `globals` can't be cloned
 */
export function createIsolate<Api extends object = Record<string, any>>(options?: CreateIsolateOptions): Promise<Isolate<Api>> {
  return open<Api>(checkIsolateOptions(options, nativeSnapshot))
}

async function open<Api extends object>(request: IsolateRequest): Promise<Isolate<Api>> {
  const began = performance.now()
  const { core, seededFrom } = await startSeeded(request)
  if (hasSubscribers('isoseed:isolate:create')) {
    const { memoryLimitMb, timeoutMs } = request
    publish('isoseed:isolate:create', { isolateId: core.id, seededFrom, memoryLimitMb, timeoutMs, durationMs: performance.now() - began })
  }
  return makeIsolate<Api>(core, request.timeoutMs, seededFrom)
}
