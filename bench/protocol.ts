// What main.ts and a contender's process say to each other: a line of JSON for each request and each reply, over
// standard input and output. A contender's first line says whether it is ready.

/** What all contenders of a comparison do. It is in a file whose path each gets on its command line. */
export interface Work {
  /** The name of the case. */
  name: string
  /** The script that a session has evaluated before it is asked anything; none for a blank session. */
  bundleFile?: string
  /** isoseed's snapshot of the bundle, built with a warm-up, the one without, and the one whose bundle makes the first call itself. */
  snapshotFile?: string
  unwarmedFile?: string
  readyFile?: string
  /** A script that calls what the first call calls: a contender may use it while it prepares. */
  warmup?: string
  /** The first call: a script whose result is a string. */
  call: string
  /** What the first call must answer. */
  expected: string
  /** The limit of each session, where a contender has one. */
  memoryLimitMb: number
}

/** Where and how a state is kept. */
export type KeptIn =
  /** A store of sessions. */
  | { kind: 'store'; location: string; durability: 'power' | 'process' }
  /** A file that is written anew and takes the old one's place, with a wait for the disk or without. */
  | { kind: 'file'; file: string; form: 'JSON' | 'v8.serialize'; synced: boolean }

export type Way = 'in, copied' | 'in, moved' | 'out, copied' | 'out, moved'

export type Request =
  /** Sessions one after the other, from nothing to the first answer; `held`: from one that is ready. */
  | { task: 'first'; budgetMs: number; held?: boolean }
  /** Warm calls of one session, for so long; `size`: bytes of JSON that go in and come back. */
  | { task: 'call'; size: number; atOnce: number; budgetMs: number }
  /** How late the event loop is while so many sessions are created; with 0, while nothing happens. */
  | { task: 'loop'; sessions: number; idleMs: number }
  /** Create, run, dispose: sessions a second, so many at a time. */
  | { task: 'throughput'; atOnce: number; ms: number }
  /** Sessions that live and are idle: what the process has at each count. */
  | { task: 'memory'; counts: number[] }
  /** Makes again what the sessions start from. */
  | { task: 'build' }
  /** A program that a compiler can make fast, once compiled. */
  | { task: 'jit' }
  | { task: 'values'; way: Way; size: number; budgetMs: number }
  /** Sessions that come and go: whether memory and times stay as they are. */
  | { task: 'churn'; sessions: number; atOnce: number }
  /** Busy sessions beside each other; isoseed alone. */
  | { task: 'busy'; isolates: number; busy: number; seconds: number; idleMs: number }

  /** Changes of a state of so many bytes, each until it is kept: of one record, or of all. */
  | { task: 'keep'; place: KeptIn; size: number; all: boolean; budgetMs: number }
  /** A state of so many bytes from where it is kept to the first answer. */
  | { task: 'resume'; place: KeptIn; size: number; budgetMs: number }
  /** New sessions of one place, opened, stepped and closed, `atOnce` of them open at a time; then some of all that are there, once more. */
  | { task: 'visits'; place: KeptIn; sessions: number; again: number; atOnce: number }

/** What one turn gave. */
export interface Turn {
  /** In the comparison's unit; the turn counts in ratios with their median. */
  samples: number[]
  /** Further figures, by name. */
  figures?: Record<string, number>
  /** What the process had at each count of sessions. */
  census?: Census[]
}

/** A process with so many sessions alive. */
export interface Census {
  sessions: number
  pssMb: number
  virtualGb: number
  mappings: number
  threads: number
  files: number
  /** Of the sessions created since the last census, the median. */
  createMs: number
}

export type Reply =
  | { kind: 'ready'; version: string }
  /** Not installed, or not made for this platform: no failure. */
  | { kind: 'missing'; reason: string }
  | { kind: 'turn'; turn: Turn }
  | { kind: 'failed'; reason: string }
