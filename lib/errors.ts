import type { SnapshotFinding } from './snapshot-types.js'

export { invalidArg, show } from './misuse.js'

/**
 * Every code an error of isoseed can carry. Codes are part of the API,
 * messages are not.
 *
 * - `ERR_GUEST`: the guest threw, or its promise rejected (a `GuestError`); the isolate stays usable.
 * - `ERR_TIMEOUT`: a call passed its `timeoutMs`; the isolate stays usable, unless V8 did not stop in time.
 * - `ERR_CPU_LIMIT`: the isolate used up its `cpuLimitMs`; the isolate is finished.
 * - `ERR_MEMORY_LIMIT`: heap plus buffers passed `memoryLimitMb`; the isolate is finished.
 * - `ERR_DISPOSED`: the isolate was disposed or is finished; `cause` says why it finished.
 * - `ERR_ISOLATE_LOST`: V8 reported a fatal error in this isolate, or it did not stop when told to; finished.
 * - `ERR_DATA_CLONE`: a value can't cross; the message names its path; the isolate stays usable.
 * - `ERR_MODULE_NOT_FOUND`: an import that neither the snapshot nor `modules` resolves; `cause` is the `GuestError`
 *   with the place of the import; the isolate stays usable.
 * - `ERR_SNAPSHOT_UNSAFE`: the heap can't be captured; see `findings`.
 * - `ERR_SNAPSHOT_BUILD`: the build failed otherwise; `cause` is the guest's error if the source threw.
 * - `ERR_SNAPSHOT_CORRUPT`: the bytes are no snapshot, cut short or changed.
 * - `ERR_SNAPSHOT_MISMATCH`: a sound snapshot of another V8, platform or format version.
 * - `ERR_SNAPSHOT_IO`: the snapshot's file can't be read or written.
 * - `ERR_INSPECTOR`: the inspector refuses: another CPU profiler, such as Node's own, runs in this process.
 * - `ERR_BUNDLE`: `isoseed/bundle` can't make a source: the entry does not resolve or compile, or esbuild is not
 *   there; `cause` is the bundler's error.
 * - `ERR_NESTED_CALL`: a call that a `sync` binding made of its own isolate can't go on; the isolate stays usable.
 * - `ERR_INVALID_ARG`: a wrong option or argument; always a `TypeError`, thrown at once.
 * - `ERR_ADDON_LOAD`: the native addon can't be loaded; `cause` is the loader's error.
 */
export type ErrorCode =
  | 'ERR_GUEST'
  | 'ERR_TIMEOUT'
  | 'ERR_CPU_LIMIT'
  | 'ERR_MEMORY_LIMIT'
  | 'ERR_DISPOSED'
  | 'ERR_ISOLATE_LOST'
  | 'ERR_DATA_CLONE'
  | 'ERR_MODULE_NOT_FOUND'
  | 'ERR_SNAPSHOT_UNSAFE'
  | 'ERR_SNAPSHOT_BUILD'
  | 'ERR_SNAPSHOT_CORRUPT'
  | 'ERR_SNAPSHOT_MISMATCH'
  | 'ERR_SNAPSHOT_IO'
  | 'ERR_INSPECTOR'
  | 'ERR_BUNDLE'
  | 'ERR_INVALID_ARG'
  | 'ERR_ADDON_LOAD'
  | 'ERR_NESTED_CALL'

/** What an `IsoseedError` may carry besides code and message. */
export interface IsoseedErrorOptions {
  /** Why it happened. */
  cause?: unknown
  /** What stands in the way of a snapshot. */
  findings?: readonly SnapshotFinding[]
}

/**
 * An error of isoseed. Decide by `code`, not by the message.
 *
 * A wrong option or argument is not an `IsoseedError`, but a `TypeError` with
 * `code: 'ERR_INVALID_ARG'` that is thrown at once.
 */
export class IsoseedError extends Error {
  /** Why it failed: see `ErrorCode`. */
  readonly code: ErrorCode

  /** Only with `ERR_SNAPSHOT_UNSAFE`: each thing that stands in the way of a snapshot. */
  declare readonly findings?: readonly SnapshotFinding[]

  constructor(code: ErrorCode, message: string, options: IsoseedErrorOptions = {}) {
    super(message, Object.hasOwn(options, 'cause') ? { cause: options.cause } : undefined)
    this.code = code
    if (options.findings !== undefined) {
      // An own property only where it means something, so that other errors print short.
      Object.defineProperty(this, 'findings', property(options.findings, true))
    }
  }
}

/** The guest's side of a `GuestError`. */
export interface GuestErrorOptions {
  /** The guest error's `name`. */
  name: string
  /** The guest error's `stack`. */
  stack: string
  /** The guest error's `cause`, or the thrown value if it is not an error. */
  cause?: unknown
  /** The guest error's own `code`. */
  code?: unknown
  /** The guest error's `errors`, if it is an `AggregateError`. */
  errors?: readonly unknown[]
}

/**
 * An exception of the guest: it threw, or a promise that it returned rejected.
 *
 * `name`, `message` and `stack` are the guest's, with the guest's file names
 * and lines, and `cause` is the guest error's cause. If the guest threw
 * something that is not an error, `cause` is that value.
 */
export class GuestError extends IsoseedError {
  /** The guest error's own `code`, if it has one (`code` itself is always `'ERR_GUEST'`). */
  declare readonly guestCode?: unknown

  /** The guest error's `errors`, if it is an `AggregateError`. */
  declare readonly errors?: readonly unknown[]

  constructor(message: string, guest: GuestErrorOptions) {
    // Own properties only: the host's prototypes may have anything under these names.
    super('ERR_GUEST', message, Object.hasOwn(guest, 'cause') ? { cause: guest.cause } : {})
    Object.defineProperty(this, 'name', property(guest.name, false))
    Object.defineProperty(this, 'stack', property(guest.stack, false))
    if (Object.hasOwn(guest, 'code') && guest.code !== undefined) Object.defineProperty(this, 'guestCode', property(guest.code, true))
    if (Object.hasOwn(guest, 'errors') && guest.errors !== undefined) Object.defineProperty(this, 'errors', property(guest.errors, false))
  }
}

// On the prototypes, as for built-in errors: in place before the stack is
// captured, so that its first line is right, and not printed as a property.
Object.defineProperty(IsoseedError.prototype, 'name', property('IsoseedError', false))
Object.defineProperty(GuestError.prototype, 'name', property('GuestError', false))

function property(value: unknown, enumerable: boolean): PropertyDescriptor {
  return { value, enumerable, writable: true, configurable: true }
}
