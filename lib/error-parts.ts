import { types } from 'node:util'
import { ERROR_CLASSES, ERROR_KEYS } from './wire.js'
import type { ErrorKey } from './wire.js'

/** One property of an error that crosses. */
export interface ErrorPart {
  key: ErrorKey
  enumerable: boolean
  value: unknown
}

const CLASS_NUMBERS: ReadonlyMap<unknown, number> = new Map(ERROR_CLASSES.map((name, number) => [name, number]))

/**
 * The built-in class that an object inherits from, as its number on the wire;
 * -1 if there is none. Found by name, because `instanceof` is wrong for errors
 * of other realms (`node:vm`, test runners).
 */
export function errorClass(error: object): number {
  try {
    for (let proto = Object.getPrototypeOf(error) as object | null; proto !== null; proto = Object.getPrototypeOf(proto)) {
      const number = CLASS_NUMBERS.get(Object.getOwnPropertyDescriptor(proto, 'name')?.value)
      if (number !== undefined) return number
    }
  } catch {
    // A proxy's trap threw: it is no error that we know.
  }
  return -1
}

/** Whether it is an error, or made to be one without being built in (`DOMException`). */
export function isErrorLike(value: unknown): value is object {
  return types.isNativeError(value) || (typeof value === 'object' && value !== null && errorClass(value) >= 0)
}

/**
 * The parts of an error as `structuredClone` would see it, plus `code`,
 * `errors` and a name of its own.
 *
 * @throws what a getter throws
 */
export function errorParts(error: object): ErrorPart[] {
  const parts: ErrorPart[] = []
  for (const key of ERROR_KEYS) {
    const own = Object.getOwnPropertyDescriptor(error, key)
    if (own === undefined && key !== 'name') continue
    const value = partValue(key, Reflect.get(error, key))
    if (value === undefined && isText(key)) continue
    // The name of a built-in class comes with the class.
    if (own === undefined && CLASS_NUMBERS.has(value)) continue
    parts.push({ key, enumerable: own?.enumerable === true, value })
  }
  return parts
}

/**
 * The parts of an error that a host function threw: without its stack, which
 * is none of the guest's business, and with what the error only inherits
 * (`DOMException` has all of it on its prototype). What can't be read is left
 * out: the error itself matters more.
 */
export function thrownErrorParts(error: object): ErrorPart[] {
  const parts: ErrorPart[] = []
  for (const key of ERROR_KEYS) {
    if (key === 'stack') continue
    try {
      const own = Object.getOwnPropertyDescriptor(error, key)
      const found: unknown = Reflect.get(error, key)
      if (own === undefined && found === undefined) continue
      const value = partValue(key, found)
      if (value === undefined && isText(key)) continue
      if (own === undefined && (value === '' || CLASS_NUMBERS.has(value))) continue
      parts.push({ key, enumerable: own?.enumerable === true, value })
    } catch {
      // A getter threw.
    }
  }
  return parts
}

function isText(key: ErrorKey): boolean {
  return key === 'name' || key === 'stack'
}

/** A part as it crosses; `undefined` if it doesn't. */
function partValue(key: ErrorKey, value: unknown): unknown {
  switch (key) {
    case 'message':
      // As structuredClone does: a message is always text.
      return String(value)
    case 'name':
    case 'stack':
      // `Error.prepareStackTrace` may make anything of a stack; only text crosses.
      return typeof value === 'string' ? value : undefined
    default:
      return value
  }
}
