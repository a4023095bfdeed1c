import { guarded, isObject, readObject, wrong } from './checks.js'
import { invalidArg, show } from './errors.js'

/** A host function with the object that holds it. */
export interface Binding {
  call: (...args: unknown[]) => unknown
  holder: object
  /** Whether the guest waits for its answer, instead of getting a promise. */
  sync: boolean
}

/**
 * Host functions by their dotted path.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` for anything that is neither a function nor an object of functions
 */
export function flattenBindings(where: string, bindings: unknown): Map<string, Binding> {
  const found = new Map<string, Binding>()
  if (bindings !== undefined) collect(where, bindings, [], [], found)
  return found
}

/**
 * @param path names from the top
 * @param holders the objects on the way, to find cycles
 */
function collect(where: string, holder: unknown, path: readonly string[], holders: readonly object[], found: Map<string, Binding>): void {
  const name = ['bindings', ...path].join('.')
  if (!isNamespace(holder)) {
    throw wrong(where, name, path.length === 0 ? 'an object of functions' : 'a function, { sync: true, fn } or an object of functions', holder)
  }
  if (holders.includes(holder)) throw invalidArg(`${where}: ${name} must not contain itself`)
  const keys = guarded(where, name, () => Object.keys(holder))
  // An instance of a class has its methods on the prototype: it would bring nothing, silently.
  if (keys.length === 0 && path.length > 0) {
    throw invalidArg(`${where}: ${name} has no functions of its own, got ${show(holder)}`)
  }
  for (const key of keys) {
    checkName(where, name, key)
    const inner = [...path, key]
    const member = guarded(where, ['bindings', ...inner].join('.'), () => Reflect.get(holder, key) as unknown)
    if (typeof member === 'function') {
      found.set(inner.join('.'), { call: member as Binding['call'], holder, sync: false })
    } else if (isSyncBinding(where, ['bindings', ...inner].join('.'), member)) {
      found.set(inner.join('.'), syncBinding(where, ['bindings', ...inner].join('.'), member))
    } else {
      collect(where, member, inner, [...holders, holder], found)
    }
  }
}

/** By `sync`: among functions under names, it is one of them, or an object of more. */
function isSyncBinding(where: string, name: string, member: unknown): member is object {
  if (!isObject(member) || !guarded(where, name, () => Object.hasOwn(member, 'sync'))) return false
  return !['function', 'object'].includes(typeof guarded(where, `${name}.sync`, () => Reflect.get(member, 'sync') as unknown))
}

function syncBinding(where: string, name: string, member: object): Binding {
  const parts = readObject(where, name, member, ['sync', 'fn'])
  // Not even false: who wants to say that says the function alone.
  if (parts.get('sync') !== true) throw wrong(where, `${name}.sync`, 'true', parts.get('sync'))
  const fn = parts.get('fn')
  if (typeof fn !== 'function') throw wrong(where, `${name}.fn`, 'a function', fn)
  return { call: fn as Binding['call'], holder: member, sync: true }
}

/** `import * as functions` is as good as an object of functions. */
function isNamespace(value: unknown): value is object {
  return isObject(value) || Object.prototype.toString.call(value) === '[object Module]'
}

function checkName(where: string, holder: string, key: string): void {
  if (key === '' || key.includes('.')) {
    throw invalidArg(`${where}: a name in ${holder} must be neither empty nor contain a dot, got ${show(key)}`)
  }
  if (key === '__proto__') throw invalidArg(`${where}: a name in ${holder} must not be "__proto__"`)
}

/**
 * The paths of host functions that exist while a snapshot is built.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkBindingPaths(where: string, paths: unknown): string[] {
  if (paths === undefined) return []
  if (!Array.isArray(paths)) throw wrong(where, 'bindings', 'an array of strings', paths)
  const checked = new Set<string>()
  for (let index = 0; index < paths.length; index += 1) {
    const path: unknown = guarded(where, `bindings[${index}]`, () => paths[index] as unknown)
    if (!isPath(path)) throw wrong(where, `bindings[${index}]`, 'a name or a dotted path', path)
    if (path.split('.').includes('__proto__')) throw invalidArg(`${where}: bindings[${index}] must not name "__proto__", got ${show(path)}`)
    checked.add(path)
  }
  for (const path of checked) {
    const names = path.split('.')
    for (let length = 1; length < names.length; length += 1) {
      const outer = names.slice(0, length).join('.')
      if (checked.has(outer)) {
        throw invalidArg(`${where}: bindings must not name both ${show(outer)} and ${show(path)}: a function holds no functions`)
      }
    }
  }
  return [...checked]
}

/** Names joined by single dots. */
export function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.split('.').every((name) => name !== '')
}
