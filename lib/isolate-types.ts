import type { ConsoleSink, UnhandledRejection } from './observe-types.js'
import type { Snapshot } from './snapshot.js'
import type { BuildSnapshotOptions } from './snapshot-types.js'

/**
 * A module for `import`: the code of an ES module, or code with a kind. `Source` without scripts, and
 * with JSON.
 */
export type ModuleSource = string | ModuleSourceObject

/** A module for `import`, with its kind and the name that stack traces show. */
export interface ModuleSourceObject {
  /** The code, or the JSON text. As long as an eighth of `memoryLimitMb` at most. */
  code: string
  /**
   * File name in stack traces and error positions, `import.meta.url`, and what the module's own
   * relative imports are relative to; not empty.
   *
   * @default the name it is imported by
   */
  name?: string
  /**
   * What it is.
   *
   * - `'module'`: an ES module.
   * - `'commonjs'`: a CommonJS module. Imported, its default export is `module.exports`, and the
   *   enumerable string keys of that are exports, too, with the values that they have when the module
   *   was evaluated. It is evaluated before the ES modules of the graph that imports it.
   * - `'json'`: JSON, imported `with { type: 'json' }`; its value is the default export.
   *
   * @default 'module'
   */
  type?: 'module' | 'commonjs' | 'json'
}

/**
 * Finds a module for the guest's `import`: its source, or null or undefined if there is none
 * (`ERR_MODULE_NOT_FOUND`). May return a promise, for which the guest waits within its call's
 * `timeoutMs`. What it throws is the `cause` of the guest's failed import.
 *
 * The guest chooses the specifier. It is asked for each once, unless it found none or threw.
 *
 * @param specifier what is imported; one that began with `./`, `../` or `/` is resolved already
 * @param referrer name of the source that imports it; empty for `isolate.import`
 */
export type ModuleLoader = (
  specifier: string,
  referrer: string,
) => ModuleSource | null | undefined | Promise<ModuleSource | null | undefined>

/** Options of `createIsolate`. An unknown option is refused. */
export interface CreateIsolateOptions {
  /**
   * What the isolate starts from: a snapshot, or a file's path or bytes to load
   * one from, as `Snapshot.load` does. Without it, and without `fallback`, a
   * blank isolate.
   */
  snapshot?: Snapshot | string | Uint8Array
  /**
   * What the isolate starts from when the snapshot can't be used: it can't be
   * read (`ERR_SNAPSHOT_IO`), is damaged (`ERR_SNAPSHOT_CORRUPT`), or is of
   * another V8 or platform (`ERR_SNAPSHOT_MISMATCH`). Slower, but it starts:
   * the sources are evaluated in a blank isolate, bridge first, within
   * `memoryLimitMb`, and all together within `timeoutMs`; each may be as long as
   * an eighth of `memoryLimitMb`. As when a snapshot is built, the functions of
   * `bindings` exist and refuse to be called meanwhile, and `globals` come
   * afterwards.
   *
   * `isolate.seededFrom` is then `'fallback'`, and a process warning with code
   * `ISOSEED_FALLBACK` says why, once for each reason. Without `snapshot` the
   * isolate always starts from these sources, and nothing is warned of.
   */
  fallback?: Pick<BuildSnapshotOptions, 'bridge' | 'bundle'>
  /**
   * Limit for JavaScript heap, ArrayBuffers and WebAssembly memories together, in MiB; an integer
   * from 8 to 65536, and at least what the snapshot's own heap needs. Past it,
   * what runs fails with `ERR_MEMORY_LIMIT` and the isolate is finished.
   *
   * @default 128
   */
  memoryLimitMb?: number
  /**
   * Time for each `eval` and `call`, and for all sources of `fallback` together,
   * in milliseconds: synchronous code, microtasks and pending host calls. An integer from 1 to
   * 2147483647, or `Infinity` for no limit. Past it, the call fails with
   * `ERR_TIMEOUT` and the isolate stays usable.
   *
   * @default 30000
   */
  timeoutMs?: number
  /**
   * CPU time that the isolate's thread may use in the session's whole life, in milliseconds: from the
   * session's start on, also in an isolate that was restored ahead of it. An integer from 1 to
   * 2147483647, or `Infinity` for no limit. Past it, what runs fails with `ERR_CPU_LIMIT` and the
   * isolate is finished.
   *
   * Waiting for the host costs nothing. What V8's helper threads do for the isolate (garbage collection
   * beside it, optimising compilation) is not counted.
   *
   * @default Infinity
   */
  cpuLimitMs?: number
  /**
   * What the guest may make code from. `strings: false`: `eval`, `new Function` and their like throw
   * V8's `EvalError`, however the guest came by them. `wasm: false`: compiling WebAssembly throws a
   * `WebAssembly.CompileError`, also of a module that the snapshot brings, which is compiled when the
   * session first uses it. Holds for the sources of `fallback`, too. What the snapshot's sources made of
   * strings while it was built stays.
   *
   * @default { strings: true, wasm: true }
   */
  codegen?: { strings?: boolean; wasm?: boolean }
  /**
   * Values of this session: each own enumerable property becomes a global of
   * that name, after the snapshot was restored. They are cloned; functions and
   * streams among them cross as references.
   *
   * @default {}
   */
  globals?: Record<string, unknown>
  /**
   * Host functions that the guest may call, as globals under their names;
   * objects nest. In the guest each is an async function: arguments and result
   * are cloned, and an error crosses with name, message, code and cause, and
   * without the host's stack. One given as `{ sync: true, fn }` returns its
   * answer instead of a promise: the guest waits for it.
   *
   * @default {}
   */
  bindings?: Record<string, HostFunction | SyncBinding | HostObject>
  /**
   * What the guest's `import` and `import()`, and `isolate.import`, find: sources by name, or a
   * function that finds them. The modules of the snapshot, or of the fallback, come first.
   *
   * A specifier that begins with `./`, `../` or `/` is relative to the name of the source that
   * imports it, as in URLs; any other is taken as it is. In names here, `./a.js` is `a.js`. There is
   * no search for extensions or folders. A module that is not found is `ERR_MODULE_NOT_FOUND`.
   *
   * @default {}
   */
  modules?: Record<string, ModuleSource> | ModuleLoader
  /**
   * Whether the isolate runs in a child process, with the same API: for the hard guarantee. A fatal
   * error of V8, a builtin that can't be stopped, memory that no limit of V8's counts: nothing of it
   * touches the host, and the child is ended. Its memory may grow by at most three times
   * `memoryLimitMb` and 64 MiB (on Linux).
   *
   * Each isolate has a child process to itself, which is used again if it was disposed in good order;
   * a spare one is held ready. The first one takes as long as a process of Node.js needs to start, and each
   * call goes through a pipe. Children do not keep the process alive, and end with it.
   *
   * @default false
   */
  process?: boolean
  /**
   * What becomes of the guest's `console`: `'ignore'`, `'inherit'` to print it with the host's own, or a
   * function that is called for each entry, in order, on the host's thread. Code that captured a method
   * of `console` while its snapshot was built writes to its session's sink, too.
   *
   * At most 512 entries and 1 MiB are under way to the host; the guest waits for it then, within its own
   * deadline. If the host takes none for a second, entries are dropped until it does, and one with
   * `dropped` says how many. What the function throws is an uncaught exception of the host.
   *
   * @default 'ignore'
   */
  console?: ConsoleSink
  /**
   * Called for each error of the guest that nobody caught: a promise that was rejected and has no handler
   * when its turn ends, and what callbacks throw. It is called before the call that caused it settles,
   * which goes on undisturbed. Without it, such an error is an entry of `console` with level `'error'`.
   * What the function throws is an uncaught exception of the host.
   */
  onUnhandledRejection?: (rejection: UnhandledRejection) => void
  /**
   * How large and how deep values may be, both ways: arguments, results, answers of bindings, `globals`.
   * One that is larger or deeper is refused (`ERR_DATA_CLONE`), and the isolate stays usable; in the
   * guest a binding's call with such arguments fails with a `TypeError`.
   *
   * @default no limits but memory and stack
   */
  valueLimits?: ValueLimits
}

/** Limits of the values that cross. What is absent is not limited beyond memory and stack. */
export interface ValueLimits {
  /**
   * How deep a value may be nested; an integer from 1 to 1000000. An array of primitives is 1 deep, a
   * `Map` of such arrays 2; an error's `cause` and `errors` count as values of their own. Without it,
   * as deep as V8's stack allows, some thousand levels.
   */
  depth?: number
  /**
   * Size of one encoded value, or of a call's arguments together, with the buffers that move along, in
   * bytes; an integer from 1 to 2 ** 40. Never more than `memoryLimitMb`.
   */
  bytes?: number
}

/**
 * A function of the host that the guest may call. It may return a promise. It
 * is called with the object that holds it as `this`.
 */
// `any`, because a function that asks for specific parameters must be assignable; the guest decides what it passes.
export type HostFunction = (...args: any[]) => unknown

/**
 * A function of the host whose answer the guest waits for: the guest gets the
 * plain value, or the error is thrown. `fn` may return a promise: only the
 * isolate's own thread is blocked, and the guest's time limit goes on.
 *
 * What `fn` itself calls in the same isolate, directly or by what it awaits, runs within the guest's
 * call. If that was made in a promise's reaction (after an `await`), the
 * guest can settle no promise meanwhile: a call that would wait for one fails
 * with `ERR_NESTED_CALL`. Other calls wait until `fn` has answered.
 */
export interface SyncBinding {
  readonly sync: true
  /** It is called with this object as `this`. */
  readonly fn: HostFunction
}

/** Host functions under names; may nest. */
export interface HostObject {
  readonly [name: string]: HostFunction | SyncBinding | HostObject
}

/** Options of `eval`, `call` and `import`. An unknown option is refused. */
export interface CallOptions {
  /**
   * Time for this call, in milliseconds; an integer from 1 to 2147483647, or
   * `Infinity` for no limit.
   *
   * @default the isolate's `timeoutMs`
   */
  timeoutMs?: number
  /** Aborting it stops the call and rejects with the signal's `reason`; the isolate stays usable. */
  signal?: AbortSignal
  /**
   * Only for `eval`: file name in stack traces if the source has none of its own.
   *
   * @default 'eval.js'
   */
  filename?: string
  /**
   * Only for `call`: buffers in the arguments that move to the guest instead of being copied twice.
   * They are detached here as soon as the call is sent, as with `structuredClone`; not when an argument
   * can't be cloned. In the guest they count towards `memoryLimitMb`. Each must be a whole `ArrayBuffer`
   * that Node lets go: not a small `Buffer`'s, which is a part of Node's pool. A resizable one stays
   * resizable, and is copied.
   *
   * @default []
   */
  transfer?: ArrayBuffer[]
  /**
   * Only for `eval` and `call`: whether every `ArrayBuffer` in the result, also of a view, moves out of the guest, where it is
   * detached. Large ones arrive without being copied: such a buffer can move into another isolate with
   * `transfer`, but Node does not take it for `postMessage` (make a copy with `slice`).
   *
   * @default false
   */
  transferResult?: boolean
}
