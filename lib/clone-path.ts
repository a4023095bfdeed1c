import { types } from 'node:util'
import { IsoseedError, show } from './errors.js'
import { ERROR_KEYS } from './wire.js'
import { isStream } from './streams.js'
import { Refusal, Writer } from './writer.js'

/** Where a value was found, as a list from the leaf up: most are never printed. */
interface Place {
  value: unknown
  parent?: Place
  /** How the parent refers to it, in JavaScript: `.name`, `[0]`, `.get("key")`. */
  step: string
  /** Whether it is a part of an error, where functions and streams don't cross. */
  ofError?: boolean
}

/** Why a value can't cross. */
interface Reason {
  text: string
  cause?: unknown
}

/**
 * The error for a value that could not be encoded: finds out which part of it is to blame.
 *
 * @param references whether functions and streams may cross
 */
export function cloneError(value: unknown, label: string, error: unknown, references = false): IsoseedError {
  const culprit = find(value, error instanceof Refusal ? error : undefined, references)
  if (culprit !== undefined) {
    const { place, reason } = culprit
    const message = `${pathOf(place, label)} can't be cloned: ${reason.text}`
    return new IsoseedError('ERR_DATA_CLONE', message, 'cause' in reason ? { cause: reason.cause } : {})
  }
  const text = String((error as Partial<Error> | undefined)?.message)
  if (text.includes('call stack size exceeded')) {
    return new IsoseedError('ERR_DATA_CLONE', `${deepPath(value, label, DEEP)} can't be cloned: it is nested too deeply`)
  }
  return new IsoseedError('ERR_DATA_CLONE', `${label} can't be cloned: ${text}`, { cause: error })
}

/** Stack does not run out over less. */
const DEEP = 500

/**
 * The path of the first object nested deeper than so many levels, in the order
 * in which V8 writes. What an error refers to is a value of its own.
 */
export function deepPath(root: unknown, label: string, depth: number): string {
  const seen = new Set<unknown>()
  const pending: { place: Place; level: number }[] = [{ place: { value: root, step: '' }, level: 1 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { place, level } = next
    const { value } = place
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    const isError = types.isNativeError(value)
    if (level > depth && !isError && !isLeaf(value)) return pathOf(place, label)
    const children = childrenOf(value, place)
    if (!Array.isArray(children)) continue
    for (const child of children.reverse()) pending.push({ place: child, level: isError ? 1 : level + 1 })
  }
  return label
}

/** Objects that nest nothing. */
function isLeaf(value: object): boolean {
  return types.isAnyArrayBuffer(value) || types.isArrayBufferView(value) || types.isDate(value) || types.isRegExp(value) || types.isBoxedPrimitive(value)
}

/** Walks a value in the order V8 does, without recursion, to the first part that V8 refuses. */
function find(root: unknown, refused: Refusal | undefined, references: boolean): { place: Place; reason: Reason } | undefined {
  const seen = new Set<unknown>()
  const pending: Place[] = [{ value: root, step: '' }]
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const { value } = place
    const isObject = typeof value === 'object' && value !== null
    if (isObject) {
      if (seen.has(value)) continue
      seen.add(value)
    }
    if (refused?.object !== undefined && value === refused.object) return { place, reason: { text: refused.reason ?? describe(value as object) } }
    if (references && place.ofError !== true && crossesAsReference(value)) continue
    const text = refusal(value)
    if (text !== undefined) return { place, reason: { text } }
    if (!isObject) continue
    const children = childrenOf(value, place)
    if (!Array.isArray(children)) return children
    for (const child of children.reverse()) {
      if (!isSimple(child.value)) pending.push(child)
    }
  }
  return undefined
}

/** What it throws, it threw before. */
function crossesAsReference(value: unknown): boolean {
  if (typeof value === 'function') return !types.isProxy(value)
  try {
    return typeof value === 'object' && value !== null && isStream(value)
  } catch {
    return false
  }
}

/** Why V8 refuses this very value, whatever it refers to; `undefined` if it doesn't. */
export function refusal(value: unknown): string | undefined {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return undefined
  if (types.isProxy(value)) return 'a Proxy'
  if (types.isPromise(value)) return 'a Promise (await it first)'
  if (types.isSharedArrayBuffer(value)) return 'a SharedArrayBuffer'
  if (types.isArrayBufferView(value) && types.isSharedArrayBuffer(value.buffer)) return 'a view of a SharedArrayBuffer'
  if (types.isArgumentsObject(value)) return 'an arguments object (make it an array)'
  if (types.isModuleNamespaceObject(value)) return 'a module namespace object'
  if (types.isWeakMap(value) || types.isWeakSet(value) || types.isGeneratorObject(value)) return describe(value)
  if (isContainer(value)) return undefined
  // Nothing inside that could be to blame: V8 itself tells whether it takes this.
  try {
    new Writer().write(value)
    return undefined
  } catch (error) {
    if (types.isArrayBuffer(value) || types.isArrayBufferView(value)) return `${describe(value)} that is detached or out of bounds`
    return error instanceof Refusal ? describe(value) : undefined
  }
}

function isContainer(value: object): boolean {
  if (types.isAnyArrayBuffer(value) || types.isArrayBufferView(value)) return false
  return types.isMap(value) || types.isSet(value) || types.isNativeError(value) || Object.keys(value).length > 0
}

/** The parts of a container, or the part whose getter threw. */
function childrenOf(value: object, parent: Place): Place[] | { place: Place; reason: Reason } {
  const children: Place[] = []
  const ofError = parent.ofError === true || types.isNativeError(value)
  if (types.isAnyArrayBuffer(value) || types.isArrayBufferView(value)) return children
  if (types.isMap(value)) {
    let index = 0
    for (const [key, item] of value) {
      children.push({ value: key, parent, step: `.keys()[${index}]`, ofError })
      children.push({ value: item, parent, step: isSimple(key) ? `.get(${show(key)})` : `.values()[${index}]`, ofError })
      index += 1
    }
    return children
  }
  if (types.isSet(value)) {
    let index = 0
    for (const item of value) children.push({ value: item, parent, step: `.values()[${index++}]`, ofError })
    return children
  }
  const keys = types.isNativeError(value) ? ERROR_KEYS.filter((key) => Object.hasOwn(value, key)) : Object.keys(value)
  for (const key of keys) {
    const place: Place = { value: undefined, parent, step: step(key, Array.isArray(value)), ofError }
    try {
      place.value = Reflect.get(value, key)
    } catch (cause) {
      return { place, reason: { text: `its getter threw ${show(cause)}`, cause } }
    }
    children.push(place)
  }
  return children
}

function isSimple(key: unknown): boolean {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean'
}

function step(key: string, ofArray: boolean): string {
  if (ofArray && /^\d+$/.test(key)) return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${show(key)}]`
}

function pathOf(leaf: Place, label: string): string {
  const steps: string[] = []
  for (let place: Place | undefined = leaf; place !== undefined; place = place.parent) steps.push(place.step)
  // A cycle can't make it endless, but depth can make it unreadable.
  if (steps.length > 40) steps.splice(20, steps.length - 40, '...')
  return label + steps.reverse().join('')
}

/** A name for an object's kind, with its article. */
function describe(value: object): string {
  let name = 'object'
  try {
    const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
    const constructor: unknown = Reflect.get(value, 'constructor')
    name = typeof constructor === 'function' && !tag.endsWith(constructor.name) ? constructor.name : tag
  } catch {
    // The object doesn't want to be described.
  }
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}
