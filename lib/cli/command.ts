import type { ErrorCode } from '../index.js'
import type { Arguments, OptionSpec } from './arguments.js'
import type { Progress } from './progress.js'
import type { Output } from './terminal.js'

/** What only the command line fails with: a session or revision that is not there, a file that can't be read or written. */
type CommandCode = 'ERR_SESSION_NOT_FOUND' | 'ERR_FILE'

/** The work that was asked for failed, for a reason that its message says in full. */
export class Failure extends Error {
  /** Stable, where the command promises one. */
  readonly code: ErrorCode | CommandCode | undefined

  constructor(message: string, code?: ErrorCode | CommandCode) {
    super(message)
    this.code = code
  }
}

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
