// Built-ins of a context in which nothing of the guest's ever runs.
(() => {
  const { apply } = Reflect
  const { isExtensible, preventExtensions } = Object
  const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get
  const boxes = [Boolean, Number, String, BigInt, Symbol].map((box) => box.prototype.valueOf)
  const flags = ['global', 'ignoreCase', 'multiline', 'sticky', 'unicode', 'dotAll', null, 'hasIndices', 'unicodeSets']
  const flagGetters = flags.map((name) => name && getter(RegExp.prototype, name))
  const resizable = getter(ArrayBuffer.prototype, 'resizable')
  const maxByteLength = getter(ArrayBuffer.prototype, 'maxByteLength')
  const callerOf = getter(Function.prototype, 'caller')
  const functionText = Function.prototype.toString
  return {
    // A letter for each object of the list.
    extensible(list) {
      let text = ''
      for (let i = 0; i < list.length; i++) text += isExtensible(list[i]) ? '1' : '0'
      return text
    },
    seal(list) {
      for (let i = 0; i < list.length; i++) preventExtensions(list[i])
    },
    unbox: (kind, object) => apply(boxes[kind], object, []),
    regExpFlags(object) {
      let bits = 0
      for (let i = 0; i < flagGetters.length; i++) {
        if (flagGetters[i] && apply(flagGetters[i], object, [])) bits |= 1 << i
      }
      return bits
    },
    // -1: it can't be resized.
    largest: (buffer) => (apply(resizable, buffer, []) ? apply(maxByteLength, buffer, []) : -1),
    // A strict function does not say who has called it.
    strict(fn) {
      try {
        apply(callerOf, fn, [])
        return false
      } catch {
        return true
      }
    },
    text: (fn) => apply(functionText, fn, []),
    // A letter for each function of the list: whether it is a class.
    classes(list) {
      let text = ''
      for (let i = 0; i < list.length; i++) text += /^class(?![(])/.test(apply(functionText, list[i], [])) ? '1' : '0'
      return text
    },
    symbols: () =>
      Object.getOwnPropertyNames(Symbol)
        .filter((name) => typeof Symbol[name] === 'symbol')
        .sort()
        .flatMap((name) => [name, Symbol[name]]),
  }
})()
