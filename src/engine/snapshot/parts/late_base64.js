// Base64 and hex of Uint8Array, as the specification has them.
(base) => {
  'use strict'
  const { uncurry, own } = base
  const TypeErrorClass = TypeError
  const SyntaxErrorClass = SyntaxError
  const Bytes = Uint8Array
  const { getPrototypeOf } = Reflect
  const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype)
  const tagOf = uncurry(own(typedArrayPrototype, Symbol.toStringTag).get)
  const lengthOf = uncurry(own(typedArrayPrototype, 'length').get)
  const charCodeAt = uncurry(String.prototype.charCodeAt)

  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  const alphabets = { __proto__: null, base64: `${letters}+/`, base64url: `${letters}-_` }
  const hexDigits = '0123456789abcdef'
  const tableOf = (alphabet) => {
    const table = new Bytes(128)
    for (let i = 0; i < 128; i++) table[i] = 0xff
    for (let i = 0; i < alphabet.length; i++) table[charCodeAt(alphabet, i)] = i
    return table
  }
  const tables = { __proto__: null, base64: tableOf(alphabets.base64), base64url: tableOf(alphabets.base64url) }
  const hexTable = tableOf(hexDigits)
  for (let i = 10; i < 16; i++) hexTable[charCodeAt('ABCDEF', i - 10)] = i

  const checkBytes = (value, method) => {
    // The tag's getter gives `undefined` for what is no typed array.
    if (tagOf(value) !== 'Uint8Array') throw new TypeErrorClass(`Uint8Array.prototype.${method} called on incompatible receiver`)
  }
  /** Throws for a view that has no buffer behind it, as this function of V8's own does. */
  const checkAttached = uncurry(typedArrayPrototype.keys)
  const checkString = (value) => {
    if (typeof value !== 'string') throw new TypeErrorClass('input argument must be a string')
  }
  const optionsOf = (options) => {
    if (options === undefined) return { __proto__: null }
    if ((typeof options !== 'object' && typeof options !== 'function') || options === null) {
      throw new TypeErrorClass('options must be an object')
    }
    return options
  }
  const alphabetOf = (options) => {
    const { alphabet } = options
    if (alphabet === undefined) return 'base64'
    if (typeof alphabet !== 'string' || tables[alphabet] === undefined) {
      throw new TypeErrorClass("alphabet is not one of 'base64' or 'base64url'")
    }
    return alphabet
  }
  const handlingOf = (options) => {
    const { lastChunkHandling } = options
    if (lastChunkHandling === undefined) return 'loose'
    if (lastChunkHandling !== 'loose' && lastChunkHandling !== 'strict' && lastChunkHandling !== 'stop-before-partial') {
      throw new TypeErrorClass("lastChunkHandling is not one of 'loose', 'strict' or 'stop-before-partial'")
    }
    return lastChunkHandling
  }

  const isSpace = (code) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d
  const skipSpace = (string, index) => {
    while (index < string.length && isSpace(charCodeAt(string, index))) index++
    return index
  }

  const invalid = () => ({ __proto__: null, error: new SyntaxErrorClass('Found a character that cannot be part of a valid base64 string.') })

  /** The bytes of a chunk of 2, 3 or 4 characters; `undefined` when bits that don't fit must be zero and aren't. */
  const decodeChunk = (values, count, mustBeZero) => {
    const word = (values[0] << 18) | (values[1] << 12) | ((count > 2 ? values[2] : 0) << 6) | (count > 3 ? values[3] : 0)
    const size = count - 1
    if (mustBeZero && ((size === 1 && (word & 0xffff) !== 0) || (size === 2 && (word & 0xff) !== 0))) return undefined
    return { __proto__: null, size, 0: word >>> 16, 1: (word >>> 8) & 0xff, 2: word & 0xff }
  }

  /**
   * `FromBase64` of the specification: gives each byte to `write`, and returns how many characters it
   * read and wrote, with the error that stopped it.
   */
  const fromBase64 = (string, alphabet, handling, maxLength, write) => {
    const table = tables[alphabet]
    const values = [0, 0, 0, 0]
    let count = 0
    let read = 0
    let written = 0
    const put = (chunk) => {
      for (let i = 0; i < chunk.size; i++) write(written++, chunk[i])
    }
    const end = (error) => ({ __proto__: null, read, written, error: error?.error })
    if (maxLength === 0) return end()
    for (let index = 0; ; ) {
      index = skipSpace(string, index)
      if (index === string.length) {
        if (count > 0) {
          if (handling === 'stop-before-partial') return end()
          if (handling === 'strict' || count === 1) return end(invalid())
          put(decodeChunk(values, count, false))
        }
        read = string.length
        return end()
      }
      const code = charCodeAt(string, index++)
      if (code === 0x3d) {
        if (count < 2) return end(invalid())
        index = skipSpace(string, index)
        if (count === 2) {
          if (index === string.length) return end(handling === 'stop-before-partial' ? undefined : invalid())
          if (charCodeAt(string, index) === 0x3d) index = skipSpace(string, index + 1)
          else return end(invalid())
        }
        if (index < string.length) return end(invalid())
        const chunk = decodeChunk(values, count, handling === 'strict')
        if (chunk === undefined) return end(invalid())
        put(chunk)
        read = string.length
        return end()
      }
      const value = code < 128 ? table[code] : 0xff
      if (value === 0xff) return end(invalid())
      const left = maxLength - written
      if ((left === 1 && count === 2) || (left === 2 && count === 3)) return end()
      values[count++] = value
      if (count === 4) {
        put(decodeChunk(values, 4, false))
        count = 0
        read = index
        if (written === maxLength) return end()
      }
    }
  }

  /** `FromHex` of the specification. */
  const fromHex = (string, maxLength, write) => {
    const error = (message) => ({ __proto__: null, read, written: read >>> 1, error: new SyntaxErrorClass(message) })
    let read = 0
    if (string.length % 2 !== 0) return error('Input string must contain hex characters in even length')
    while (read < string.length && read >>> 1 < maxLength) {
      const high = charCodeAt(string, read)
      const low = charCodeAt(string, read + 1)
      const upper = high < 128 ? hexTable[high] : 0xff
      const lower = low < 128 ? hexTable[low] : 0xff
      if (upper === 0xff || lower === 0xff) return error('Input string must contain hex characters in even length')
      write(read >>> 1, (upper << 4) | lower)
      read += 2
    }
    return { __proto__: null, read, written: read >>> 1, error: undefined }
  }

  const collect = (decode) => {
    const bytes = []
    const { error } = decode((index, byte) => {
      bytes[index] = byte
    })
    if (error) throw error
    const result = new Bytes(bytes.length)
    for (let i = 0; i < bytes.length; i++) result[i] = bytes[i]
    return result
  }
  const fill = (into, decode) => {
    const { read, written, error } = decode((index, byte) => {
      into[index] = byte
    })
    if (error) throw error
    return { read, written }
  }

  return [
    ['Uint8Array', Uint8Array, {
      fromBase64(string, options = undefined) {
        checkString(string)
        const given = optionsOf(options)
        const alphabet = alphabetOf(given)
        const handling = handlingOf(given)
        return collect((write) => fromBase64(string, alphabet, handling, Infinity, write))
      },
      fromHex(string) {
        checkString(string)
        return collect((write) => fromHex(string, Infinity, write))
      },
    }],
    ['Uint8Array.prototype', Uint8Array.prototype, {
      toBase64(options = undefined) {
        checkBytes(this, 'toBase64')
        const given = optionsOf(options)
        const alphabet = alphabets[alphabetOf(given)]
        const isUnpadded = !!given.omitPadding
        checkAttached(this)
        const length = lengthOf(this)
        let result = ''
        for (let i = 0; i < length; i += 3) {
          const left = length - i
          const word = (this[i] << 16) | ((left > 1 ? this[i + 1] : 0) << 8) | (left > 2 ? this[i + 2] : 0)
          result += alphabet[word >>> 18] + alphabet[(word >>> 12) & 63]
          if (left > 1) result += alphabet[(word >>> 6) & 63]
          if (left > 2) result += alphabet[word & 63]
          else if (!isUnpadded) result += left > 1 ? '=' : '=='
        }
        return result
      },
      toHex() {
        checkBytes(this, 'toHex')
        checkAttached(this)
        const length = lengthOf(this)
        let result = ''
        for (let i = 0; i < length; i++) result += hexDigits[this[i] >>> 4] + hexDigits[this[i] & 15]
        return result
      },
      setFromBase64(string, options = undefined) {
        checkBytes(this, 'setFromBase64')
        checkString(string)
        const given = optionsOf(options)
        const alphabet = alphabetOf(given)
        const handling = handlingOf(given)
        checkAttached(this)
        return fill(this, (write) => fromBase64(string, alphabet, handling, lengthOf(this), write))
      },
      setFromHex(string) {
        checkBytes(this, 'setFromHex')
        checkString(string)
        checkAttached(this)
        return fill(this, (write) => fromHex(string, lengthOf(this), write))
      },
    }],
  ]
}
