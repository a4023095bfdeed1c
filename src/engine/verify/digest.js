// Evaluated in a pristine context beside the session's own, so that nothing the session did to its
// built-ins is used here. `walk` visits everything reachable from some roots by properties and writes one
// line for each property: its path, tab, what it holds; what it met once is not visited again. `unseen`
// tells which of some objects it has not met, and `owners` the functions and generators that it has. `kindOf` is native: it tells objects apart without asking
// them.
(kindOf) => {
  'use strict'
  const { getOwnPropertyDescriptor, getPrototypeOf, isExtensible } = Object
  const { ownKeys, apply } = Reflect
  const functionText = Function.prototype.toString
  const getter = (object, name) => getOwnPropertyDescriptor(object, name).get
  const regExpSource = getter(RegExp.prototype, 'source')
  const regExpFlags = getter(RegExp.prototype, 'flags')
  const dateValue = Date.prototype.getTime
  const { forEach: mapForEach } = Map.prototype
  const { forEach: setForEach } = Set.prototype
  const typedArray = getPrototypeOf(Int8Array.prototype)
  const views = {
    view: ['buffer', 'byteOffset', 'byteLength'].map((name) => getter(typedArray, name)),
    dataview: ['buffer', 'byteOffset', 'byteLength'].map((name) => getter(DataView.prototype, name)),
  }
  const bufferLength = getter(ArrayBuffer.prototype, 'byteLength')
  const bufferMaximum = getter(ArrayBuffer.prototype, 'maxByteLength')
  const unbox = {
    boolean: Boolean.prototype.valueOf,
    number: Number.prototype.valueOf,
    string: String.prototype.valueOf,
    symbol: Symbol.prototype.valueOf,
    bigint: BigInt.prototype.valueOf,
  }

  const numbers = new Map()
  const owners = []
  let lines = []
  let queue = []

  const symbolName = (symbol) => (Symbol.keyFor(symbol) === undefined ? `[${String(symbol)}]` : `[Symbol.for(${JSON.stringify(Symbol.keyFor(symbol))})]`)
  const keyName = (key) => (typeof key === 'symbol' ? symbolName(key) : `.${key}`)
  const show = (value, path) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      let number = numbers.get(value)
      if (number === undefined) {
        number = numbers.size
        numbers.set(value, number)
        queue.push(value, path)
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
  /** Of bytes that are too many to write down. */
  const digestOf = (bytes) => {
    let hash = 0x811c9dc5
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193)
    return `${bytes.length} bytes ${(hash >>> 0).toString(16)}`
  }
  const bytesOf = (object, [buffer, offset, length]) => {
    try {
      return digestOf(new Uint8Array(apply(buffer, object, []), apply(offset, object, []), apply(length, object, [])))
    } catch {
      return 'detached'
    }
  }
  const written = (object) => {
    try {
      return `${digestOf(new Uint8Array(object))} of ${apply(bufferMaximum, object, [])}`
    } catch {
      return `detached ${apply(bufferLength, object, [])}`
    }
  }

  const contents = (object, path, kind) => {
    switch (kind) {
      case 'function': return apply(functionText, object, [])
      case 'regexp': return `${apply(regExpSource, object, [])}/${apply(regExpFlags, object, [])}`
      case 'date': return String(apply(dateValue, object, []))
      case 'view': case 'dataview': return bytesOf(object, views[kind])
      case 'buffer': return written(object)
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

  const isIndex = (key) => typeof key === 'string' && /^\d+$/.test(key)

  const visit = (object, path) => {
    const kind = kindOf(object)
    // A trap of a Proxy is the session's own code.
    if (kind === 'proxy') return write(path, `#${numbers.get(object)} proxy`)
    if (kind === 'function' || kind === 'generator') owners.push(object)
    // The number tells who compares where the object was met first.
    write(path, `#${numbers.get(object)} ${kind} ${isExtensible(object) ? '' : 'fixed '}${contents(object, path, kind)}`)
    write(`${path}.<prototype>`, show(getPrototypeOf(object), `${path}.<prototype>`))
    for (const key of ownKeys(object)) {
      // Its bytes are told already.
      if (kind === 'view' && isIndex(key)) continue
      const at = path + keyName(key)
      let property
      try {
        property = getOwnPropertyDescriptor(object, key)
      } catch {
        // A module's binding that is not initialised.
        write(at, 'not initialised')
      }
      if (property === undefined) continue
      const flags = `${property.writable ? 'w' : '-'}${property.enumerable ? 'e' : '-'}${property.configurable ? 'c' : '-'}`
      if ('value' in property) write(at, `${flags} ${show(property.value, at)}`)
      else write(at, `${flags} get ${show(property.get, `${at}.<get>`)} set ${show(property.set, `${at}.<set>`)}`)
    }
  }

  return {
    owners: () => owners,
    walk(roots) {
      lines = []
      queue = []
      for (let root = 0; root < roots.length; root++) {
        const [name, object] = [roots[root][0], roots[root][1]]
        write(name, show(object, name))
        for (let at = 0; at < queue.length; at += 2) visit(queue[at], queue[at + 1])
        queue = []
      }
      return lines.join('\n')
    },
    unseen(objects) {
      const unseen = []
      for (let i = 0; i < objects.length; i++) {
        if (!numbers.has(objects[i])) unseen.push(objects[i])
      }
      return unseen
    },
  }
}
