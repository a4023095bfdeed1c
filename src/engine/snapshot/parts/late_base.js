// What the pieces of the part `late` have in common. Everything is V8's own: taken before any source
// runs, because a source may replace any built-in.
() => {
  'use strict'
  const { apply, construct, getOwnPropertyDescriptor, ownKeys, setPrototypeOf } = Reflect
  const { keyFor, toStringTag, dispose, asyncDispose } = Symbol
  const symbols = { __proto__: null, '@@toStringTag': toStringTag, '@@dispose': dispose, '@@asyncDispose': asyncDispose }
  const descriptionOf = getOwnPropertyDescriptor(Symbol.prototype, 'description').get

  /** A method as a function that takes its receiver first. */
  const uncurry = (method) => (self, ...args) => apply(method, self, args)

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'

  /** An own property; what sources put on `Object.prototype` does not show in it. */
  const own = (object, key) => {
    const descriptor = getOwnPropertyDescriptor(object, key)
    if (descriptor) setPrototypeOf(descriptor, null)
    return descriptor
  }

  /** `GetMethod` of the specification. */
  const getMethod = (value, key) => {
    const method = value[key]
    if (method === undefined || method === null) return undefined
    if (typeof method !== 'function') throw new TypeErrorClass(`${nameOf(key)} is not a function`)
    return method
  }
  const TypeErrorClass = TypeError

  /** What can be a key of a WeakMap. */
  const isWeaklyHoldable = (value) => isObject(value) || (typeof value === 'symbol' && keyFor(value) === undefined)

  /** The property key that a description calls `name`. */
  const keyOf = (name) => symbols[name] ?? name

  /** A property key as it is written after a path: `.key` or `[Symbol.key]`. */
  const nameOf = (key) => (typeof key === 'symbol' ? `[${apply(descriptionOf, key, [])}]` : `.${key}`)

  /** The path of a property. */
  const join = (path, key) => (path === '' ? key : path + nameOf(key))

  // Descriptions of stand-ins.

  const plain = (key, flags, value) => ({ __proto__: null, key, flags, value: { __proto__: null, plain: value } })
  const reference = (key, path) => ({ __proto__: null, key, value: { __proto__: null, ref: path } })

  /** The methods and getters of an object literal. `owns` says which receivers are no business of V8's own. */
  const describeMembers = (literal, owns) => {
    const keys = ownKeys(literal)
    const properties = []
    for (let i = 0; i < keys.length; i++) {
      const { value, get } = own(literal, keys[i])
      const key = typeof keys[i] === 'symbol' ? `@@${keys[i] === dispose ? 'dispose' : 'asyncDispose'}` : keys[i]
      const code = value ?? get
      const node = { __proto__: null, node: { __proto__: null, length: code.length, name: code.name, code, owns } }
      properties[i] = value ? { __proto__: null, key, value: node } : { __proto__: null, key, flags: '--c', get: node }
    }
    return properties
  }

  /** A class: what `new` and a call do, its prototype's members, one of them under a second key. */
  const describeClass = (name, { make, code, owns, length, members, alias, plains, proto, prototypeProto, tag }) => {
    const inner = [reference('constructor', name)]
    const described = describeMembers(members, owns)
    for (let i = 0; i < described.length; i++) inner[inner.length] = described[i]
    if (alias) inner[inner.length] = reference(alias[0], `${name}.prototype.${alias[1]}`)
    for (let i = 0; plains && i < plains.length; i++) inner[inner.length] = plain(plains[i][0], 'w-c', plains[i][1])
    if (tag) inner[inner.length] = plain('@@toStringTag', '--c', name)
    const node = { __proto__: null, type: 'object', proto: prototypeProto ?? 'Object.prototype', own: inner, owns }
    const prototype = { __proto__: null, key: 'prototype', flags: '---', value: { __proto__: null, node } }
    return { __proto__: null, type: 'class', proto, length, name, own: [prototype], code, make }
  }

  return { __proto__: null, describeClass, describeMembers, apply, construct, uncurry, isObject, own, getMethod, isWeaklyHoldable, keyOf, join }
}
