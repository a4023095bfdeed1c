// The late built-ins that are functions of their own, as the specification has them.
(base) => {
  'use strict'
  const { apply, uncurry, isObject, own, getMethod, isWeaklyHoldable } = base
  const TypeErrorClass = TypeError
  const NumberOf = Number
  const BigIntOf = BigInt
  const { isInteger } = Number
  const { is } = Object
  const { getPrototypeOf } = Reflect
  const { iterator, toStringTag } = Symbol
  const objectToString = uncurry(Object.prototype.toString)
  const isPrototypeOf = uncurry(Object.prototype.isPrototypeOf)
  const mapGet = uncurry(Map.prototype.get)
  const mapHas = uncurry(Map.prototype.has)
  const mapSet = uncurry(Map.prototype.set)
  const weakGet = uncurry(WeakMap.prototype.get)
  const weakHas = uncurry(WeakMap.prototype.has)
  const weakSet = uncurry(WeakMap.prototype.set)
  const iteratorMap = uncurry(Iterator.prototype.map)
  const codePointAt = uncurry(String.prototype.codePointAt)
  const charCodeAt = uncurry(String.prototype.charCodeAt)
  const indexOf = uncurry(String.prototype.indexOf)
  const split = uncurry(String.prototype.split)
  const fromCodePoint = String.fromCodePoint
  const numberToString = uncurry(Number.prototype.toString)
  const bigintToString = uncurry(BigInt.prototype.toString)
  const padStart = uncurry(String.prototype.padStart)
  const localePrototype = Intl.Locale.prototype
  const iteratorKey = Symbol.iterator
  const arrayIteratorNext = getPrototypeOf([][iteratorKey]()).next
  const errorPrototype = Error.prototype
  const getStack = own(new Error(), 'stack').get
  const asyncIteratorPrototype = getPrototypeOf(getPrototypeOf(async function* () {}.prototype))

  const callable = (value) => {
    if (typeof value !== 'function') throw new TypeErrorClass(`${typeof value} is not a function`)
    return value
  }

  // Promise.try

  const capabilityOf = (Class) => {
    const capability = { __proto__: null, resolve: undefined, reject: undefined, promise: undefined }
    capability.promise = new Class((resolve, reject) => {
      if (capability.resolve !== undefined || capability.reject !== undefined) {
        throw new TypeErrorClass('Promise executor has already been invoked with non-undefined arguments')
      }
      capability.resolve = resolve
      capability.reject = reject
    })
    callable(capability.resolve)
    callable(capability.reject)
    return capability
  }

  // RegExp.escape

  const controls = { __proto__: null, '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r' }
  const whiteSpace = '\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\ufeff\u2028\u2029'
  const hex = (code, digits) => padStart(numberToString(code, 16), digits, '0')
  const escaped = (character, code) => {
    if (indexOf('^$\\.*+?()[]{}|/', character) >= 0) return `\\${character}`
    if (controls[character] !== undefined) return controls[character]
    const isSurrogate = code >= 0xd800 && code <= 0xdfff
    if (isSurrogate || indexOf(",-=<>#&!%:;@~'`\"", character) >= 0 || indexOf(whiteSpace, character) >= 0) {
      return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
    }
    return character
  }
  const isAlphanumeric = (code) => (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

  // Iterator.concat

  const stepOf = (result) => {
    if (!isObject(result)) throw new TypeErrorClass(`Iterator result ${typeof result} is not an object`)
    return result
  }
  /** One iterator after the other. A native iterator helper around it gives it V8's own `next` and `return`. */
  const concatenated = (iterables) => {
    let at = 0
    let current
    let next
    return {
      __proto__: null,
      next() {
        for (;;) {
          if (current === undefined) {
            if (at === iterables.length) return { __proto__: null, done: true, value: undefined }
            const { open, iterable } = iterables[at++]
            const opened = apply(open, iterable, [])
            if (!isObject(opened)) throw new TypeErrorClass(`${typeof opened} is not an object`)
            next = opened.next
            current = opened
          }
          const result = stepOf(apply(next, current, []))
          if (!result.done) return { __proto__: null, done: false, value: result.value }
          current = undefined
        }
      },
      return() {
        at = iterables.length
        const closing = current
        current = undefined
        const method = closing === undefined ? undefined : getMethod(closing, 'return')
        return method === undefined ? {} : stepOf(apply(method, closing, []))
      },
    }
  }

  // Math.sumPrecise

  const bits = new DataView(new ArrayBuffer(8))
  const setFloat64 = uncurry(DataView.prototype.setFloat64)
  const getBigUint64 = uncurry(DataView.prototype.getBigUint64)
  /** A finite number in units of 2 ** -1074, exactly. */
  const exactly = (number) => {
    setFloat64(bits, 0, number)
    const word = getBigUint64(bits, 0)
    const exponent = (word >> 52n) & 0x7ffn
    const fraction = word & 0xfffffffffffffn
    const magnitude = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n)
    return word >> 63n === 0n ? magnitude : -magnitude
  }
  /** The number nearest to `sum` units of 2 ** -1074. */
  const nearest = (sum) => {
    const magnitude = sum < 0n ? -sum : sum
    const length = bigintToString(magnitude, 2).length
    const shift = length > 64 ? length - 64 : 0
    let top = magnitude >> BigIntOf(shift)
    // What is cut off must still break a tie.
    if (top << BigIntOf(shift) !== magnitude) top |= 1n
    const result = NumberOf(top) * 2 ** (shift - 1074)
    return sum < 0n ? -result : result
  }

  /** As V8 iterates: an array's iterator by what it is, without looking up its `next`. */
  const numbers = (items) => {
    const iterator = items[iteratorKey]()
    let first
    try {
      first = apply(arrayIteratorNext, iterator, [])
    } catch {
      return { __proto__: null, [iteratorKey]: () => iterator }
    }
    const steps = {
      __proto__: null,
      next() {
        const step = first ?? apply(arrayIteratorNext, iterator, [])
        first = undefined
        return step
      },
      return() {
        const close = getMethod(iterator, 'return')
        return close === undefined ? {} : apply(close, iterator, [])
      },
    }
    return { __proto__: null, [iteratorKey]: () => steps }
  }

  // Error.isError

  /** Own or inherited, and not called if it is a getter. */
  const hasTag = (value) => {
    for (let object = value; object !== null; object = getPrototypeOf(object)) {
      if (own(object, toStringTag)) return true
    }
    return false
  }

  // Holder, its path, and its late functions.
  const places = [
    ['Promise', Promise, {
      try(callback, ...args) {
        if (!isObject(this)) throw new TypeErrorClass('Promise.try called on non-object')
        const { promise, resolve, reject } = capabilityOf(this)
        let result
        try {
          result = apply(callable(callback), undefined, args)
        } catch (error) {
          reject(error)
          return promise
        }
        resolve(result)
        return promise
      },
    }],
    ['Error', Error, {
      // A tag hides what `Object.prototype.toString` knows: then an own `stack` as V8 gives it to errors tells.
      isError(value) {
        if (!isObject(value)) return false
        if (!hasTag(value)) return objectToString(value) === '[object Error]'
        return own(value, 'stack')?.get === getStack && isPrototypeOf(errorPrototype, value)
      },
    }],
    ['RegExp', RegExp, {
      escape(string) {
        if (typeof string !== 'string') throw new TypeErrorClass('input argument must be a string')
        let result = ''
        for (let i = 0; i < string.length; ) {
          const code = codePointAt(string, i)
          const character = fromCodePoint(code)
          result += i === 0 && isAlphanumeric(code) ? `\\x${hex(code, 2)}` : escaped(character, code)
          i += character.length
        }
        return result
      },
    }],
    ['Iterator', Iterator, {
      concat(...items) {
        const iterables = []
        for (let i = 0; i < items.length; i++) {
          const iterable = items[i]
          if (!isObject(iterable)) throw new TypeErrorClass(`${typeof iterable} is not an object`)
          const open = getMethod(iterable, iterator)
          if (open === undefined) throw new TypeErrorClass('object is not iterable')
          iterables[i] = { __proto__: null, open, iterable }
        }
        return iteratorMap(concatenated(iterables), (value) => value)
      },
    }],
    ['Iterator.prototype', Iterator.prototype, {
      [Symbol.dispose]() {
        const method = getMethod(this, 'return')
        if (method !== undefined) apply(method, this, [])
      },
    }],
    ['AsyncIterator.prototype', asyncIteratorPrototype, {
      [Symbol.asyncDispose]() {
        const dispose = async (self) => {
          const method = getMethod(self, 'return')
          if (method !== undefined) await apply(method, self, [undefined])
        }
        return dispose(this)
      },
    }],
    ['Map.prototype', Map.prototype, {
      getOrInsert(key, value) {
        if (mapHas(this, key)) return mapGet(this, key)
        mapSet(this, key, value)
        return value
      },
      getOrInsertComputed(key, callback) {
        const isThere = mapHas(this, key)
        callable(callback)
        if (isThere) return mapGet(this, key)
        const canonical = is(key, -0) ? 0 : key
        const value = apply(callback, undefined, [canonical])
        mapSet(this, canonical, value)
        return value
      },
    }],
    ['WeakMap.prototype', WeakMap.prototype, {
      getOrInsert(key, value) {
        if (weakHas(this, key)) return weakGet(this, key)
        weakSet(this, key, value)
        return value
      },
      getOrInsertComputed(key, callback) {
        const isThere = weakHas(this, key)
        callable(callback)
        if (!isWeaklyHoldable(key)) throw new TypeErrorClass('Invalid value used as weak map key')
        if (isThere) return weakGet(this, key)
        const value = apply(callback, undefined, [key])
        weakSet(this, key, value)
        return value
      },
    }],
    ['Math', Math, {
      sumPrecise(items) {
        // `undefined` until something else than -0 was added.
        let sum
        let special = 0
        for (const item of numbers(items)) {
          if (typeof item !== 'number') throw new TypeErrorClass(`${typeof item} is not a number`)
          if (item - item !== 0) special += item
          else if (!is(item, -0)) sum = (sum ?? 0n) + exactly(item)
        }
        if (special !== 0) return special
        return sum === undefined ? -0 : nearest(sum)
      },
    }],
    ['Atomics', Atomics, {
      pause(iterations = undefined) {
        if (iterations !== undefined && !isInteger(iterations)) {
          throw new TypeErrorClass(`${typeof iterations} is not an integer`)
        }
      },
    }],
    ['Intl.Locale.prototype', Intl.Locale.prototype, {
      get variants() {
        // Found now: a captured getter would be the one that knows lazy locales, and keep them in every snapshot.
        const subtags = split(apply(own(localePrototype, 'baseName').get, this, []), '-')
        let variants
        for (let i = 1; i < subtags.length; i++) {
          const subtag = subtags[i]
          const first = charCodeAt(subtag, 0)
          const isVariant = subtag.length > 4 || (subtag.length === 4 && first >= 48 && first <= 57)
          if (isVariant) variants = variants === undefined ? subtag : `${variants}-${subtag}`
        }
        return variants
      },
    }],
  ]
  return places
}
