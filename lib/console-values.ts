import { inspect } from 'node:util'
import { decode } from './decode.js'

/**
 * Stands for what a guest's `console` was given and can't cross: it prints,
 * converts to text and to JSON as its description, such as `[Function: name]`.
 */
export class ConsoleOpaque {
  /** What it is. */
  readonly description: string

  constructor(description: string) {
    this.description = description
    Object.freeze(this)
  }

  toString(): string {
    return this.description
  }

  toJSON(): string {
    return this.description
  }

  /** How `util.inspect` and Node's console print it. */
  [inspect.custom](): string {
    return this.description
  }
}

/** A tagged value of `src/engine/observe/preview.rs`. */
type Tagged = [tag: string, ...parts: unknown[]]

/** The standard classes by their names. */
const ERRORS: Readonly<Record<string, new (message?: string) => Error>> = Object.assign(Object.create(null) as object, {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
})

/**
 * Rebuilds the arguments of one console call from their description. For
 * printing, objects have prototypes that tell the names of their classes;
 * `finish` gives them those of plain values, as clones have.
 */
export class ConsoleValues {
  /** In the order in which they were met, as the description counts them. */
  readonly #met: object[] = []
  readonly #dressed: [object: object, plain: object][] = []

  revive(description: unknown): unknown {
    return Array.isArray(description) ? this.#tagged(description as Tagged) : description
  }

  finish(): void {
    for (const [object, plain] of this.#dressed) Object.setPrototypeOf(object, plain)
  }

  #tagged([tag, first, second, third, fourth]: Tagged): unknown {
    switch (tag) {
      case 'u':
        return undefined
      case 'n':
        return Number(first)
      case 'y':
        return new ConsoleOpaque(first as string)
      case 'w':
        return whole(first as string)
      case '^':
        return this.#met[first as number]
      case 'o':
        return this.#object(first as string | null, second as unknown[])
      case 'a':
        return this.#array(first as unknown[], second as unknown[])
      case 'm':
        return this.#map(first as unknown[])
      case 's':
        return this.#set(first as unknown[])
      case 'e':
        return this.#error(first as string, second as string, third as string | null, fourth as unknown[])
      default:
        return new ConsoleOpaque(`(unknown kind of value ${tag})`)
    }
  }

  #object(className: string | null, properties: unknown[]): object {
    const object: object = className === null ? (Object.create(null) as object) : {}
    this.#met.push(object)
    if (className === null) this.#dressed.push([object, Object.prototype])
    else if (className !== 'Object') this.#dress(object, className, Object.prototype)
    this.#define(object, properties)
    return object
  }

  #array(elements: unknown[], properties: unknown[]): unknown[] {
    const array: unknown[] = []
    this.#met.push(array)
    elements.forEach((element, index) => {
      if (Array.isArray(element) && element[0] === 'h') array.length = index + 1
      else set(array, index, this.revive(element), true)
    })
    this.#define(array, properties)
    return array
  }

  #map(entries: unknown[]): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>()
    this.#met.push(map)
    for (let index = 0; index + 1 < entries.length; index += 2) {
      const key = this.revive(entries[index])
      map.set(key, this.revive(entries[index + 1]))
    }
    return map
  }

  #set(values: unknown[]): Set<unknown> {
    const copy = new Set<unknown>()
    this.#met.push(copy)
    for (const value of values) copy.add(this.revive(value))
    return copy
  }

  #error(standard: string, className: string, stack: string | null, parts: unknown[]): Error {
    const error = standard === 'AggregateError' ? new AggregateError([]) : new (ERRORS[standard] ?? Error)()
    this.#met.push(error)
    // What it has is told by its parts.
    Reflect.deleteProperty(error, 'errors')
    const plain = Object.getPrototypeOf(error) as object
    if (className !== standard) this.#dress(error, className, plain)
    let text: string | undefined
    for (let index = 0; index + 2 < parts.length; index += 3) {
      const key = this.#key(parts[index])
      const value = this.revive(parts[index + 2])
      if (key === 'message' && typeof value === 'string') text = value
      set(error, key, value, parts[index + 1] === true)
    }
    const name = className === '' ? standard : className
    set(error, 'stack', stack ?? (text === undefined || text === '' ? name : `${name}: ${text}`), false)
    return error
  }

  #define(object: object, properties: unknown[]): void {
    for (let index = 0; index + 1 < properties.length; index += 2) {
      const key = this.#key(properties[index])
      set(object, key, this.revive(properties[index + 1]), true)
    }
  }

  /** A symbol of the guest's is no symbol of the host's, whatever its description. */
  #key(key: unknown): string | symbol {
    if (!Array.isArray(key)) return String(key)
    return Symbol(/^Symbol\((.*)\)$/s.exec(String(key[1]))?.[1] ?? String(key[1]))
  }

  /** Lets `util.inspect` find the name of a class. */
  #dress(object: object, className: string, plain: object): void {
    const constructor = Object.defineProperty(function () {}, 'name', { value: className })
    const prototype: object = Object.create(plain, { constructor: { value: constructor } }) as object
    constructor.prototype = prototype
    Object.setPrototypeOf(object, prototype)
    this.#dressed.push([object, plain])
  }
}

/** Defined, not assigned: a key may be `__proto__`. */
function set(object: object, key: PropertyKey, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true })
}

/** A value as V8 writes it. */
function whole(hex: string): unknown {
  try {
    const value = decode(Buffer.from(hex, 'hex'))
    return typeof value === 'bigint' || typeof value === 'object' ? value : new ConsoleOpaque(String(value))
  } catch {
    // A newer V8's: a flag of a regular expression, a kind of array.
    return new ConsoleOpaque('(a value that this Node.js does not know)')
  }
}
