// Apart from the classes of errors.ts, so that isoseed/bundle can check options without classes of its own.
import { inspect } from 'node:util'

/** Misuse: a `TypeError` with `code: 'ERR_INVALID_ARG'`, to be thrown at once. */
export function invalidArg(message: string, cause?: unknown): TypeError {
  const error = new TypeError(message, cause === undefined ? undefined : { cause })
  Object.defineProperty(error, 'code', { value: 'ERR_INVALID_ARG', enumerable: true, writable: true, configurable: true })
  return error
}

/** A value as the user wrote it, short enough for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return shorten(JSON.stringify(value))
  try {
    // The user's own inspect functions and getters stay out of it: they may throw.
    const text = inspect(value, { depth: 0, maxArrayLength: 3, maxStringLength: 60, breakLength: Infinity, customInspect: false })
    return shorten(text.replaceAll('\n', ' '))
  } catch {
    return `a value of type ${typeof value}`
  }
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
