import { types } from 'node:util'
import { refusal } from './clone-path.js'
import { errorClass, errorParts, isErrorLike, thrownErrorParts } from './error-parts.js'
import { isSyncFunction } from './references.js'
import type { References } from './references.js'
import { isStream } from './streams.js'
import { MORE_DETAILS } from './wire.js'
import type { Brought } from './wire.js'
import { ErrorShell, Refusal, Writer } from './writer.js'

/** Whose errors are written: values of the host, or what a host function threw. */
export type ErrorMode = 'value' | 'thrown'

/** A message without its end, and the functions and streams that it brings. */
export interface Rewritten {
  writer: Writer
  brought: readonly Brought[]
}

/**
 * Encodes a value that holds what V8 does not write as we need it: in a copy
 * of the containers around them, something of ours stands for each.
 *
 * - Errors: Node's V8 writes them in a form that another V8 can't always read, and without `code` and `errors`.
 * - Functions and streams, if `references` are given: V8 refuses them, or takes them for objects without properties.
 *
 * Without `references` in mode `'value'` the value must have been encoded by
 * V8 before: the copy relies on there being nothing in it that V8 refuses.
 */
export function rewrite(value: unknown, mode: ErrorMode, references?: References, beside?: ArrayBuffer[]): Rewritten {
  const writer = new Writer()
  if (beside !== undefined) writer.writeBeside(beside)
  const rewriter = new Rewriter(mode, references)
  try {
    writer.write(rewriter.rewrite(value))
    for (let details = rewriter.nextDetails(); details !== undefined; details = rewriter.nextDetails()) {
      writer.writeUint32(MORE_DETAILS)
      writer.write(details)
    }
  } catch (error) {
    references?.takeBack(rewriter.brought)
    throw error
  }
  return { writer, brought: rewriter.brought }
}

class Rewriter {
  readonly #mode: ErrorMode
  readonly #references: References | undefined
  readonly brought: Brought[] = []
  /** Off in the parts of errors, where functions are refused. */
  #takesFunctions: boolean
  /** Whatever was met so far and stands for something else in the copy: keeps identity, and ends cycles. */
  readonly #copies = new Map<object, object>()
  /** Containers that still have to be copied into; a list, so that depth doesn't cost stack. */
  readonly #unfilled: (() => void)[] = []
  /** Shells whose parts have not been written. */
  readonly #shells: ErrorShell[] = []

  constructor(mode: ErrorMode, references: References | undefined) {
    this.#mode = mode
    this.#references = references
    this.#takesFunctions = references !== undefined
  }

  rewrite(value: unknown): unknown {
    const copy = this.#replace(value)
    for (let fill = this.#unfilled.pop(); fill !== undefined; fill = this.#unfilled.pop()) fill()
    return copy
  }

  /** The parts of the next error, `[shell, key, enumerable, value, ...]`; they may hold further errors. */
  nextDetails(): unknown[] | undefined {
    const shell = this.#shells.shift()
    if (shell === undefined) return undefined
    this.#takesFunctions = false
    const details: unknown[] = [shell]
    const parts = this.#mode === 'thrown' ? thrownErrorParts(shell.error) : errorParts(shell.error)
    for (const { key, enumerable, value } of parts) {
      if (this.#refuses(value)) continue
      details.push(key, enumerable, this.rewrite(value))
    }
    return details
  }

  /**
   * Whether a part is to be left out. V8 has looked at nearly no part of an
   * error: what it refuses must not reach the copy, which would make `{}` of it.
   *
   * @throws `Refusal` in mode `'value'`, where nothing may be left out silently
   */
  #refuses(part: unknown): boolean {
    if (isPlainPrimitive(part) || this.#isError(part)) return false
    try {
      new Writer().write(part)
      return false
    } catch (error) {
      if (this.#mode === 'value') throw error
      return true
    }
  }

  #isError(value: unknown): boolean {
    if (types.isNativeError(value)) return true
    return this.#mode === 'thrown' && isErrorLike(value)
  }

  #replace(value: unknown): unknown {
    const isFunction = typeof value === 'function'
    if ((typeof value !== 'object' && !isFunction) || value === null) return value
    // To be refused.
    if (isFunction && !this.#takesFunctions) return value
    const known = this.#copies.get(value)
    if (known !== undefined) return known
    const copy = this.#references !== undefined && this.#crossesAsReference(value) ? this.#references.send(value, this.brought) : this.#copy(value)
    this.#copies.set(value, copy)
    return copy
  }

  #crossesAsReference(value: object): boolean {
    if (!this.#takesFunctions || types.isProxy(value) || this.#isError(value)) return false
    return typeof value === 'function' || isStream(value) || isSyncFunction(value)
  }

  /** The empty copy of a container, to be filled later; anything else as it is. */
  #copy(value: object): object {
    // A callable proxy, to be refused.
    if (typeof value === 'function') return value
    if (this.#isError(value)) {
      const shell = new ErrorShell(value, Math.max(errorClass(value), 0))
      this.#shells.push(shell)
      return shell
    }
    if (types.isMap(value)) {
      const copy = new Map<unknown, unknown>()
      this.#unfilled.push(() => value.forEach((item, key) => copy.set(this.#replace(key), this.#replace(item))))
      return copy
    }
    if (types.isSet(value)) {
      const copy = new Set<unknown>()
      this.#unfilled.push(() => value.forEach((item) => copy.add(this.#replace(item))))
      return copy
    }
    if (isLeaf(value)) return value
    // V8 has not looked at everything, and the copy would make `{}` of what it refuses.
    const refused = this.#references === undefined ? undefined : refusal(value)
    if (refused !== undefined) throw new Refusal('a part could not be cloned', value, refused)
    // The one object that V8 skips without a word: the
    // message is broken then, and for that the native side has sent us here.
    if (Object.prototype.toString.call(value) === '[object WebAssembly.Module]') throw new Refusal('a module could not be cloned', value)
    const copy: object = Array.isArray(value) ? new Array(value.length) : {}
    this.#unfilled.push(() => {
      for (const key of Object.keys(value)) {
        // Defined, not assigned: a key may be `__proto__`.
        Object.defineProperty(copy, key, {
          value: this.#replace(Reflect.get(value, key)),
          enumerable: true,
          writable: true,
          configurable: true,
        })
      }
    })
    return copy
  }
}

function isPlainPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
}

/** Objects that V8 writes whole, without anything that could be an error inside. */
function isLeaf(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isArrayBufferView(value)
  )
}
