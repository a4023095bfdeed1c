import type { CreateIsolateOptions } from '../isolate-types.js'
import type { RevisionMeta, Store } from '../store/types.js'

/** When a session is saved: after every call, when it is told to, or every so often. */
export type SavePolicy =
  | 'call'
  | 'manual'
  | {
      /** After so many calls that changed the state; an integer from 1 to 2147483647. */
      everyCalls?: number
      /** So long after the first change that is not saved, in milliseconds; an integer from 1 to 2147483647. */
      everyMs?: number
    }

/** How large a session's state may be. What is absent has its default. */
export interface StateLimits {
  /**
   * The largest state that is read, from a store or by `importState`, in bytes.
   *
   * @default 33554432
   */
  payloadBytes: number
  /**
   * The largest state that is kept, in bytes of its canonical form.
   *
   * @default 25165824
   */
  stateBytes: number
  /**
   * The most top-level variables.
   *
   * @default 2048
   */
  variables: number
  /**
   * The most objects.
   *
   * @default 1000000
   */
  nodes: number
  /**
   * How far an object may be from its variable.
   *
   * @default 10000
   */
  depth: number
}

/** What a state is made for, and how it is brought up to date. */
export interface StateSchema {
  /** The version that the code works with; an integer from 0 to 2147483647. A session without a schema has version 0. */
  version: number
  /**
   * Makes a state of an older version one of this version. Called once, before anything else sees the state, with the
   * state and what it was saved under. What it returns, or what its promise comes to, is the new state; if that is
   * `undefined`, the state that it was given is, with what it changed there. It is saved at once. Without it, an older
   * state is refused.
   *
   * - A string is the dotted path of a function of the guest, such as `'app.migrate'`: of the snapshot's, whatever the
   *   state itself brings. It has the state as it is.
   * - A function runs in the host and has a clone. A state that a clone would lose a part of (classes, symbols, frozen
   *   objects, …) is refused with `ERR_SESSION_SCHEMA`, and so is one that can't be cloned.
   */
  migrate?: string | ((state: any, from: { version: number; snapshotKey: string }) => unknown)
}

/** How a session is locked. */
export interface LeaseOptions {
  /**
   * How this host calls itself: who finds the session locked is told. 1 to 512 bytes.
   *
   * @default the host's name and the number of the process
   */
  holder?: string
  /**
   * How long the session stays locked when its host dies, in milliseconds; an integer from 100 to 86400000. The lease
   * is renewed three times as often.
   *
   * @default 30000
   */
  ttlMs?: number
}

/** Options of `openSession`: those of `createIsolate`, and how the state is kept. An unknown option is refused. */
export interface OpenSessionOptions extends CreateIsolateOptions {
  /**
   * Where the session lives: a `Store`, or the location of one: `'memory:'`, `'sqlite:./sessions.db'`,
   * `'postgres://user@host/database'`. All sessions of one location share its connections. A `Store` that you
   * give is yours to close.
   */
  store: Store | string
  /**
   * The name of the guest's global that is kept. It is made as `{}` for a new session. A state that has no such
   * variable is refused with `ERR_SESSION_SCHEMA`: it was saved under another name.
   *
   * @default 'state'
   */
  state?: string
  /**
   * Whether other globals that the guest makes or replaces are kept, too: `x = 1`, `var`, and function declarations
   * that need nothing but globals. Those that can't be kept are told by `info().unkept`. Without it, a state that has
   * other globals is refused with `ERR_SESSION_SCHEMA`: the next save would lose them.
   *
   * @default false
   */
  keepGlobals?: boolean
  /**
   * When the state is saved. With `'call'`, a call resolves when what it did is in the store.
   *
   * @default 'call'
   */
  save?: SavePolicy
  /**
   * What a call that throws, times out, is aborted or runs out of memory leaves. With `'rollback'` the session is as
   * after the last call that succeeded, in a fresh isolate; with `'keep'`, what the call did stays as far as the
   * isolate survived.
   *
   * @default 'rollback'
   */
  onThrow?: 'rollback' | 'keep'
  /** The version of the state, and how an older one is brought up to date. */
  schema?: StateSchema
  /**
   * 32 bytes: what is stored is encrypted with AES-256-GCM. Of several, the first encrypts, and the others open what
   * was written before.
   */
  encryptionKey?: Uint8Array | readonly Uint8Array[]
  /**
   * How what is stored is compressed.
   *
   * @default 'zstd'
   */
  compression?: 'zstd' | 'none'
  /** How large the state may be. */
  limits?: Partial<StateLimits>
  /** How the session is locked while it is open. */
  lease?: LeaseOptions
  /** Hears that another host took the session over; every later call rejects with this error. What it throws is an uncaught exception. */
  onLost?: (error: Error) => void
}

/** A global that is not kept. */
export interface UnkeptVariable {
  /** Its name. */
  name: string
  /** The path of what can't be kept, from the variable on. */
  path: string
  /** Why: `a promise`. */
  why: string
}

/** What was saved. */
export interface SavedState {
  /** The revision's number. */
  revision: number
  /** The state's length in bytes. */
  bytes: number
  /** The state's SHA-256, in hex: of the bytes that `exportState` gives. */
  hash: string
}

/** What a session is, as of its last call. */
export interface SessionInfo {
  id: string
  /** The newest revision; 0 before the first. */
  revision: number
  /** When the first revision was made, in milliseconds since 1970; absent before. */
  createdAt?: number
  /** When the newest revision was made, in milliseconds since 1970; absent before the first. */
  updatedAt?: number
  /** The version of the schema. */
  schema: number
  /** The `key` of the snapshot that the session runs on; `''` if it has none. */
  snapshotKey: string
  /** The state's SHA-256, in hex: of the bytes that `exportState` gives. */
  hash: string
  /** The state's length in bytes. */
  bytes: number
  /** Whether there are changes that are not in the store. */
  unsaved: boolean
  /** The globals that are not kept; empty without `keepGlobals`. */
  unkept: readonly UnkeptVariable[]
  /** Set if newer revisions could not be read when the session was opened, and it goes on from an older one. */
  recovered?: {
    /** The newest revision, which is damaged. */
    revision: number
    /** What is wrong with each that is. */
    reasons: readonly string[]
  }
}

/** One revision of a session. */
export type RevisionInfo = RevisionMeta

/** Options of `session.importState`. An unknown option is refused. */
export interface SessionImportOptions {
  /**
   * The version of the schema that the bytes have; an integer from 0 to 2147483647. `from.snapshotKey` of
   * `schema.migrate` is `''` for them.
   *
   * @default the version that the session has
   */
  schema?: number
}

/** Options of `session.exportState`. */
export interface ExportStateOptions {
  /**
   * `'auto'` gives `null` for a state that is as empty as a new session's, `'force'` gives its bytes, `'off'` gives
   * `null`, for callers that decide by an option of their own.
   *
   * @default 'auto'
   */
  mode?: 'auto' | 'force' | 'off'
}
