import { makeApi } from './api-proxy.js'
import { isPath } from './bindings.js'
import { wrong } from './checks.js'
import { invalidArg } from './errors.js'
import { IsolateCore } from './isolate-core.js'
import { checkCallOptions, checkEval, checkIsolateOptions } from './options.js'
import type { IsolateRequest } from './options.js'
import type { Remote } from './remote.js'
import { startSeeded } from './seed.js'
import type { SeededFrom } from './seed.js'
import { nativeSnapshot } from './snapshot.js'
import type { CallOptions, CreateIsolateOptions, IsolateStats, Source } from './types.js'

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
   * @throws `IsoseedError` with `ERR_TIMEOUT`, `ERR_CPU_LIMIT`, `ERR_MEMORY_LIMIT`, `ERR_DISPOSED`, `ERR_ISOLATE_LOST` or `ERR_DATA_CLONE`
   */
  call<T = unknown>(path: string, args: unknown[] = [], options?: CallOptions): Promise<T> {
    if (!isPath(path)) throw wrong('isolate.call', 'path', 'a name or a dotted path', path)
    if (!Array.isArray(args)) throw wrong('isolate.call', 'args', 'an array', args)
    return this.#core.call(path, args, checkCallOptions(options, this.#timeoutMs)) as Promise<T>
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
  const { core, seededFrom } = await startSeeded(request)
  return makeIsolate<Api>(core, request.timeoutMs, seededFrom)
}
