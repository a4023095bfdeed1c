// What a contender is to the tasks: it opens sessions. Everything that is timed is in tasks.ts, once for all.

export interface Contender {
  /** What is measured: its version, and that of its engine if it has one of its own. */
  version: string
  /** A new session with the case's bundle evaluated in it; what need not be awaited here is not. */
  open(): Promise<Session>
  /** Makes one session ready before it is asked for. Without it, one is opened and kept. */
  hold?(): Promise<void>
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

export type SessionFunction = (argument?: unknown) => Promise<unknown>

/** A contender that is not installed, or is not made for this platform: it is left out, with this reason. */
export class Missing extends Error {}
