// Evaluated in the creator isolate before any source of the user, so that everything it uses is
// still V8's own. Its result is called after the last source.
//
// V8 leaves these out of a snapshot creator and installs them on every restored context, where it
// trusts that the place is free and the object extensible (V8 src/init/bootstrapper.cc,
// InitializeExperimentalGlobal and InstallExtensions). A heap in which that does not hold traps on
// restore, or silently gets a duplicate property.
(tools) => {
  'use strict'
  const { getOwnPropertyDescriptor, getPrototypeOf, isExtensible } = Object
  const { stringify } = JSON
  const { deleteProperty } = Reflect
  const global = globalThis
  const ErrorClass = Error
  const asyncIteratorPrototype = getPrototypeOf(getPrototypeOf(async function* () {}.prototype))

  // [path, object, properties that V8 will add]
  const targets = [
    ['globalThis', global, ['Float16Array', 'DisposableStack', 'AsyncDisposableStack', 'SuppressedError', 'Temporal', 'WebAssembly']],
    ['Promise', Promise, ['try']],
    ['Error', ErrorClass, ['isError']],
    ['RegExp', RegExp, ['escape']],
    ['RegExp.prototype', RegExp.prototype, []],
    ['Iterator', Iterator, ['concat']],
    ['Iterator.prototype', Iterator.prototype, [Symbol.dispose]],
    ['AsyncIterator.prototype', asyncIteratorPrototype, [Symbol.asyncDispose]],
    ['Map.prototype', Map.prototype, ['getOrInsert', 'getOrInsertComputed']],
    ['WeakMap.prototype', WeakMap.prototype, ['getOrInsert', 'getOrInsertComputed']],
    ['Math', Math, ['f16round', 'sumPrecise']],
    ['Atomics', Atomics, ['pause']],
    ['DataView.prototype', DataView.prototype, ['getFloat16', 'setFloat16']],
    ['Uint8Array', Uint8Array, ['fromBase64', 'fromHex']],
    ['Uint8Array.prototype', Uint8Array.prototype, ['toBase64', 'setFromBase64', 'toHex', 'setFromHex']],
    ['Date.prototype', Date.prototype, ['toTemporalInstant']],
    ['Intl.Locale.prototype', Intl.Locale.prototype, ['variants']],
  ]
  // Found by name on the global object when V8 installs.
  const looked = [['Math', Math], ['Atomics', Atomics], ['Uint8Array', Uint8Array]]

  // What V8 itself has put there already is no concern of ours.
  for (let i = 0; i < targets.length; i++) {
    const [, object, late] = targets[i]
    const absent = []
    for (let j = 0; j < late.length; j++) {
      if (!getOwnPropertyDescriptor(object, late[j])) absent[absent.length] = late[j]
    }
    targets[i][2] = absent
  }

  // V8 only captures stack frames where this is set, and adds it again after restore.
  ErrorClass.stackTraceLimit = 10

  const part = { __proto__: null, stackTraceLimit: null, settle: () => false, restore() {}, resume() {}, suspend() {
    const report = (rule, path, message, hint) => tools.refuse({ __proto__: null, rule, path, message, hint })
    const name = (path, key) => {
      const text = typeof key === 'symbol' ? `[${key.description}]` : `.${key}`
      return path === 'globalThis' ? text.slice(1) : path + text
    }
    let stackTraceLimit = null
    const limit = getOwnPropertyDescriptor(ErrorClass, 'stackTraceLimit')
    if (limit) {
      if (typeof limit.value === 'number') stackTraceLimit = limit.value
      if (!limit.configurable || ('value' in limit && typeof limit.value !== 'number') || limit.get || limit.set) {
        report('late-builtin', 'Error.stackTraceLimit', 'Error.stackTraceLimit is an accessor, read-only or no number', 'assign a number to Error.stackTraceLimit')
      } else {
        deleteProperty(ErrorClass, 'stackTraceLimit')
      }
    }
    for (let i = 0; i < targets.length; i++) {
      const [path, object, late] = targets[i]
      if (!isExtensible(object)) {
        report('frozen-builtin', path, `${path} is frozen, sealed or non-extensible`, 'harden built-ins in each session instead, after it was restored')
      }
      for (let j = 0; j < late.length; j++) {
        if (getOwnPropertyDescriptor(object, late[j])) {
          const full = name(path, late[j])
          report('late-builtin', full, `${full} is defined by a source, but V8 installs its own in every session`, 'drop this polyfill: every session has the built-in')
        }
      }
    }
    for (let i = 0; i < looked.length; i++) {
      const [path, object] = looked[i]
      const own = getOwnPropertyDescriptor(global, path)
      if (!own || own.value !== object) {
        report('replaced-builtin', path, `globalThis.${path} is deleted or replaced`, `keep V8's own ${path}; extend it instead`)
      }
    }
    part.stackTraceLimit = stackTraceLimit
  } }
  return part
}
