// What a contender is to the tasks: it opens sessions. Everything that is timed is in tasks.ts and kept.ts, once for all.
import type { KeptIn } from '../protocol.ts'

export interface Contender {
  /** What is measured: its version, and that of its engine if it has one of its own. */
  version: string
  /** A new session with the case's bundle evaluated in it; what need not be awaited here is not. */
  open(): Promise<Session>
  /** Makes one session ready before it is asked for. Without it, one is opened and kept. */
  hold?(): Promise<void>
  /** Has a state of about so many bytes of JSON that outlives it. */
  keep?(place: KeptIn, size: number): Promise<Keeper>
  /** Sessions whose states are kept, any number in one place. */
  visits?(place: KeptIn): Promise<Visits>
  /** Makes again what sessions start from; its size in bytes. */
  build?(): Promise<number>
}

export interface Session {
  /** Evaluates a script; its result is a string or a number. */
  eval(script: string): Promise<unknown>
  /** A function of the session's global, called by its name: one clone goes in, one comes back. */
  bind(name: string): Promise<SessionFunction>
  /** Calls a function with bytes that move into the session, or moves those out that it returns. */
  move?: { in: (name: string, bytes: Uint8Array<ArrayBuffer>) => Promise<unknown>; out: (name: string, argument: unknown) => Promise<unknown> }
  dispose(): Promise<void>
}

/** A state of records that is kept somewhere: changed, forgotten, and taken up again. */
export interface Keeper {
  /** Changes one of its records, or all of them; fulfilled when that is kept. */
  change(all: boolean): Promise<void>
  /** Forgets what is in memory. */
  suspend(): Promise<void>
  /** From what is kept to the first answer of it: how many records there are, and the sum of their prices. */
  resume(): Promise<string>
  close(): Promise<void>
}

/** Sessions of one place by their ids. */
export interface Visits {
  open(id: string): Promise<Visit>
  close(): Promise<void>
}

/** One that is open. */
export interface Visit {
  /** One step: counts its visits. */
  step(): Promise<unknown>
  close(): Promise<void>
}

export type SessionFunction = (argument?: unknown) => Promise<unknown>

/** A contender that is not installed, or is not made for this platform: it is left out, with this reason. */
export class Missing extends Error {}
