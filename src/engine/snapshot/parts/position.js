// Where the user's code is: `file:line:column` of the innermost frame that is not ours, or undefined.
// Without regular expressions: their last match is the user's (`RegExp.$1`), and would stay in the snapshot.
(() => {
  'use strict'
  const { apply } = Reflect
  const { defineProperty, getOwnPropertyDescriptor } = Object
  const ErrorClass = Error
  const { charCodeAt, endsWith, indexOf, slice, split, startsWith } = String.prototype

  // `    at name (position)`, `    at position`, the latter perhaps after `async`.
  const positionIn = (line) => {
    let text = apply(slice, line, [apply(indexOf, line, ['at ']) + 'at '.length])
    if (apply(endsWith, text, [')'])) text = apply(slice, text, [apply(indexOf, text, [' (']) + ' ('.length, -1])
    else if (apply(startsWith, text, ['async '])) text = apply(slice, text, ['async '.length])
    return endsWithLineAndColumn(text) ? text : undefined
  }

  const endsWithLineAndColumn = (text) => {
    let colons = 0
    for (let index = text.length - 1; index > 0 && colons < 2; index--) {
      const code = apply(charCodeAt, text, [index])
      const isColon = code === 58
      if (isColon) colons++
      else if (code < 48 || code > 57) return false
    }
    return colons === 2
  }

  return () => {
    const limit = getOwnPropertyDescriptor(ErrorClass, 'stackTraceLimit')
    const prepare = getOwnPropertyDescriptor(ErrorClass, 'prepareStackTrace')
    const put = (name, descriptor) => {
      if (descriptor === undefined) delete ErrorClass[name]
      else defineProperty(ErrorClass, name, descriptor)
    }
    let stack
    try {
      defineProperty(ErrorClass, 'stackTraceLimit', { __proto__: null, value: 50, writable: true, configurable: true })
      if (prepare !== undefined) delete ErrorClass.prepareStackTrace
      stack = new ErrorClass().stack
      put('stackTraceLimit', limit)
      if (prepare !== undefined) put('prepareStackTrace', prepare)
    } catch {
      // The user made them read-only: then there is no position to tell.
      return undefined
    }
    if (typeof stack !== 'string') return undefined
    const lines = apply(split, stack, ['\n'])
    for (let index = 1; index < lines.length; index++) {
      const position = positionIn(lines[index])
      if (position !== undefined && !apply(startsWith, position, ['isoseed:'])) return position
    }
    return undefined
  }
})()
