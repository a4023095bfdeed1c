import { resolve } from 'node:path'
import { types } from 'node:util'
import { invalidArg, show } from './misuse.js'

/** Largest time limit: what a 32-bit timer can hold, in milliseconds. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Smallest memory limit, in MiB: below it V8 has not enough for its own globals. */
export const MIN_MEMORY_MB = 8

/** Largest memory limit, in MiB. */
export const MAX_MEMORY_MB = 65536

const LONE_SURROGATE = /\p{Cs}/u

/** Options as they were given, each read once, under the name of the function they were given to. */
export class Given {
  /** Where the options come from, as error messages begin: `createIsolate`. */
  readonly where: string
  readonly #values: ReadonlyMap<string, unknown>

  /**
   * @param options what the user passed
   * @param known the names that mean something; a typo must not silently switch a limit off
   * @throws `TypeError` with `ERR_INVALID_ARG`
   */
  constructor(where: string, options: unknown, known: readonly string[]) {
    this.where = where
    this.#values = readObject(where, 'options', options, known)
  }

  get(name: string): unknown {
    return this.#values.get(name)
  }

  fail(name: string, expected: string): TypeError {
    return wrong(this.where, name, expected, this.get(name))
  }

  integer(name: string, range: readonly [min: number, max: number], otherwise: number): number {
    const value = this.get(name)
    if (value === undefined) return otherwise
    if (isInteger(value, range)) return value
    throw this.fail(name, `an integer from ${range[0]} to ${range[1]}`)
  }

  /** A time limit that may be `Infinity`. */
  timeout(name: string, otherwise: number): number {
    const value = this.get(name)
    if (value === undefined) return otherwise
    if (value === Infinity || isInteger(value, [1, MAX_TIMEOUT_MS])) return value
    throw this.fail(name, `an integer from 1 to ${MAX_TIMEOUT_MS}, or Infinity`)
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.get(name)
    if (value === undefined) return otherwise
    if (typeof value === 'boolean') return value
    throw this.fail(name, 'true or false')
  }

  /** One of some words; the first is the default. */
  choice<Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    const value = this.get(name)
    if (value === undefined) return words[0]
    const word = words.find((known) => known === value)
    if (word !== undefined) return word
    throw this.fail(name, words.map((known) => JSON.stringify(known)).join(' or '))
  }

  fileName(name: string): string | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    return checkFileName(this.where, name, value)
  }

  signal(name: string): AbortSignal | undefined {
    const value = this.get(name)
    if (value === undefined) return undefined
    if (isAbortSignal(value)) return value
    throw this.fail(name, 'an AbortSignal')
  }
}

/**
 * A name that stack traces show: one line, and the same in V8 as here.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkFileName(where: string, name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrong(where, name, 'a string that is not empty', value)
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(value)) throw wrong(where, name, 'a name without line breaks, control characters and lone surrogates', value)
  return value
}

/**
 * JavaScript text. What is not well-formed would reach V8 as other text than
 * it is here, silently.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkCode(where: string, name: string, code: unknown): string {
  if (typeof code !== 'string') throw wrong(where, name, 'a string', code)
  // Much faster than the search; TypeScript has it from ES2024 on, Node from 20.
  if ((code as unknown as { isWellFormed(): boolean }).isWellFormed()) return code
  const at = code.search(LONE_SURROGATE)
  const escape = String.raw`\u${code.charCodeAt(at).toString(16)}`
  throw invalidArg(`${where}: ${name} must be well-formed Unicode, got a lone surrogate at index ${at}: write it as ${escape}`)
}

/** The error for an option that is not what it must be. */
export function wrong(where: string, name: string, expected: string, value: unknown): TypeError {
  return invalidArg(`${where}: ${name} must be ${expected}, got ${show(value)}`)
}

/**
 * The known properties of an object, each read once.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` if it is no object, has an unknown property, or a getter throws
 */
export function readObject(where: string, name: string, object: unknown, known: readonly string[]): ReadonlyMap<string, unknown> {
  if (!isObject(object)) throw wrong(where, name, 'an object', object)
  for (const key of guarded(where, name, () => Object.keys(object))) {
    if (known.includes(key)) continue
    const what = name === 'options' ? 'option' : `property of ${name}`
    throw invalidArg(`${where}: unknown ${what} ${show(key)}, known are ${known.join(', ')}`)
  }
  const prefix = name === 'options' ? '' : `${name}.`
  return new Map(known.map((key) => [key, guarded(where, prefix + key, () => Reflect.get(object, key) as unknown)]))
}

/** What a snapshot is read from: a file's absolute path, or bytes. */
export function checkOrigin(where: string, name: string, from: unknown): string | Uint8Array {
  if (typeof from === 'string') return checkPath(where, name, from)
  if (!types.isUint8Array(from)) throw wrong(where, name, 'a path or a Uint8Array', from)
  // Other threads can write to shared memory, even between check and use.
  return types.isSharedArrayBuffer(from.buffer) ? new Uint8Array(from) : from
}

/** A file's path, made absolute now: the working directory may change until the file is opened. */
export function checkPath(where: string, name: string, path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw wrong(where, name, 'a path that is not empty', path)
  return resolve(path)
}

/** Runs what may run the user's code: a getter or a proxy. */
export function guarded<T>(where: string, name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw invalidArg(`${where}: ${name} can't be read: ${show(cause)}`, cause)
  }
}

/**
 * Whether it is an ordinary object. A promise, a map or a `Snapshot` would
 * otherwise pass for options that say nothing.
 */
export function isObject(value: unknown): value is object {
  try {
    return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]'
  } catch {
    return false
  }
}

export function isInteger(value: unknown, [min, max]: readonly [number, number]): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}

/** By shape, because test environments bring an `AbortSignal` of their own. */
function isAbortSignal(value: unknown): value is AbortSignal {
  try {
    const signal = value as Partial<AbortSignal> | null
    return (
      typeof signal === 'object' &&
      typeof signal?.aborted === 'boolean' &&
      typeof signal.addEventListener === 'function' &&
      typeof signal.removeEventListener === 'function'
    )
  } catch {
    return false
  }
}
