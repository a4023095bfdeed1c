// Where the user's code is: `file:line:column` of the innermost frame that is not ours, or undefined.
(() => {
  'use strict'
  const { apply } = Reflect
  const { defineProperty, getOwnPropertyDescriptor } = Object
  const ErrorClass = Error
  const exec = RegExp.prototype.exec
  const split = String.prototype.split

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
      const frame = apply(exec, /^ +at (?:async )?(?:.*? \((.*:\d+:\d+)\)|(.*:\d+:\d+))$/, [lines[index]])
      if (frame === null) continue
      const position = frame[1] ?? frame[2]
      if (apply(exec, /^isoseed:/, [position]) === null) return position
    }
    return undefined
  }
})()
