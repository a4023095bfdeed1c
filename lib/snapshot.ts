import type { NativeEvent, NativeSnapshot } from '../native.js'
import { checkOrigin } from './checks.js'
import { connect } from './connection.js'
import { traceBuild } from './diagnostics.js'
import { invalidArg } from './errors.js'
import { checkLoad, checkSave } from './file-options.js'
import type { LoadRequest, SaveRequest } from './file-options.js'
import { checkBuildOptions, checkPrewarm } from './options.js'
import type { BuildRequest, PrewarmRequest } from './options.js'
import type {
  BuildProgress,
  BuildSnapshotOptions,
  LoadOptions,
  PrewarmOptions,
  SaveOptions,
  SnapshotInfo,
} from './snapshot-types.js'

let makeSnapshot: (native: NativeSnapshot) => Snapshot

/** The native side of a value if it is a `Snapshot` of this module. */
export let nativeSnapshot: (value: unknown) => NativeSnapshot | undefined

/**
 * An immutable heap image: bridge and bundle already evaluated, ready for any
 * number of isolates. Made by `buildSnapshot` or `Snapshot.load`, and verified
 * before use. All isolates share its memory.
 */
export class Snapshot {
  static {
    makeSnapshot = (native) => new Snapshot(native, SECRET)
    nativeSnapshot = (value) => (typeof value === 'object' && value !== null && #native in value ? value.#native : undefined)
  }

  readonly #native: NativeSnapshot
  #info: SnapshotInfo | undefined

  private constructor(native: NativeSnapshot, secret: symbol) {
    if (secret !== SECRET) throw invalidArg('a Snapshot is made by buildSnapshot or Snapshot.load, not by new')
    this.#native = native
  }

  /**
   * Loads a snapshot that was saved, from a file's path or from its bytes; every
   * byte is verified. A snapshot is code: load only what you would run, and pin
   * one that comes from elsewhere with `sha256`.
   *
   * A file that has not changed since it was loaded before in this process shares
   * its memory, as long as that snapshot or an isolate of it is alive.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_SNAPSHOT_IO` if the file can't be read,
   * `ERR_SNAPSHOT_CORRUPT` if it is no snapshot, cut short, changed or not the one with that `sha256`,
   * `ERR_SNAPSHOT_MISMATCH` if it is of another V8, platform or format version
   */
  static load(from: string | Uint8Array, options?: LoadOptions): Promise<Snapshot> {
    return load(checkLoad(from, options))
  }

  /**
   * Reads what a snapshot says about itself, without loading it; works for
   * snapshots of other V8 versions and platforms, too. Only the header is read
   * and verified: the rest may be damaged.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_SNAPSHOT_IO` if the file can't be read,
   * `ERR_SNAPSHOT_CORRUPT` if it is no snapshot, cut short or its header is changed,
   * `ERR_SNAPSHOT_MISMATCH` if it is of another format version
   */
  static inspect(from: string | Uint8Array): Promise<SnapshotInfo> {
    return inspect(checkOrigin('Snapshot.inspect', 'from', from))
  }

  /** Hex SHA-256 over the sources and every option that changes the heap. */
  get key(): string {
    return this.#native.key
  }

  /** Sizes, versions and sources; frozen. */
  get info(): SnapshotInfo {
    this.#info ??= parseInfo(this.#native.info)
    return this.#info
  }

  /** A copy of the whole snapshot, as `save` writes it without compression. */
  bytes(): Uint8Array {
    return this.#native.bytes()
  }

  /**
   * Writes the snapshot to a file; atomic: the file is there whole or not at all.
   * `compression: 'zstd'` takes about a sixth of the space and more time: to save, and
   * each time the file is loaded.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_SNAPSHOT_IO` if the file can't be written
   */
  save(path: string, options?: SaveOptions): Promise<void> {
    return save(this.#native, checkSave(path, options))
  }

  /**
   * Holds so many isolates of this snapshot ready from now on, restored and
   * waiting on threads of their own: `createIsolate({ snapshot })` takes one if
   * its `memoryLimitMb` is the same, and gives it the session's `globals`,
   * `bindings` and `timeoutMs`. Each is used once. Another is made for it after
   * the session was told that its isolate is ready, one at a time; meanwhile, and
   * when none is left, sessions get fresh isolates.
   *
   * Isolates that wait take memory and a thread each, and do not keep the
   * process alive. They belong to this `Snapshot` object and this JavaScript
   * environment (the main thread or a Worker), and go with them.
   *
   * Calling it again sets the number and the limit anew; `prewarm(0)` lets all go.
   *
   * @param count how many; an integer from 0 to 1000
   * @returns fulfilled when so many were restored, and those that are not wanted any more are gone
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_ISOLATE_LOST` if an isolate can't be made, as when the system
   * refuses a thread; those that were made stay ready
   */
  prewarm(count: number, options?: PrewarmOptions): Promise<void> {
    return prewarm(this.#native, checkPrewarm(count, options, this.#native))
  }

  /** How the snapshot names itself, so that it is not taken for an object of options. */
  get [Symbol.toStringTag](): string {
    return 'Snapshot'
  }
}

/**
 * Builds a snapshot from bridge and bundle, in a helper process.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
 * @throws `IsoseedError` with `ERR_SNAPSHOT_UNSAFE` if the heap can't be captured (see `findings`),
 * `ERR_SNAPSHOT_BUILD` if a source throws (`cause` is the `GuestError`), or the build fails otherwise
 * @throws the reason of `signal`
 */
export function buildSnapshot(options: BuildSnapshotOptions): Promise<Snapshot> {
  const request = checkBuildOptions(options, nativeSnapshot)
  const { bridge, bundles, cache } = request.request
  const sources = (): string[] => [...(bridge === undefined ? [] : [bridge]), ...bundles].map(({ name }) => name)
  return traceBuild(() => ({ sources: sources(), cache }), () => build(request))
}

async function build({ request, base, onProgress, signal }: BuildRequest): Promise<Snapshot> {
  const connection = connect()
  const event = await connection.request((id) => connection.native.buildSnapshot(id, request, base), {
    signal,
    abort: (id) => connection.native.cancel(id),
    onProgress: onProgress && ((json) => onProgress(JSON.parse(json) as BuildProgress)),
  })
  // `request.cacheDirectory` is what the warning is about; null where napi has nothing to say.
  if (typeof event.warning === 'string') warnOnce(request.cacheDirectory as string, event.warning)
  return makeSnapshot(snapshotOf(event))
}

/** The cache directories that this environment was warned of. */
const warnedOf = new Set<string>()

function warnOnce(directory: string, warning: string): void {
  if (warnedOf.has(directory)) return
  warnedOf.add(directory)
  process.emitWarning(warning, { type: 'IsoseedWarning', code: 'ISOSEED_CACHE' })
}

async function load({ from, sha256 }: LoadRequest): Promise<Snapshot> {
  const connection = connect()
  return makeSnapshot(snapshotOf(await connection.request((id) => connection.native.loadSnapshot(id, from, sha256))))
}

async function inspect(from: string | Uint8Array): Promise<SnapshotInfo> {
  const connection = connect()
  const event = await connection.request((id) => connection.native.inspectSnapshot(id, from))
  return parseInfo(event.json as string)
}

async function save(snapshot: NativeSnapshot, { path, compressed }: SaveRequest): Promise<void> {
  const connection = connect()
  await connection.request((id) => connection.native.saveSnapshot(id, snapshot, path, compressed), { owner: snapshot })
}

async function prewarm(snapshot: NativeSnapshot, { count, memoryLimitMb }: PrewarmRequest): Promise<void> {
  const connection = connect()
  await connection.request((id) => connection.native.prewarm(id, snapshot, count, memoryLimitMb), { owner: snapshot })
}

function snapshotOf(event: NativeEvent): NativeSnapshot {
  return event.snapshot as NativeSnapshot
}

function parseInfo(json: string): SnapshotInfo {
  return JSON.parse(json, (_, value: unknown) => Object.freeze(value)) as SnapshotInfo
}

/** Proof that a constructor is called from this file. */
const SECRET = Symbol('isoseed')
