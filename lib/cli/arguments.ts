import { parseArgs } from 'node:util'
import { MAX_MEMORY_MB, MAX_TIMEOUT_MS, MIN_MEMORY_MB } from '../checks.js'

/** The command line is wrong: told with where to read more, exit code 2. */
export class UsageError extends Error {}

/** An option of a command. */
export interface OptionSpec {
  type: 'string' | 'boolean'
  short?: string
  multiple?: boolean
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** What was given to one command. */
export class Arguments {
  readonly positionals: readonly string[]
  readonly #values: Readonly<Record<string, unknown>>

  constructor(args: readonly string[], options: Readonly<Record<string, OptionSpec>>) {
    try {
      const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
      this.#values = values
      this.positionals = positionals
    } catch (error) {
      // Node's words name the option; its advice about positionals starts a second sentence.
      throw new UsageError((error as Error).message.split('. ')[0])
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  string(name: string): string | undefined {
    const value = this.#values[name] as string | undefined
    if (value === '') throw new UsageError(`--${name} must not be empty`)
    return value
  }

  required(name: string, what: string): string {
    const value = this.string(name)
    if (value === undefined) throw new UsageError(`--${name} is missing: ${what}`)
    return value
  }

  list(name: string): string[] {
    return (this.#values[name] as string[] | undefined) ?? []
  }

  /** The limits that most commands have, under the library's names for them. */
  limits(): { timeoutMs?: number; memoryLimitMb?: number } {
    return present({
      timeoutMs: this.integer('timeout', [1, MAX_TIMEOUT_MS]),
      memoryLimitMb: this.integer('memory', [MIN_MEMORY_MB, MAX_MEMORY_MB]),
    })
  }

  /** A whole number; absent if it is not given. */
  integer(name: string, [min, max]: readonly [number, number]): number | undefined {
    const value = this.#values[name] as string | undefined
    if (value === undefined) return undefined
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, got ${JSON.stringify(value)}`)
  }

  /** A duration with its unit, in milliseconds: `24h`. */
  duration(name: string): number | undefined {
    const value = this.#values[name] as string | undefined
    if (value === undefined) return undefined
    const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|w)$/.exec(value) ?? []
    if (digits === undefined || unit === undefined) throw new UsageError(`--${name} must be a number with ms, s, m, h, d or w, such as 24h, got ${JSON.stringify(value)}`)
    return Math.round(Number(digits) * (UNIT_MS[unit] as number))
  }

  /** `name=value` pairs. */
  pairs(name: string): Record<string, string> {
    return Object.fromEntries(
      this.list(name).map((pair) => {
        const at = pair.indexOf('=')
        if (at < 1) throw new UsageError(`--${name} must be name=value, got ${JSON.stringify(pair)}`)
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
    )
  }

  /** The one positional argument. */
  single(what: string): string {
    const [first, second] = this.positionals
    if (first === undefined || first === '') throw new UsageError(`${what} is missing`)
    if (second !== undefined) throw new UsageError(`only one ${what} can be given, got ${JSON.stringify(second)} as well`)
    return first
  }
}

/** The given options without those that are absent, so that the library's own defaults hold. */
export function present<T extends object>(options: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [Key in keyof T]?: NonNullable<T[Key]> }
}
