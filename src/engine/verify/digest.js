// Evaluated in a pristine context beside the session's own, so that nothing the session did to its
// built-ins is used here. Numbers objects and symbols as it meets them and writes a record for each object:
// what it is, then a line for each thing that JavaScript can ask of it. Numbers mean nothing beyond one
// session; who compares two goes along both at once. `inside` is native: it tells objects apart without
// asking them, and shows what is in them. `hash` is native, too.
//
//   =kind TAB what it is TAB its state
//   key TAB attributes TAB value
//
// A key is `.name`, `@symbol`, or what it stands for in angle brackets; a value is `#object`, `@symbol` or
// a primitive.
(inside, hash) => {
  'use strict'
  const { getOwnPropertyDescriptor, getPrototypeOf, isExtensible } = Object
  const { ownKeys, apply } = Reflect
  const functionText = Function.prototype.toString
  const regExpSource = getOwnPropertyDescriptor(RegExp.prototype, 'source').get
  const regExpFlags = getOwnPropertyDescriptor(RegExp.prototype, 'flags').get
  const dateValue = Date.prototype.getTime
  const { forEach: mapForEach } = Map.prototype
  const { forEach: setForEach } = Set.prototype
  const { deref } = WeakRef.prototype
  const bufferMaximum = getOwnPropertyDescriptor(ArrayBuffer.prototype, 'maxByteLength').get
  const unbox = {
    boolean: Boolean.prototype.valueOf,
    number: Number.prototype.valueOf,
    string: String.prototype.valueOf,
    symbol: Symbol.prototype.valueOf,
    bigint: BigInt.prototype.valueOf,
  }
  const LONGEST_TEXT = 4096
  const LONGEST_SHOWN = 160
  const LINES_AT_A_TIME = 50_000

  const numbers = new Map()
  const objects = []
  const symbolNumbers = new Map()
  const symbols = []
  const wellKnown = new Map()
  for (const name of ownKeys(Symbol)) if (typeof Symbol[name] === 'symbol') wellKnown.set(Symbol[name], `Symbol.${name}`)
  let written = 0
  let lines = []

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'
  const symbolText = (symbol) => {
    if (wellKnown.has(symbol)) return wellKnown.get(symbol)
    const registered = Symbol.keyFor(symbol)
    if (registered !== undefined) return `Symbol.for(${JSON.stringify(registered)})`
    return symbol.description === undefined ? 'Symbol()' : `Symbol(${JSON.stringify(symbol.description)})`
  }
  const symbolNumber = (symbol) => {
    let number = symbolNumbers.get(symbol)
    if (number === undefined) {
      number = symbols.length
      symbolNumbers.set(symbol, number)
      symbols.push(symbolText(symbol))
    }
    return `@${number}`
  }
  /** Text that may be long: its beginning, and a digest of all of it. */
  const textOf = (text, longest) => (text.length <= longest ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, LONGEST_SHOWN))}… ${text.length} ${hash(text)}`)
  const show = (value) => {
    if (isObject(value)) {
      let number = numbers.get(value)
      if (number === undefined) {
        number = objects.length
        numbers.set(value, number)
        objects.push(value)
      }
      return `#${number}`
    }
    if (typeof value === 'string') return textOf(value, LONGEST_TEXT)
    if (typeof value === 'symbol') return symbolNumber(value)
    if (typeof value === 'bigint') return textOf(`${value}n`, LONGEST_TEXT)
    return Object.is(value, -0) ? '-0' : String(value)
  }
  const PLAIN_NAME = /^[\w$]+$/
  const keyOf = (key) => (typeof key === 'symbol' ? symbolNumber(key) : PLAIN_NAME.test(key) ? `.${key}` : `.${JSON.stringify(key)}`)
  const line = (key, attributes, value) => {
    lines.push(`${key}\t${attributes}\t${value}`)
  }
  const header = (kind, what, state) => {
    lines.push(`=${kind}\t${what}\t${state}`)
  }

  const stateOf = (object, kind, told) => {
    switch (kind) {
      case 'regexp': return JSON.stringify(`/${apply(regExpSource, object, [])}/${apply(regExpFlags, object, [])}`)
      case 'date': return String(apply(dateValue, object, []))
      case 'buffer': return `${told} of ${apply(bufferMaximum, object, [])}`
      default: return kind in unbox ? show(apply(unbox[kind], object, [])) : told
    }
  }

  const entriesOf = (object, kind) => {
    let index = 0
    if (kind === 'map') {
      apply(mapForEach, object, [(value, key) => {
        line(`<map key ${index}>`, '', show(key))
        line(`<map value ${index}>`, '', show(value))
        index++
      }])
    } else if (kind === 'set') {
      apply(setForEach, object, [(value) => line(`<set ${index++}>`, '', show(value))])
    }
  }

  /** Nothing but a `WeakRef` has one. */
  const targetOf = (object) => {
    try {
      line('<weak 0>', '', show(apply(deref, object, [])))
    } catch {}
  }

  const isIndex = (key) => typeof key === 'string' && /^\d+$/.test(key)

  const propertiesOf = (object, kind) => {
    for (const key of ownKeys(object)) {
      // Its bytes are told already.
      if (kind === 'view' && isIndex(key)) continue
      let property
      try {
        property = getOwnPropertyDescriptor(object, key)
      } catch {
        // A module's binding that is not initialised.
        line(keyOf(key), '', 'not initialised')
      }
      if (property === undefined) continue
      const flags = `${property.writable ? 'w' : '-'}${property.enumerable ? 'e' : '-'}${property.configurable ? 'c' : '-'}`
      if ('value' in property) {
        line(keyOf(key), flags, show(property.value))
      } else {
        line(`${keyOf(key)}`, `${flags} accessor`, show(property.get))
        line(`<setter of ${keyOf(key)}>`, flags, show(property.set))
      }
    }
  }

  /** `told`: kind, what tells it from others of the kind, state, then pairs of a name and a value in it. */
  const visit = (object) => {
    const told = inside(object)
    const [kind, place] = told
    if (kind === 'proxy') {
      header(kind, '', '')
    } else {
      const what = kind === 'function' ? `${textOf(apply(functionText, object, []), LONGEST_SHOWN)} ${place}` : place
      header(kind, what, `${isExtensible(object) ? '' : 'fixed '}${stateOf(object, kind, told[2])}`)
    }
    for (let index = 3; index < told.length; index += 2) line(`<${told[index]}>`, '', show(told[index + 1]))
    // A trap of a Proxy is the session's own code.
    if (kind === 'proxy') return
    if (kind === 'object') targetOf(object)
    line('<prototype>', '', show(getPrototypeOf(object)))
    entriesOf(object, kind)
    propertiesOf(object, kind)
  }

  return {
    /** Takes objects in; they have the numbers from the answer on, unless they were known. */
    add(given) {
      for (let index = 0; index < given.length; index++) show(given[index])
      return objects.length
    },
    numberOf: (object) => numbers.get(object) ?? -1,
    /** The next records, and nothing when all are written. */
    next() {
      lines = []
      while (written < objects.length && lines.length < LINES_AT_A_TIME) visit(objects[written++])
      return lines.join('\n')
    },
    objects: () => objects,
    symbols: () => symbols.join('\n'),
  }
}
