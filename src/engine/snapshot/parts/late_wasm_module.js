// Reads what a WebAssembly module's imports and exports are, without compiling it.
(base) => {
  'use strict'
  const { uncurry, own } = base
  const Bytes = Uint8Array
  const StringOf = String
  const { fromCodePoint } = String
  const { isView } = ArrayBuffer
  const { getPrototypeOf } = Reflect
  const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype)
  const tagOf = uncurry(own(typedArrayPrototype, Symbol.toStringTag).get)
  const fieldOf = (key) => {
    const ofTypedArray = uncurry(own(typedArrayPrototype, key).get)
    const ofDataView = uncurry(own(DataView.prototype, key).get)
    return (view) => (tagOf(view) === undefined ? ofDataView(view) : ofTypedArray(view))
  }
  const bufferOf = fieldOf('buffer')
  const byteOffsetOf = fieldOf('byteOffset')
  const byteLengthOf = fieldOf('byteLength')
  const lengthOfBuffer = uncurry(own(ArrayBuffer.prototype, 'byteLength').get)
  const lengthOfBytes = uncurry(own(typedArrayPrototype, 'length').get)

  /** A copy of a buffer's or a view's bytes; `undefined` for anything else. */
  const copyOf = (source) => {
    if (isView(source)) return new Bytes(new Bytes(bufferOf(source), byteOffsetOf(source), byteLengthOf(source)))
    try {
      lengthOfBuffer(source)
    } catch {
      return undefined
    }
    return new Bytes(new Bytes(source))
  }

  const KINDS = ['function', 'table', 'memory', 'global', 'tag']
  const SECTION = { __proto__: null, types: 1, imports: 2, functions: 3, exports: 7, start: 8 }
  const FUNCTION_TYPE = 0x60

  // Thrown, and caught below: the module is malformed, or has what this reader does not know.
  const unreadable = { __proto__: null }

  const readerOf = (bytes) => {
    const end = lengthOfBytes(bytes)
    let at = 0
    const byte = () => {
      if (at >= end) throw unreadable
      return bytes[at++]
    }
    const number = () => {
      let value = 0
      for (let shift = 0; shift < 35; shift += 7) {
        const next = byte()
        value += (next & 0x7f) * 2 ** shift
        if (next < 0x80) return value
      }
      throw unreadable
    }
    // UTF-8, of which V8 checks the rest.
    const text = () => {
      const stop = number() + at
      let result = ''
      while (at < stop) {
        const first = byte()
        if (first < 0x80) {
          result += fromCodePoint(first)
          continue
        }
        const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1
        let code = first & (0x3f >> more)
        for (let i = 0; i < more; i++) code = (code << 6) | (byte() & 0x3f)
        if (code > 0x10ffff) throw unreadable
        result += fromCodePoint(code)
      }
      return result
    }
    const skip = (count) => {
      at += count
      if (at > end) throw unreadable
    }
    return { __proto__: null, byte, number, text, skip, isAtEnd: () => at >= end, at: () => at }
  }

  const readTypes = ({ byte, number }) => {
    const arities = []
    const count = number()
    for (let i = 0; i < count; i++) {
      if (byte() !== FUNCTION_TYPE) throw unreadable
      arities[i] = number()
      // A parameter's or result's type is one byte, but for typed references.
      for (let j = 0; j < arities[i]; j++) valueType(byte())
      const results = number()
      for (let j = 0; j < results; j++) valueType(byte())
    }
    return arities
  }
  /** The one-byte types: numbers, vectors, and the shorthands of references. */
  const valueType = (type) => {
    if (type < 0x69 || type > 0x7f) throw unreadable
  }
  const readLimits = ({ byte, number }) => {
    const flags = byte()
    // Bit 0: has a maximum. Others (shared, 64-bit, page size) are left to V8.
    if (flags > 1) throw unreadable
    number()
    if (flags === 1) number()
  }
  const readImports = (reader) => {
    const imports = []
    const count = reader.number()
    for (let i = 0; i < count; i++) {
      const module = reader.text()
      const name = reader.text()
      const kind = KINDS[reader.byte()]
      const entry = { __proto__: null, module, name, kind, type: 0 }
      if (kind === 'function') entry.type = reader.number()
      else if (kind === 'table') {
        valueType(reader.byte())
        readLimits(reader)
      } else if (kind === 'memory') readLimits(reader)
      else if (kind === 'global') {
        valueType(reader.byte())
        reader.byte()
      } else if (kind === 'tag') {
        reader.byte()
        reader.number()
      } else throw unreadable
      imports[i] = entry
    }
    return imports
  }
  const readExports = ({ byte, number, text }) => {
    const exports = []
    const count = number()
    for (let i = 0; i < count; i++) {
      const name = text()
      const kind = KINDS[byte()]
      if (kind === undefined) throw unreadable
      exports[i] = { __proto__: null, name, kind, index: number(), length: 0 }
    }
    return exports
  }

  const read = (bytes) => {
    const reader = readerOf(bytes)
    const { byte, number, skip, isAtEnd, at } = reader
    skip(8)
    const found = { __proto__: null, imports: [], exports: [], hasStart: false }
    let types = []
    let functions = []
    while (!isAtEnd()) {
      const section = byte()
      const size = number()
      const end = at() + size
      if (section === SECTION.types) types = readTypes(reader)
      else if (section === SECTION.imports) found.imports = readImports(reader)
      else if (section === SECTION.functions) {
        const count = number()
        for (let i = 0; i < count; i++) functions[i] = number()
      } else if (section === SECTION.exports) found.exports = readExports(reader)
      else {
        found.hasStart ||= section === SECTION.start
        skip(size)
      }
      if (at() !== end) throw unreadable
    }
    // Indices count the imported functions first.
    const all = []
    for (let i = 0; i < found.imports.length; i++) {
      if (found.imports[i].kind === 'function') all[all.length] = types[found.imports[i].type]
    }
    for (let i = 0; i < functions.length; i++) all[all.length] = types[functions[i]]
    for (let i = 0; i < found.exports.length; i++) {
      const entry = found.exports[i]
      if (entry.kind !== 'function') continue
      entry.length = all[entry.index]
      entry.functionName = StringOf(entry.index)
      if (entry.length === undefined) throw unreadable
    }
    return found
  }

  const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

  return {
    __proto__: null,
    copyOf,
    /** Whether the bytes begin as a module does. */
    isModule(bytes) {
      for (let i = 0; i < MAGIC.length; i++) if (bytes[i] !== MAGIC[i]) return false
      return true
    },
    /** Imports, exports, and whether something runs at once; `undefined` when only V8 can tell. */
    read(bytes) {
      try {
        return read(bytes)
      } catch (error) {
        if (error === unreadable) return undefined
        throw error
      }
    },
  }
}
