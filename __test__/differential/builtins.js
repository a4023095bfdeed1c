// Every built-in that can be reached from the global object, one line for each property: attributes, kind,
// name and length of functions, extensibility, the path of the prototype.
(() => {
  const paths = new Map()
  const lines = []
  const queue = []
  const show = (key) => (typeof key === 'symbol' ? `[${String(key)}]` : `.${key}`)

  const visit = (value, path) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || paths.has(value)) return
    paths.set(value, path)
    queue.push(value)
  }
  const pathOf = (value) => {
    if (value === null) return 'null'
    return paths.get(value) ?? 'unvisited'
  }
  const valueText = (value) => {
    if (typeof value === 'function') return `function ${JSON.stringify(value.name)} ${value.length} -> ${pathOf(value)}`
    if (typeof value === 'object' && value !== null) return `object -> ${pathOf(value)}`
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'bigint') return `${value}n`
    return Object.is(value, -0) ? '-0' : String(value)
  }

  // What only syntax leads to.
  const hidden = {
    AsyncFunction: (async () => {}).constructor,
    GeneratorFunction: function* () {}.constructor,
    AsyncGeneratorFunction: async function* () {}.constructor,
    IteratorPrototype: Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())),
    ArrayIterator: Object.getPrototypeOf([][Symbol.iterator]()),
    MapIterator: Object.getPrototypeOf(new Map()[Symbol.iterator]()),
    SetIterator: Object.getPrototypeOf(new Set()[Symbol.iterator]()),
    StringIterator: Object.getPrototypeOf(''[Symbol.iterator]()),
    RegExpStringIterator: Object.getPrototypeOf('a'.matchAll(/a/g)),
    ThrowTypeError: Object.getOwnPropertyDescriptor((function () { 'use strict'; return arguments })(), 'callee').get,
  }
  const names = globalThis.differentialNames
  delete globalThis.differentialNames
  const globals = names ?? Reflect.ownKeys(globalThis)
  for (const [name, value] of Object.entries(hidden)) visit(value, `%${name}%`)
  for (const name of globals) {
    const property = Object.getOwnPropertyDescriptor(globalThis, name)
    if (property !== undefined && 'value' in property && property.value !== globalThis) visit(property.value, show(name))
  }
  paths.set(globalThis, 'global')

  const properties = (value, path, keys) => {
    for (const key of keys) {
      const property = Object.getOwnPropertyDescriptor(value, key)
      if (property === undefined) continue
      for (const part of [property.value, property.get, property.set]) visit(part, `${path}${show(key)}`)
      const flags = `${property.writable ? 'w' : '-'}${property.enumerable ? 'e' : '-'}${property.configurable ? 'c' : '-'}`
      const text = 'value' in property ? valueText(property.value) : `get ${valueText(property.get)} set ${valueText(property.set)}`
      lines.push(`${path}${show(key)} ${flags} ${text}`)
    }
  }
  properties(globalThis, '', globals.filter((name) => name !== 'globalThis'))
  // The list grows while it is walked.
  for (const value of queue) {
    const path = paths.get(value)
    const prototype = Object.getPrototypeOf(value)
    visit(prototype, `${path}.__proto__`)
    lines.push(`${path} is ${typeof value}, ${Object.isExtensible(value) ? 'extensible' : 'fixed'}, its prototype ${pathOf(prototype)}`)
    lines.push(`${path} has ${Reflect.ownKeys(value).map(show).toSorted().join(' ')}`)
    properties(value, path, Reflect.ownKeys(value))
  }
  return lines
})()
