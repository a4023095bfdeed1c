import type { Snapshot } from './snapshot.js'
import type { Source } from './source.js'

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
