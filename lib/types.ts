import type { ConsoleSink, UnhandledRejection } from './observe-types.js'
import type { Snapshot } from './snapshot.js'

/** JavaScript to evaluate: the code itself, or the code with a name. */
export type Source = string | SourceObject

/** JavaScript to evaluate, with the name that stack traces show. */
export interface SourceObject {
  /** The code. */
  code: string
  /**
   * File name in stack traces and error positions; not empty.
   *
   * @default `bridge.js`, `bundle.js` (`bundle-1.js`, `bundle-2.js`, ... if there are several), `warmup.js`, `eval.js`
   */
  name?: string
  /**
   * How to evaluate the code.
   *
   * - `'script'`: a classic script in the global scope.
   * - `'commonjs'`: a CommonJS module. It finds `module`, `exports` and `require`; `require` finds the
   *   other modules of the same snapshot or fallback by their `name`, relative ones (`./util.js`) as
   *   seen from its own name, and in a session those of `modules`. An ES module must be evaluated before.
   * - `'module'`: an ES module. Static and dynamic imports find other modules of the same snapshot or
   *   fallback by their `name`, CommonJS modules too, and in a session those of `modules`. Later code
   *   can `import(name)` it, unless `eval` was given it.
   *
   * @default 'script'
   */
  type?: 'script' | 'commonjs' | 'module'
  /**
   * Only for modules: the global under which `module.exports`, or the ES module's namespace, is
   * published. A name or a dotted path such as `'libs.parser'`, whose objects are made if missing.
   */
  global?: string
}

/** Options of `buildSnapshot`. An unknown option is refused. */
export interface BuildSnapshotOptions {
  /** Trusted boot script; runs first. */
  bridge?: Source
  /** The libraries; run after the bridge, in order. */
  bundle?: Source | Source[]
  /**
   * Exercises the bundle, in a context of its own that is thrown away: none of its effects stay, but
   * functions that it called stay compiled in the snapshot, and a session's first call of them is
   * faster. Bridge and bundle run once more for it while building.
   */
  warmup?: Source
  /**
   * Builds on top of another snapshot: its globals and modules are there when the sources run. The
   * new snapshot is complete in itself; its `key` covers the base's.
   */
  base?: Snapshot
  /**
   * Host functions that exist, and refuse to be called, while building:
   * global names or dotted paths, such as `['fetchUser', 'db.get']`. Code that
   * captured one can call it in every isolate that supplies it.
   *
   * @default []
   */
  bindings?: string[]
  /**
   * What to do about code that does not belong into a snapshot, though V8 could save it: a host call
   * or a timer while building, a promise that nothing can settle any more, a use of something that
   * only exists in sessions. `'error'` refuses the snapshot with `ERR_SNAPSHOT_UNSAFE`, `'warn'`
   * lists it in `info.warnings`. What V8 can't save is refused either way.
   *
   * @default 'error'
   */
  unsafe?: 'error' | 'warn'
  /**
   * Time for the whole build, in milliseconds; an integer from 1 to
   * 2147483647. Past it, the build fails with `ERR_SNAPSHOT_BUILD`.
   *
   * @default 60000
   */
  timeoutMs?: number
  /**
   * Memory that the sources may use while building, in MiB; an integer from 8
   * to 65536. Past it, the build fails with `ERR_SNAPSHOT_BUILD`.
   *
   * @default 512
   */
  memoryLimitMb?: number
  /**
   * Whether to take the snapshot from, and keep it in, this process's memory.
   * The same sources and options give the same snapshot, and are built once
   * however many ask at the same time. A build whose sources throw or can't be
   * captured is not tried again within two seconds: it fails with the same error.
   *
   * A path: in this directory on disk, too, which other processes can share. It
   * is made if it is missing, readable by its owner alone. Whoever asks while
   * another process builds the same snapshot waits for it, within `timeoutMs`.
   * A damaged file is built anew; the snapshots used longest ago are removed
   * when all together pass a limit, see `snapshotCache`. A directory that can't
   * be used never fails a build: it is a warning of the process, with code
   * `ISOSEED_CACHE`, once for each directory.
   *
   * The snapshots in it are code that sessions run: nobody whom you don't
   * trust may write to it. One that everyone can write to is not used.
   *
   * @default true
   */
  cache?: boolean | string
  /** Aborting it rejects with the signal's `reason`; the build stops when nobody else waits for it. */
  signal?: AbortSignal
  /**
   * Called when a phase of the build begins, and when it ends. Not called for a snapshot that comes
   * from a cache. What it throws is not caught.
   */
  onProgress?: (progress: BuildProgress) => void
}

/** What a build is doing. */
export interface BuildProgress {
  /**
   * - `'start'`: the helper process starts V8.
   * - `'rehearse'`: a source runs in a context that is thrown away, in other surroundings.
   * - `'warmup'`: a source, or the warm-up, runs in another context that is thrown away.
   * - `'evaluate'`: a source runs in the context that the snapshot keeps.
   * - `'check'`: the heap is looked through.
   * - `'serialize'`: V8 writes the heap image.
   * - `'probe'`: the heap image is restored once.
   */
  phase: 'start' | 'rehearse' | 'warmup' | 'evaluate' | 'check' | 'serialize' | 'probe'
  /** Name of the source that it works on, if it is about one. */
  source?: string
  /** Time since the build began, in milliseconds. */
  elapsedMs: number
  /** Only when the phase ends: how long it took, in milliseconds. */
  durationMs?: number
}

/** What the cache of built snapshots holds and does, in this process with all its Workers. */
export interface SnapshotCacheStats {
  /** Snapshots that are kept in memory. */
  entries: number
  /** Their size together, in bytes. What only isolates and `Snapshot` objects hold does not count. */
  bytes: number
  /** How much they may take together, in bytes. */
  limitBytes: number
  /** How much the snapshots in one directory may take together, in bytes. */
  directoryLimitBytes: number
  /** Builds that run now, or wait for another process; also those without the cache. */
  building: number
  /** How often a snapshot was taken from memory. */
  hits: number
  /** How often a request joined a build that ran already. */
  joins: number
  /** How often a snapshot was taken from a directory. */
  diskHits: number
  /** How often a snapshot was really built: the misses, and the builds without the cache. */
  builds: number
  /** How many builds failed, or were aborted by all who waited for them. */
  failures: number
  /** How often a request was answered with the error of a build that had just failed. */
  failureHits: number
}

/** Limits of the cache of built snapshots. What is absent stays as it is. */
export interface SnapshotCacheLimits {
  /**
   * How much the snapshots in memory may take together, in MiB; an integer from 0 to 1048576. Those
   * used longest ago are dropped first; one that is larger by itself is not kept. 256 at first.
   */
  memoryMb?: number
  /**
   * How much the snapshots in one directory may take together, in MiB; an integer from 0 to 1048576.
   * Those used longest ago are removed first, when a snapshot is written there; one that is larger by
   * itself is not written. 1024 at first.
   */
  directoryMb?: number
}

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

/** One source that a snapshot was built from. */
export interface SnapshotSource {
  /** Which option it was. */
  readonly role: 'bridge' | 'bundle' | 'warmup'
  /** Its file name. */
  readonly name: string
  /** Its size in UTF-8. */
  readonly bytes: number
}

/** Something in the heap that can't be, or must not be, captured. */
export interface SnapshotFinding {
  /** Stable name of the rule that found it. */
  readonly rule: string
  /**
   * Path of the object from the global, such as `shop.cache.get("de").format`. What lies in a function's
   * scope, behind a bound function or in a promise is named as in Node's debugger, as in
   * `shop.total.[[Scope]].rates`; `globalThis` if there is no object to name.
   */
  readonly path: string
  /** Where in the sources it comes from, if known: `file:line:column`. */
  readonly source?: string
  /** What is wrong. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

/** Something about a snapshot that is worth knowing and did not stop the build. */
export interface SnapshotWarning {
  /** Stable name of the rule that found it. */
  readonly rule: string
  /** What was noticed. */
  readonly message: string
  /** Path of the object from the global, if it is about one. */
  readonly path?: string
  /** Where in the sources it comes from, if known: `file:line:column`. */
  readonly source?: string
  /** What to do about it. */
  readonly hint?: string
}

/** What the header of a snapshot says. */
export interface SnapshotInfo {
  /** Hex SHA-256 over the sources and every option that changes the heap. */
  readonly key: string
  /** Version of the container format. */
  readonly formatVersion: number
  /** The V8 that built it, and the only one that can load it. */
  readonly v8Version: string
  /** Operating system and architecture, such as `linux-x64`. */
  readonly platform: string
  /** When it was built, as an ISO 8601 date in UTC. */
  readonly createdAt: string
  /** Key of the snapshot that it was built on, if any. */
  readonly base?: string
  /** What it was built from, in the order of evaluation; the base's sources come first. */
  readonly sources: readonly SnapshotSource[]
  /** What was noticed while building. */
  readonly warnings: readonly SnapshotWarning[]
  /** Size of V8's heap image, in bytes. */
  readonly blobBytes: number
  /** Size of the whole snapshot, header included, in bytes, when it is not compressed. */
  readonly bytes: number
  /** Size of the file that it was read from, in bytes; only there if that is compressed. */
  readonly compressedBytes?: number
  /** JavaScript heap of an isolate right after it was restored, in bytes. */
  readonly heapBytes: number
  /** How long the build took, in milliseconds. */
  readonly buildMs: number
  /** Paths of the host functions that existed while building. */
  readonly bindings: readonly string[]
  /** Names of the modules that sessions can `import`: ES modules and CommonJS modules. */
  readonly modules: readonly string[]
}

/** Options of `Snapshot.load`. An unknown option is refused. */
export interface LoadOptions {
  /**
   * SHA-256 of the whole file, as `sha256sum` prints it: 64 hexadecimal digits.
   * Another file is refused with `ERR_SNAPSHOT_CORRUPT` before anything in it is
   * believed. Without it, only damage is noticed, not another's snapshot.
   */
  sha256?: string
}

/** Options of `snapshot.save`. An unknown option is refused. */
export interface SaveOptions {
  /**
   * `'zstd'` takes about a sixth of the space, and more time to save and to load.
   *
   * @default 'none'
   */
  compression?: 'none' | 'zstd'
}

/** Options of `snapshot.prewarm`. An unknown option is refused. */
export interface PrewarmOptions {
  /**
   * Memory limit of the isolates, in MiB, as in `createIsolate`: an integer from
   * 8 to 65536, and at least what the snapshot's own heap needs. Only sessions
   * with the same limit get them.
   *
   * @default 128
   */
  memoryLimitMb?: number
}
