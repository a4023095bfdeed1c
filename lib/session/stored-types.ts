import type { Recovered } from '../store/reading.js'
import type { RevisionMeta, SessionRecord } from '../store/types.js'
import type { LeaseOptions, StateLimits } from './types.js'

/** How the state of a session that is not opened is read. An unknown option is refused. */
export interface ReadStateOptions {
  /** The key that the state was encrypted with, 32 bytes; or several, of which one is. */
  encryptionKey?: Uint8Array | readonly Uint8Array[]
  /** How large a state may be that is read. */
  limits?: Partial<StateLimits>
  /**
   * The number of a revision; a positive integer.
   *
   * @default the newest one that is sound
   */
  revision?: number
}

/** Options of `sessions.inspect`. An unknown option is refused. */
export interface InspectSessionOptions extends ReadStateOptions {
  /**
   * The global whose properties are told, as `state` of `openSession`.
   *
   * @default 'state'
   */
  state?: string
}

/** A global that is kept, or a property of the state. */
export interface StateEntry {
  /** Its name, of which a long one is cut after 120 letters; for a symbol, as JavaScript would write it. Not escaped. */
  readonly name: string
  /** Whether it is a symbol. */
  readonly isSymbol: boolean
  /**
   * What its value is: `'number'`, `'string'`, `'symbol'`, …, `'Map'`, `'Uint8Array'`, `'Function'`, …; `'code'` for a
   * function or another thing of the snapshot's; or the path of the snapshot's class that it is an instance of, as in
   * `'shapes.Circle'`.
   */
  readonly type: string
  /**
   * What it takes of the state, in bytes. An object that several lead to counts for the one through which it is
   * reached first, nearest first.
   */
  readonly bytes: number
  /** The value in one line of at most 120 characters. Nothing in it steers a terminal. */
  readonly preview: string
}

/** What is in a state. All of it is bounded, whatever the state has. */
export interface StateOverview {
  /** Which revision it is. */
  readonly revision: RevisionMeta
  /** Set if newer revisions are damaged, and this is the newest one that is sound. */
  readonly recovered?: Recovered
  /** The state's SHA-256, in hex: of the bytes that `exportState` gives. */
  readonly hash: string
  /** Its length in bytes. */
  readonly bytes: number
  /** How many objects it has. */
  readonly objects: number
  /** The globals that are kept, the state first; at most 1000. */
  readonly variables: readonly StateEntry[]
  /** The own properties of the state, in their order; at most 1000. */
  readonly properties: readonly StateEntry[]
  /** Paths of the functions and classes of the snapshot that it needs; at most 1000. */
  readonly code: readonly string[]
  /** How many more there are of each. */
  readonly omitted: { readonly variables: number; readonly properties: number; readonly code: number }
}

/** A session, and what is in its state. */
export interface SessionInspection extends SessionRecord {
  /** Whether the state is encrypted. */
  readonly encrypted: boolean
  /** What is in the state; absent if it is encrypted and no key was given. */
  readonly state?: StateOverview
}

/** A state as bytes, and where it comes from. */
export interface StoredState {
  /** The state: see docs/state-format.md. */
  readonly bytes: Uint8Array
  /** Its SHA-256, in hex. */
  readonly hash: string
  /** Which revision it is. */
  readonly revision: RevisionMeta
  /** Set if newer revisions are damaged, and this is the newest one that is sound. */
  readonly recovered?: Recovered
}

/** Options of `sessions.importState`. An unknown option is refused. */
export interface ImportStateOptions {
  /**
   * 32 bytes: the state is encrypted, as with `encryptionKey` of `openSession`. Of several, the first encrypts, and the
   * others open what the session has now.
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
  /**
   * The version of the state's schema; an integer from 0 to 2147483647.
   *
   * @default the version that the session has, 0 for a new one
   */
  schema?: number
  /** How the session is locked meanwhile. */
  lease?: LeaseOptions
}
