import type { BuildProgress } from '../index.js'
import { formatDuration } from './format.js'
import type { Output } from './terminal.js'

/** How often the time on the line moves on. */
const TICK_MS = 100

const PHASES: Readonly<Record<BuildProgress['phase'], string>> = {
  start: 'start the helper process',
  rehearse: 'run once to throw away',
  warmup: 'warm up',
  evaluate: 'evaluate',
  check: 'check the heap',
  serialize: 'make the heap image',
  probe: 'restore it to try',
}

/**
 * Tells what a command is doing: one line that changes on a terminal, a line
 * for each step that ended elsewhere, nothing when silent.
 */
export class Progress {
  readonly #output: Output
  readonly #silent: boolean
  #step: { text: string; started: number } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(output: Output, silent: boolean) {
    this.#output = output
    this.#silent = silent
  }

  /** A step begins, and with it the last one ends. */
  begin(text: string): void {
    this.end()
    if (this.#silent) return
    this.#step = { text, started: performance.now() }
    if (!this.#output.interactive) return
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), TICK_MS).unref()
  }

  /** A phase of a build begins, or ends if it has a duration. */
  phase({ phase, source, durationMs }: BuildProgress): void {
    if (durationMs === undefined) this.begin(source === undefined ? PHASES[phase] : `${PHASES[phase]}: ${source}`)
    else this.end()
  }

  /** The step that is under way ends. */
  end(): void {
    if (this.#step === undefined) return
    clearInterval(this.#timer)
    if (this.#output.interactive) this.#output.write('\r\u001b[K')
    else this.#output.line(this.#line())
    this.#step = undefined
  }

  #draw(): void {
    this.#output.write(`\r\u001b[K${this.#line().slice(0, this.#output.width - 1)}`)
  }

  #line(): string {
    const { text, started } = this.#step as { text: string; started: number }
    return `${text}  ${formatDuration(performance.now() - started)}`
  }
}
