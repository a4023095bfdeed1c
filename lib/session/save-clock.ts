import { clearTimeout, setTimeout } from 'node:timers'

/** When a session is saved. */
export interface SaveRule {
  /** After so many steps that changed the state; may be `Infinity`. */
  readonly everyCalls: number
  /** So long after the first of them; may be `Infinity`. */
  readonly everyMs: number
  /** Whether a call resolves when its step is in the store. */
  readonly holdsCalls: boolean
}

/** A save that failed is tried again after so long. */
const RETRY_MS = 1000

/** Tells when a session is to be saved: counts the steps that are not, and the time since the first. */
export class SaveClock {
  readonly #rule: SaveRule
  readonly #ring: () => void
  #steps = 0
  #timer: NodeJS.Timeout | undefined

  /** @param ring called when the time has come, between steps or within one */
  constructor(rule: SaveRule, ring: () => void) {
    this.#rule = rule
    this.#ring = ring
  }

  /** Whether there are changes that are not in the store. */
  get isUnsaved(): boolean {
    return this.#steps > 0
  }

  get isDue(): boolean {
    return this.#steps >= this.#rule.everyCalls
  }

  /** Whether what is not saved is, when the session is closed. */
  get savesAtClose(): boolean {
    return this.#rule.everyCalls !== Infinity || this.#rule.everyMs !== Infinity
  }

  /** A step has changed the state. */
  changed(): void {
    this.#steps += 1
    if (this.#rule.everyMs !== Infinity) this.#wait(this.#rule.everyMs)
  }

  /** The store has what there is. */
  saved(): void {
    this.#steps = 0
    this.stop()
  }

  /** A save has failed. */
  retry(): void {
    this.stop()
    this.#wait(Math.min(RETRY_MS, this.#rule.everyMs))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #wait(ms: number): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#ring()
    }, ms)
    this.#timer.unref()
  }
}
