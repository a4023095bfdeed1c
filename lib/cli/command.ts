import type { Arguments, OptionSpec } from './arguments.js'
import type { Progress } from './progress.js'
import type { Output } from './terminal.js'

/** The work that was asked for failed, for a reason that its message says in full. */
export class Failure extends Error {}

/** Exit codes; the help pages have them. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** What a command works with. */
export interface Context {
  args: Arguments
  /** Results. */
  out: Output
  /** Progress and errors. */
  err: Output
  progress: Progress
  /** Texts of the sources by file name, as far as they are known: errors show the lines that they are about. */
  texts: Map<string, string>
}

/** One of `isoseed build`, `isoseed run`, ... */
export interface Command {
  options: Readonly<Record<string, OptionSpec>>
  /**
   * @returns the exit code
   * @throws what `main` prints, as text or as JSON
   */
  run(context: Context): Promise<number>
}
