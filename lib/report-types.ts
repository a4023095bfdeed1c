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
   * Time limit of each session's start and of each attack, in milliseconds; an
   * integer from 1 to 2147483647. An attack that takes longer is stopped, and
   * counts as far as it came. Comparing sessions has no limit: it runs nothing
   * of the snapshot's.
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
  /** Each difference that one session made to another; the first hundred. */
  leaks: {
    /**
     * Where, from `globalThis`, a module or an intrinsic:
     * `globalThis.library.get.[[Scope]].cache.<map value 0>`. What no property
     * leads to has a step in brackets.
     */
    path: string
    /** What is there and what should be: `2 instead of 1`. */
    detail: string
  }[]
  /** What the hostile sessions did, and how much was compared. */
  coverage: IsolationCoverage
}

/** What `verifyIsolation` did to find leaks: numbers of what was reached, changed and compared. */
export interface IsolationCoverage {
  /** Objects that the attack reached by properties, getters, prototypes and collections; functions among them. */
  objects: number
  /** How many of them are functions. */
  functions: number
  /** Properties that it added, overwrote, deleted or redefined. */
  properties: number
  /** Objects whose prototype it took away. */
  prototypes: number
  /** Maps, sets, buffers, dates and regular expressions that it changed, each way counted. */
  contents: number
  /** Objects that it froze. */
  frozen: number
  /** Modules that it imported and changed. */
  modules: number
  /** Functions of the snapshot's sources that were found, and called unless time ran out. */
  callable: number
  /** Calls of them: each several times, with different arguments, as a method or a constructor. */
  calls: number
  /** Host functions that were called. */
  bindings: number
  /** How much there is of each session that was compared. */
  compared: {
    /** Properties, and whatever else JavaScript can ask of an object. */
    properties: number
    /** Nodes of V8's heap snapshot: objects, strings, scopes, and V8's own structures, which do not count. */
    heapNodes: number
    /** Objects that no property leads to: held by variables of functions, private fields, promises. */
    hiddenObjects: number
    /**
     * Scopes and objects that were too many to be read in full: of them, numbers,
     * booleans and attributes of properties were not compared. 0 but for
     * snapshots with very many functions in very large scopes.
     */
    unread: number
  }
}
