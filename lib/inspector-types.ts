/** Options of `isolate.inspect`. An unknown option is refused. */
export interface InspectOptions {
  /**
   * TCP port; an integer from 0 to 65535, 0 for any free one. Isolates that are
   * inspected under the same port, also 0, share one server of this JavaScript
   * environment, and a client finds all of them there.
   *
   * @default 0
   */
  port?: number
  /**
   * Where to listen: an address of this machine's loopback (`127.0.0.1` or
   * another one in 127.0.0.0/8, `::1`), or `localhost`. Others are refused:
   * whoever reaches the port controls the isolate. Use a tunnel.
   *
   * @default '127.0.0.1'
   */
  host?: string
  /** How a debugger lists the isolate. `isoseed isolate 1` and so on by default. */
  title?: string
  /**
   * Whether the isolate's calls wait until a client has sent
   * `Runtime.runIfWaitingForDebugger`, as debuggers do when their breakpoints
   * are set. The waiting does not count towards `timeoutMs`; the call's own
   * `signal`, `inspector.close` and `isolate.dispose` end it.
   *
   * @default false
   */
  waitForDebugger?: boolean
  /** Aborting it closes the inspector. */
  signal?: AbortSignal
}

/** A programmatic session of an isolate's inspector: the Chrome DevTools Protocol without a socket. */
export interface InspectorSession extends Disposable {
  /**
   * Sends a message of the protocol, as JSON. It reaches the isolate even
   * while the guest runs, or stands at a breakpoint. Does nothing after the end.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` if it is no string
   */
  send(message: string): void
  /** Ends the session; breakpoints of its own are gone, and a pause of its own ends. May be called again. */
  close(): void
  /** Resolves when the session has ended, also with the isolate. */
  readonly closed: Promise<void>
}

/** A function in a CPU profile, as it was called from its parent. */
export interface CpuProfileNode {
  /** Unique in the profile. */
  readonly id: number
  /** The function: its name, and where it begins, in lines and columns from 0. */
  readonly callFrame: {
    readonly functionName: string
    readonly scriptId: string
    readonly url: string
    readonly lineNumber: number
    readonly columnNumber: number
  }
  /** How many samples found it on top of the stack. */
  readonly hitCount?: number
  /** Ids of the functions it called. */
  readonly children?: readonly number[]
  /** Why V8 gave up an optimized version of it, if it did. */
  readonly deoptReason?: string
  /** How many samples found it in which line, from 1. */
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
}

/** A CPU profile: written to a `.cpuprofile` file as JSON, DevTools and VS Code open it. */
export interface CpuProfile {
  /** Every function, the root first. */
  readonly nodes: readonly CpuProfileNode[]
  /** When it began, in microseconds of a clock of V8's. */
  readonly startTime: number
  /** When it ended, in microseconds of the same clock. */
  readonly endTime: number
  /** Ids of the functions on top of the stack, one for each sample. */
  readonly samples?: readonly number[]
  /** Time from each sample to the one before it, in microseconds; the first from the beginning. */
  readonly timeDeltas?: readonly number[]
}

/** Options of `isolate.cpuProfile`. An unknown option is refused. */
export interface CpuProfileOptions {
  /**
   * Time between two samples, in microseconds; an integer from 50 to 1000000.
   *
   * @default 1000
   */
  samplingIntervalUs?: number
}

/** Options of `isolate.heapSnapshot`. An unknown option is refused. */
export interface HeapSnapshotOptions {
  /**
   * The file to write, best with the extension `.heapsnapshot`, which DevTools
   * asks for. An existing one is overwritten. Without it the snapshot is
   * returned as a stream.
   */
  path?: string
  /** Aborting it rejects with the signal's `reason`; the isolate stays usable. */
  signal?: AbortSignal
}
