import type { Source } from './source.js'

/** Figures of one isolate at one moment. */
export interface IsolateStats {
  /** JavaScript heap in use, in bytes. */
  heapUsedBytes: number
  /** JavaScript heap reserved, in bytes. */
  heapTotalBytes: number
  /** Limit for heap and buffers together (`memoryLimitMb`), in bytes. */
  heapLimitBytes: number
  /** ArrayBuffers, in bytes; they lie outside the heap and count towards the limit. */
  bufferBytes: number
  /** CPU time of the isolate's thread since it started, in milliseconds. */
  cpuMs: number
  /** Calls and evaluations so far. */
  calls: number
  /** Calls of host functions so far, and of a module loader. */
  hostCalls: number
  /** Functions and streams of the guest that the host refers to; at most 20000. */
  guestReferences: number
  /** Functions and streams of the host that the guest refers to; at most 20000. */
  hostReferences: number
  /**
   * How long the session waited for its isolate until it was ready, in
   * milliseconds. One that was held ready only had to be given the session's
   * globals and bindings.
   */
  startMs: number
  /** Process id of where the isolate runs: this process, or with `process: true` its child. */
  pid: number
  /** What lies outside the heap, in bytes: ArrayBuffers and WebAssembly memories, also those that are not collected yet. */
  externalBytes: number
  /** CPU time of the isolate's thread since it started, in nanoseconds. A number is exact up to 2^53: 104 days. */
  cpuNs: number
  /** How long the isolate worked, by the clock on the wall, in nanoseconds. Exact as `cpuNs`. */
  wallNs: number
  /** How long V8 took to make the isolate and restore its heap, in microseconds; for one that was held ready, beforehand. */
  restoreUs: number
  /** Calls and evaluations that wait for their answers. */
  pendingCalls: number
  /** Calls of host functions that wait for the host. */
  pendingHostCalls: number
  /** Errors that nobody caught so far, whether or not they were told one by one. */
  uncaughtErrors: number
  /** Console entries so far; none are made, and counted, while `console` is `'ignore'`. */
  consoleEntries: number
}

/** Options of `verifyIsolation`. An unknown option is refused. */
export interface VerifyIsolationOptions {
  /**
   * Memory limit of each session, in MiB; an integer from 8 to 65536.
   *
   * @default 512
   */
  memoryLimitMb?: number
  /**
   * Time limit of each session's script, in milliseconds; an integer from 1 to
   * 2147483647.
   *
   * @default 60000
   */
  timeoutMs?: number
  /** An attack of your own; it runs in a hostile session beside the one with the built-in attack. */
  hostile?: Source
}

/** What `verifyIsolation` found. */
export interface IsolationReport {
  /** Whether every check passed and nothing leaked. */
  ok: boolean
  /** Each check, in the order it was made. */
  checks: {
    /** Name of the check. */
    name: string
    /** Whether it passed. */
    ok: boolean
    /** What was seen, if there is more to say. */
    detail?: string
  }[]
  /** Each difference that one session made to another. */
  leaks: {
    /** Path of the changed object from the global. */
    path: string
    /** How it differs. */
    detail: string
  }[]
}
