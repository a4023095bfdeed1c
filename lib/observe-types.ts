/** The methods of the guest's `console` that make entries. */
export type ConsoleMethod =
  | 'assert'
  | 'count'
  | 'countReset'
  | 'debug'
  | 'dir'
  | 'dirxml'
  | 'error'
  | 'group'
  | 'groupCollapsed'
  | 'info'
  | 'log'
  | 'table'
  | 'time'
  | 'timeEnd'
  | 'timeLog'
  | 'trace'
  | 'warn'

/** How much an entry matters. Each level is a method of the host's `console` as well. */
export type ConsoleLevel = 'debug' | 'log' | 'info' | 'warn' | 'error' | 'trace'

/** One call of a method of the guest's `console`. */
export interface ConsoleEntry {
  /**
   * How much it matters. `dir`, `table`, `group`, `count` and the timers are `'log'`, a failed `assert` is
   * `'error'`, what the console itself complains about (an unknown timer) is `'warn'`.
   */
  readonly level: ConsoleLevel
  /** The method that was called; absent if the entry comes from isoseed: an error that nobody caught, or `dropped`. */
  readonly method?: ConsoleMethod
  /**
   * What Node's `console` would print for it, without the indentation of groups and without a line break at
   * the end. Of one argument not more than 16 384 characters of a string and 64 KiB altogether are there.
   */
  readonly text: string
  /**
   * Copies of the arguments, made without running code of the guest. What can't cross is a
   * `ConsoleOpaque` that says what it is: a function, a getter, a promise, a symbol, what lies deeper than
   * 12 objects, what is beyond the first 1000 elements. Errors have the stacks that the guest sees.
   */
  readonly args: readonly unknown[]
  /** How many groups it is in, at most 100. */
  readonly depth: number
  /** When it was called, in milliseconds since 1970, with fractions. */
  readonly time: number
  /** Only for `trace`: where it was called, one frame a line, with positions in the files that the code was made from. */
  readonly stack?: string
  /**
   * Only in an entry that stands for others: so many were dropped here, because the host took none for a
   * second while the guest went on.
   */
  readonly dropped?: number
}

/**
 * What becomes of the guest's `console`.
 *
 * - `'ignore'`: nothing; its methods return at once.
 * - `'inherit'`: each entry is printed with the method of the host's `console` named by its `level`,
 *   indented by its groups.
 * - a function: it is called for each entry, in order, on the host's thread. What is logged before a call
 *   ends is told before the call's promise settles.
 */
export type ConsoleSink = 'ignore' | 'inherit' | ((entry: ConsoleEntry) => void)

/** An error of the guest that nobody caught. */
export interface UnhandledRejection {
  /**
   * `'rejection'`: a promise was rejected and had no handler when its turn ended, with its microtasks.
   * `'exception'`: a callback threw that no guest code called, such as a timer's.
   */
  readonly kind: 'rejection' | 'exception'
  /**
   * A `GuestError`, as a call would have rejected with: with the guest's name, message, stack and cause. If
   * the guest threw something that is not an error, its `cause` is that value.
   */
  readonly error: unknown
  /**
   * What set it off: `'eval'`, `'call'` or `'import'`; `'start'` for the sources of `fallback`; `'detached'`
   * when that was answered before.
   */
  readonly origin: 'eval' | 'call' | 'import' | 'start' | 'detached'
  /** The name of the source, or the path that was called; also of what was answered before, if known. */
  readonly name?: string
  /**
   * Only ten rejections of one turn are told one by one. The last of them says how many more there were; 0
   * in all others.
   */
  readonly more: number
}
