// A text that tells two values apart, whatever realm they are from. Runs in each of the engines that are
// compared, so it uses nothing that a program can replace after it was made.
(() => {
  const { getOwnPropertyDescriptor, getPrototypeOf, keys } = Object
  const { ownKeys } = Reflect
  const isError = (value) => Object.prototype.toString.call(value) === '[object Error]'
  const tagOf = Object.prototype.toString
  const call = Function.prototype.call.bind(Function.prototype.call)
  const json = JSON.stringify
  const errorMessage = (error) => (typeof error.message === 'string' ? error.message : '')
  const text = String
  const functionText = Function.prototype.toString
  const { isArray, from } = Array
  const mapEntries = (map) => from(call(Map.prototype.entries, map))
  const setValues = (set) => from(call(Set.prototype.values, set))
  const isView = ArrayBuffer.isView
  const isProxyLike = (read) => {
    try {
      return read()
    } catch (error) {
      return `unreadable: ${error.name}`
    }
  }

  // Engines word their messages in their own ways.
  let withMessages = true

  function describe(value, seen = []) {
    if (typeof value === 'string') return json(value)
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'symbol') return text(value)
    if (typeof value === 'function') return `function ${call(functionText, value)}`
    if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : text(value)
    if (seen.includes(value)) return `cycle ${seen.indexOf(value)}`
    const inner = [...seen, value]
    return isProxyLike(() => {
      if (isError(value)) return describeError(value, inner)
      const parts = ownKeys(value)
        .filter((key) => !(isView(value) && typeof key === 'string' && /^\d+$/.test(key)))
        .map((key) => `${text(key)}: ${describeProperty(getOwnPropertyDescriptor(value, key), inner)}`)
      const tag = call(tagOf, value)
      if (tag === '[object Map]') parts.push(...mapEntries(value).map(([k, v]) => `${describe(k, inner)} => ${describe(v, inner)}`))
      if (tag === '[object Set]') parts.push(...setValues(value).map((v) => describe(v, inner)))
      if (isView(value) && 'length' in value) parts.push(...from(value, (v) => describe(v, inner)))
      const isOfText = /Number|String|Boolean|Date|RegExp|Symbol|BigInt/.test(tag)
      return `${isArray(value) ? '[object Array]' : tag}${isOfText ? text(value) : ''}{${parts.join(', ')}}`
    })
  }

  function describeProperty(property, seen) {
    const flags = `${property.writable ? 'w' : ''}${property.enumerable ? 'e' : ''}${property.configurable ? 'c' : ''}`
    const value = 'value' in property ? describe(property.value, seen) : `accessor ${typeof property.get}/${typeof property.set}`
    return `${flags} ${value}`
  }

  function describeError(error, seen) {
    const own = keys(error).map((key) => `${key}: ${describe(error[key], seen)}`)
    const constructor = getPrototypeOf(error)?.constructor?.name
    return `${constructor} ${error.name}(${withMessages ? json(errorMessage(error)) : '…'}){${own.join(', ')}}`
  }

  const both = (prefix, value) => {
    const answers = [true, false].map((wanted) => {
      withMessages = wanted
      return prefix + describe(value)
    })
    return { answer: answers[0], withoutMessages: answers[1] }
  }

  // What a program comes to: evaluated as a script, then awaited.
  return async (code, evaluate) => {
    let value
    try {
      value = await evaluate(code)
    } catch (error) {
      return both('throws ', error)
    }
    return both('', value)
  }
})()
