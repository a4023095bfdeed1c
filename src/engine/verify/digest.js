// Evaluated in a pristine context beside the session's own, so that nothing the session did to its
// built-ins is used here. Walks everything reachable from `roots` and writes one line for each
// property: its path, tab, what it holds. `kindOf` is native: it tells objects apart without asking
// them.
(kindOf, roots) => {
  'use strict'
  const { getOwnPropertyDescriptor, getPrototypeOf, isExtensible } = Object
  const { ownKeys, apply } = Reflect
  const functionText = Function.prototype.toString
  const regExpSource = getOwnPropertyDescriptor(RegExp.prototype, 'source').get
  const regExpFlags = getOwnPropertyDescriptor(RegExp.prototype, 'flags').get
  const dateValue = Date.prototype.getTime
  const { forEach: mapForEach } = Map.prototype
  const { forEach: setForEach } = Set.prototype
  const unbox = {
    boolean: Boolean.prototype.valueOf,
    number: Number.prototype.valueOf,
    string: String.prototype.valueOf,
    symbol: Symbol.prototype.valueOf,
    bigint: BigInt.prototype.valueOf,
  }

  const lines = []
  const numbers = new Map()
  const queue = []

  const symbolName = (symbol) => `[${String(symbol)}]`
  const keyName = (key) => (typeof key === 'symbol' ? symbolName(key) : `.${key}`)
  const show = (value, path) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      let number = numbers.get(value)
      if (number === undefined) {
        number = numbers.size
        numbers.set(value, number)
        queue.push([value, path])
      }
      return `#${number}`
    }
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'symbol') return symbolName(value)
    if (typeof value === 'bigint') return `${value}n`
    return Object.is(value, -0) ? '-0' : String(value)
  }
  const write = (path, text) => {
    lines.push(`${path}\t${text}`)
  }

  const contents = (object, path, kind) => {
    switch (kind) {
      case 'function': return apply(functionText, object, [])
      case 'regexp': return `${apply(regExpSource, object, [])}/${apply(regExpFlags, object, [])}`
      case 'date': return String(apply(dateValue, object, []))
      case 'map': {
        let index = 0
        apply(mapForEach, object, [(value, key) => {
          write(`${path}.<map ${index}>`, `${show(key, `${path}.<map key ${index}>`)} ${show(value, `${path}.<map value ${index}>`)}`)
          index++
        }])
        return `${index} entries`
      }
      case 'set': {
        let index = 0
        apply(setForEach, object, [(value) => {
          write(`${path}.<set ${index}>`, show(value, `${path}.<set value ${index}>`))
          index++
        }])
        return `${index} values`
      }
      default: return kind in unbox ? show(apply(unbox[kind], object, []), path) : ''
    }
  }

  const visit = (object, path) => {
    const kind = kindOf(object)
    // A trap of a Proxy is the session's own code.
    if (kind === 'proxy') return write(path, 'proxy')
    write(path, `${kind} ${isExtensible(object) ? '' : 'fixed '}${contents(object, path, kind)}`)
    write(`${path}.<prototype>`, show(getPrototypeOf(object), `${path}.<prototype>`))
    for (const key of ownKeys(object)) {
      const at = path + keyName(key)
      const property = getOwnPropertyDescriptor(object, key)
      if (property === undefined) continue
      const flags = `${property.writable ? 'w' : '-'}${property.enumerable ? 'e' : '-'}${property.configurable ? 'c' : '-'}`
      if ('value' in property) write(at, `${flags} ${show(property.value, at)}`)
      else write(at, `${flags} get ${show(property.get, `${at}.<get>`)} set ${show(property.set, `${at}.<set>`)}`)
    }
  }

  for (const [name, root] of roots) {
    write(name, show(root, name))
    while (queue.length > 0) visit(...queue.shift())
  }
  return lines.join('\n')
}
