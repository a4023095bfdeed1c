// structuredClone (https://html.spec.whatwg.org/multipage/structured-data.html), on V8's own serializer.
//
// DOMException is one of the classes that can be cloned, and what is thrown when something can't be: it tells
// about itself here, so that the two modules do not need each other.
import { dictionary, isArrayBuffer, isObject, need } from './idl.js'

/** Tells how to make a clone of one of the bridge's objects, if it can be cloned. */
type Cloner = (object: object) => (() => object) | undefined

/** Tells how to make the object that takes the place of one that is transferred, if it can be. */
type Mover = (object: object) => (() => object) | undefined

const cloners: Cloner[] = []
const movers: Mover[] = []

export function registerCloner(cloner: Cloner): void {
  cloners[cloners.length] = cloner
}

export function registerMover(mover: Mover): void {
  movers[movers.length] = mover
}

type ErrorClass = new (message: string, name: string) => object

let DataCloneError: ErrorClass | undefined

export function throwWith(errorClass: ErrorClass): void {
  DataCloneError = errorClass
}

function refuse(message: string): never {
  throw DataCloneError === undefined ? new TypeError(message) : new DataCloneError(message, 'DataCloneError')
}

function nameOf(object: object): string {
  const tag: unknown = Reflect.get(object, Symbol.toStringTag)
  return `#<${typeof tag === 'string' ? tag : 'Object'}>`
}

function first<T>(ways: ((object: object) => T | undefined)[], object: object): T | undefined {
  for (let index = 0; index < ways.length; index++) {
    const way = ways[index]!(object)
    if (way !== undefined) return way
  }
  return undefined
}

/** A clone, and what became of the transferred objects that are no buffers. */
export function cloneWith(value: unknown, transfer: readonly unknown[]): { clone: unknown; moved: object[] } {
  const buffers: ArrayBuffer[] = []
  const numbers = new Map<object, number>()
  const makers: (() => object)[] = []
  const seen = new Set<unknown>()
  for (const object of transfer) {
    if (seen.has(object)) refuse('a value is in the transfer list twice')
    seen.add(object)
    if (isArrayBuffer(object)) {
      if (!system.isTransferable(object)) refuse('An ArrayBuffer is detached and could not be cloned.')
      buffers.push(object)
      continue
    }
    const mover = isObject(object) ? first(movers, object) : undefined
    if (mover === undefined) return refuse('Found invalid object in transferList')
    numbers.set(object as object, makers.length)
    makers.push(mover)
  }
  const movedCount = makers.length
  let made: object[] = []
  const write = (object: object): number => {
    const moved = numbers.get(object)
    if (moved !== undefined) return moved
    const cloner = first(cloners, object)
    if (cloner === undefined) return refuse(`${nameOf(object)} could not be cloned.`)
    makers.push(cloner)
    return makers.length - 1
  }
  const finish = (): object[] => {
    made = makers.map((make) => make())
    return made
  }
  const clone = system.clone(value, buffers, write, finish, refuse)
  return { clone, moved: made.slice(0, movedCount) }
}

/** What `structuredClone` and `postMessage` are told to transfer. */
export function transferList(options: unknown, what: string): unknown[] {
  const { transfer } = dictionary<{ transfer: Iterable<unknown> }>(options, what)
  if (transfer === undefined) return []
  if (!isObject(transfer)) throw new TypeError(`${what}: transfer must be a sequence`)
  return [...transfer]
}

export const { structuredClone } = {
  structuredClone(value: unknown, options: unknown = undefined): unknown {
    need('structuredClone', 1, arguments.length)
    return cloneWith(value, transferList(options, 'structuredClone')).clone
  },
}
