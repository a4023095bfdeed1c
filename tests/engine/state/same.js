// The path of the first difference between two values and everything in them; '' when there is none.
globalThis.difference = (() => {
  const { is, getPrototypeOf, isExtensible, getOwnPropertyDescriptor } = Object
  const views = ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float16', 'Float32', 'Float64', 'BigInt64', 'BigUint64']
  const tag = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get
  const call = (fn, self, ...rest) => Reflect.apply(fn, self, rest)
  const attempt = (fn) => { try { return [fn()] } catch { return [] } }
  // What a value has inside, as primitives and as a list of values.
  function inside(value) {
    const parts = []
    const add = (name, read) => { const got = attempt(read); if (got.length) parts.push(name, got[0]) }
    add('time', () => call(Date.prototype.getTime, value))
    add('source', () => call(getOwnPropertyDescriptor(RegExp.prototype, 'source').get, value))
    for (const flag of ['global', 'ignoreCase', 'multiline', 'sticky', 'unicode', 'dotAll', 'hasIndices', 'unicodeSets']) {
      add(flag, () => call(getOwnPropertyDescriptor(RegExp.prototype, flag).get, value))
    }
    for (const box of [Boolean, Number, String, BigInt, Symbol]) add(box.name, () => call(box.prototype.valueOf, value))
    add('map', () => [...call(Map.prototype.entries, value)])
    add('set', () => [...call(Set.prototype.values, value)])
    add('error', () => Error.isError(value))
    add('view', () => call(tag, value))
    for (const name of ['byteLength', 'maxByteLength', 'resizable']) {
      add('buffer ' + name, () => call(getOwnPropertyDescriptor(ArrayBuffer.prototype, name).get, value))
    }
    add('bytes', () => (call(getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get, value), [...new Uint8Array(value)].join()))
    const typed = getPrototypeOf(Uint8Array.prototype)
    for (const prototype of [typed, DataView.prototype]) {
      for (const name of ['byteOffset', 'byteLength', 'buffer']) {
        add('view ' + name, () => call(getOwnPropertyDescriptor(prototype, name).get, value))
      }
    }
    return parts
  }
  return (first, second) => {
    const pairs = new Map(), backwards = new Map()
    const queue = [[first, second, 'value']]
    while (queue.length) {
      const [a, b, path] = queue.shift()
      if (is(a, b)) {
        if (typeof a !== 'object' || a === null) continue
      } else if (typeof a !== typeof b || (typeof a !== 'object' && typeof a !== 'function') || !a || !b) return path
      if (pairs.has(a) || backwards.has(b)) {
        if (pairs.get(a) !== b || backwards.get(b) !== a) return path + ' (identity)'
        continue
      }
      pairs.set(a, b)
      backwards.set(b, a)
      if (a === b) continue
      if (typeof a === 'function') return path + ' (function)'
      if (isExtensible(a) !== isExtensible(b)) return path + ' (extensible)'
      if (Array.isArray(a) !== Array.isArray(b)) return path + ' (array)'
      queue.push([getPrototypeOf(a), getPrototypeOf(b), path + '.__proto__'].map((part) => part))
      if (getPrototypeOf(a) === getPrototypeOf(b)) queue.pop()
      const [left, right] = [inside(a), inside(b)]
      if (left.length !== right.length) return `${path} (inside: ${left.map(String)} and ${right.map(String)})`
      left.forEach((part, i) => queue.push([part, right[i], `${path} (inside ${i % 2 ? left[i - 1] : i})`]))
      const [keys, others] = [Reflect.ownKeys(a), Reflect.ownKeys(b)]
      if (keys.length !== others.length) return `${path} (keys: ${keys.map(String)} and ${others.map(String)})`
      for (let i = 0; i < keys.length; i++) {
        const at = `${path}[${String(keys[i])}]`
        if (keys[i] !== others[i]) return at + ' (order)'
        const [one, other] = [getOwnPropertyDescriptor(a, keys[i]), getOwnPropertyDescriptor(b, keys[i])]
        for (const name of ['writable', 'enumerable', 'configurable']) if (one[name] !== other[name]) return `${at} (${name})`
        if ('value' in one !== 'value' in other) return at + ' (accessor)'
        if ('value' in one) queue.push([one.value, other.value, at])
        // The stack of an error tells where it was made.
        if (keys[i] === 'stack') queue.pop()
      }
    }
    return ''
  }
})()
