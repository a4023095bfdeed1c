import type { SnapshotFinding } from './snapshot-types.js'
import type { StoreLease } from './store/types.js'

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
 * - `ERR_NESTED_CALL`: a call that a `sync` binding made of its own isolate can't go on, or a session was to be saved,
 *   replaced or closed by a binding of its own call; the isolate stays usable.
 * - `ERR_SESSION_LOCKED`: another host, or another object in this one, has the session; see `lease`.
 * - `ERR_SESSION_LEASE_LOST`: this host had the session, and another one took over or deleted it, because this one
 *   did not renew its lease in time; nothing was written; `lease` says who has it now.
 * - `ERR_SESSION_KEY`: a session's state is encrypted with another key, or without one, than was given.
 * - `ERR_SESSION_DAMAGED`: what is stored of a session is not what was written, and there is no earlier revision
 *   that is sound.
 * - `ERR_SESSION_SCHEMA`: a session's state has another schema version than the code, and can't be brought to it; or
 *   it has other variables than the session's options name, which would be lost.
 * - `ERR_SESSION_CODE_CHANGED`: a session's state refers to classes or functions that the snapshot does not have; see
 *   `details`.
 * - `ERR_STATE_VALUE`: there is something in a session's state that can't be kept, or that a class of the snapshot
 *   does not take back (its `fromState` fails: then `cause` is what it threw); see `details`.
 * - `ERR_STATE_LIMIT`: a session's state is larger than its limits allow; see `details`.
 * - `ERR_STATE_CORRUPT`: the bytes are no state, cut short or changed.
 * - `ERR_STORE`: a store can't be reached, or can't do what it is asked for; `cause` is the error of a store that is
 *   not isoseed's own.
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
  | 'ERR_SESSION_LOCKED'
  | 'ERR_SESSION_LEASE_LOST'
  | 'ERR_SESSION_KEY'
  | 'ERR_SESSION_DAMAGED'
  | 'ERR_SESSION_SCHEMA'
  | 'ERR_SESSION_CODE_CHANGED'
  | 'ERR_STATE_VALUE'
  | 'ERR_STATE_LIMIT'
  | 'ERR_STATE_CORRUPT'
  | 'ERR_STORE'

/**
 * What an error about a session's state is about: with `ERR_STATE_LIMIT` the limit, what the state has and what it may
 * have; with `ERR_STATE_VALUE` where the value is and what it is; with `ERR_SESSION_CODE_CHANGED` the paths of what is
 * missing.
 */
export interface StateErrorDetails {
  readonly name?: string
  readonly actual?: number
  readonly max?: number
  readonly path?: string
  readonly why?: string
  readonly missing?: readonly string[]
}

/** What an `IsoseedError` may carry besides code and message. */
export interface IsoseedErrorOptions {
  /** Why it happened. */
  cause?: unknown
  /** What stands in the way of a snapshot. */
  findings?: readonly SnapshotFinding[]
  /** Who has a session. */
  lease?: StoreLease
  /** What of a state it is about. */
  details?: StateErrorDetails
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

  /**
   * Only with `ERR_SESSION_LOCKED` and `ERR_SESSION_LEASE_LOST`: who has the session, and until when if the lease is
   * not renewed. Absent if nobody has it any more.
   */
  declare readonly lease?: StoreLease

  /** Only with `ERR_STATE_LIMIT`, `ERR_STATE_VALUE` and `ERR_SESSION_CODE_CHANGED`: what of the state it is about. */
  declare readonly details?: StateErrorDetails

  constructor(code: ErrorCode, message: string, options: IsoseedErrorOptions = {}) {
    super(message, Object.hasOwn(options, 'cause') ? { cause: options.cause } : undefined)
    this.code = code
    if (options.findings !== undefined) {
      // An own property only where it means something, so that other errors print short.
      Object.defineProperty(this, 'findings', property(options.findings, true))
    }
    if (options.lease !== undefined) Object.defineProperty(this, 'lease', property(options.lease, true))
    if (options.details !== undefined) Object.defineProperty(this, 'details', property(options.details, true))
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
