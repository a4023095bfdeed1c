// What all classes of the web platform have in common (https://webidl.spec.whatwg.org/).

/** Defines a function or an object as a global; enumerable, as in browsers and in Node. */
export function expose(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Defines a class as a global. */
export function exposeClass(constructor: Function): void {
  expose(constructor.name, constructor)
  Object.defineProperty(globalThis, constructor.name, { enumerable: false })
}

/** Gives a class the shape that Web IDL asks for, and keeps its objects from being cloned as plain ones. */
export function shape(constructor: Function, name: string): void {
  const prototype = constructor.prototype as object
  for (const holder of [constructor, prototype]) {
    for (const key of Object.getOwnPropertyNames(holder)) {
      const descriptor = Object.getOwnPropertyDescriptor(holder, key)!
      const isMember = typeof descriptor.value === 'function' || descriptor.get !== undefined
      if (isMember && key !== 'constructor') Object.defineProperty(holder, key, { enumerable: true })
    }
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
  Object.defineProperty(constructor, 'name', { value: name, configurable: true })
  system.mark(prototype, name)
}

/** Constants of a class, on it and on its prototype. */
export function constants(constructor: Function, values: Record<string, number>): void {
  for (const key of Object.keys(values)) {
    const descriptor = { value: values[key], enumerable: true }
    Object.defineProperty(constructor, key, descriptor)
    Object.defineProperty(constructor.prototype, key, descriptor)
  }
}

/** @throws `TypeError` when a function got less arguments than it needs */
export function need(what: string, needed: number, given: number): void {
  if (given >= needed) return
  throw new TypeError(`${what}: ${needed} argument${needed === 1 ? '' : 's'} required, but only ${given} present`)
}

type Getter<T> = (receiver: object) => T
type Method = (receiver: object, ...args: unknown[]) => unknown

/** Reads an attribute as the class has it now, whatever a guest puts in its place later. */
export function getterOf<T>(constructor: Function, key: string): Getter<T> {
  const get = Object.getOwnPropertyDescriptor(constructor.prototype, key)!.get!
  return (receiver) => Reflect.apply(get, receiver, []) as T
}

/** Calls a method as the class has it now, whatever a guest puts in its place later. */
export function methodOf(constructor: Function, key: string): Method {
  const method = Reflect.get(constructor.prototype as object, key) as Function
  return (receiver, ...args) => Reflect.apply(method, receiver, args) as unknown
}

/** For classes that only the platform makes objects of. */
export function illegal(): never {
  throw new TypeError('Illegal constructor')
}

/** A string of Unicode scalar values. */
export function usv(value: unknown): string {
  return `${value as string}`.toWellFormed()
}

/** A dictionary of options; `undefined` and `null` are empty ones. */
export function dictionary<T extends object>(value: unknown, what: string): Partial<T> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' && typeof value !== 'function') throw new TypeError(`${what} must be an object`)
  return value as Partial<T>
}

/** An integer from 0 to 2 ** 53 - 1. */
export function enforceRange(value: unknown, what: string): number {
  const number = Math.trunc(Number(value))
  if (!(number >= 0 && number <= Number.MAX_SAFE_INTEGER)) throw new TypeError(`${what} is out of range: ${String(value)}`)
  return number + 0
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** An `ArrayBuffer` or a view of one. */
export function isBufferSource(value: unknown): value is ArrayBuffer | ArrayBufferView<ArrayBuffer> {
  return ArrayBuffer.isView(value) || isArrayBuffer(value)
}

const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  if (!isObject(value)) return false
  try {
    Reflect.apply(byteLength, value, [])
    return true
  } catch {
    return false
  }
}

/** The bytes themselves, not a copy. */
export function bytesOf(source: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source)
}

type Kind = 'entries' | 'keys' | 'values'

/** What a class with `entries`, `keys` and `values` iterates over: asked anew for each step, so changes show. */
export type Pairs<V> = () => readonly (readonly [string, V])[]

/** Makes the function that makes iterators of one class. */
export function iteratorsOf<V>(name: string): (pairs: Pairs<V>, kind: Kind) => IterableIterator<never> {
  class PairIterator {
    readonly #pairs: Pairs<V>
    readonly #kind: Kind
    #index = 0

    constructor(pairs: Pairs<V>, kind: Kind) {
      this.#pairs = pairs
      this.#kind = kind
    }

    next(): IteratorResult<unknown> {
      const pair = this.#pairs()[this.#index]
      if (pair === undefined) return { value: undefined, done: true }
      this.#index += 1
      const value = this.#kind === 'entries' ? [pair[0], pair[1]] : pair[this.#kind === 'keys' ? 0 : 1]
      return { value, done: false }
    }
  }
  const prototype = PairIterator.prototype
  Object.setPrototypeOf(prototype, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())))
  Reflect.deleteProperty(prototype, 'constructor')
  Object.defineProperty(prototype, 'next', { enumerable: true })
  Object.defineProperty(prototype, Symbol.toStringTag, { value: `${name} Iterator`, configurable: true })
  return (pairs, kind) => new PairIterator(pairs, kind) as unknown as IterableIterator<never>
}
