import * as util from 'node:util'
import type { WriteStream } from 'node:tty'

/** Styles that the reports use. */
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'

/** Control characters, and what changes how the text around it is shown: directions, line breaks, what has no width. */
// oxlint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** One of the process's output streams, which may be a terminal, a pipe or a file. */
export class Output {
  readonly #stream: NodeJS.WriteStream
  /** Whether a line can be written over. */
  readonly interactive: boolean
  /** Whether colours are wanted: `FORCE_COLOR` and `NO_COLOR` decide before the terminal does. */
  readonly colors: boolean

  constructor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream
    this.interactive = stream.isTTY && env['TERM'] !== 'dumb'
    this.colors = wantsColors(stream, env)
    // Whoever reads may stop early, as `head` does: no reason to fail, and nobody to tell.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }

  line(text = ''): void {
    this.write(`${text}\n`)
  }

  write(text: string): void {
    if (this.#stream.writable) this.#stream.write(text)
  }

  /** One line of JSON: what steers a terminal is escaped, which is the same to whoever parses it. */
  json(value: unknown): void {
    this.line(JSON.stringify(value).replaceAll(UNSEEN, (control) => escaped(control, String.raw`\u`, 4)))
  }

  /** Writes bytes as they are; waits until they have left. */
  async bytes(bytes: Uint8Array): Promise<void> {
    if (!this.#stream.writable) return
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        // A reader that stopped early has what it wanted.
        if (error === null || error === undefined || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve()
        else reject(error)
      })
    })
  }

  /** Whether somebody looks at it: nothing there may be binary. */
  get isTerminal(): boolean {
    return this.#stream.isTTY
  }

  /** Columns of the terminal; a common width where there is none. */
  get width(): number {
    return this.interactive ? (this.#stream as WriteStream).columns || 80 : 100
  }

  style(style: Style, text: string): string {
    // Not there before Node 20.12.
    return this.colors && 'styleText' in util ? util.styleText(style, text) : text
  }
}

function wantsColors(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  return stream.isTTY && stream.hasColors()
}

/** Text of a guest's or of a file's, without what would steer the terminal; colours are let through. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/(\u001b\[[\d;]*m)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (control, color: string | undefined) =>
    color ?? String.raw`\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** One line of text of whoever it may be, such as a session's id: nothing in it is anything but letters. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (control) => (control < '\u0100' ? escaped(control, String.raw`\x`, 2) : escaped(control, String.raw`\u`, 4)))
}

function escaped(control: string, escape: string, digits: number): string {
  return escape + control.charCodeAt(0).toString(16).padStart(digits, '0')
}
