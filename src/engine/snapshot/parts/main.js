// Puts the builder's parts together: each makes something work while a snapshot is built that V8 can't
// capture, or leaves out of a snapshot creator. Evaluated in a fresh context, before any source of the
// user: called with the parts' makers, V8's description of what it adds late (JSON), `position`, and a native
// function that tells why bytes are no WebAssembly module.
(makers, manifest, position, validateWasm) => {
  'use strict'
  const global = globalThis
  const { stringify } = JSON
  const { defineProperty } = Object
  const { apply } = Reflect
  const { get, has, set } = WeakMap.prototype
  // Objects that must stay extensible, with where they were frozen; only a rehearsal knows that.
  const frozen = new WeakMap()
  const found = { __proto__: null, waivable: [], refused: [], warnings: [] }
  const add = (list, finding) => {
    // As a definition: what the user put onto Array.prototype has no say.
    defineProperty(list, list.length, { __proto__: null, value: finding, enumerable: true, configurable: true, writable: true })
  }

  const tools = {
    __proto__: null,
    global,
    manifest,
    position,
    validateWasm,
    watch: (object) => apply(set, frozen, [object, undefined]),
    frozenAt: (object) => apply(get, frozen, [object]),
    report: (finding) => add(found.waivable, finding),
    refuse: (finding) => add(found.refused, finding),
    warn: (finding) => add(found.warnings, finding),
  }
  let stackTraceLimit = null
  const note = (part) => {
    if ('stackTraceLimit' in part) stackTraceLimit = part.stackTraceLimit
  }
  const parts = []
  for (let index = 0; index < makers.length; index++) add(parts, makers[index](tools))
  return {
    __proto__: null,
    // After the last source: takes the parts' work out of the places where V8 or the user would find it.
    // In reverse: a part may have wrapped what another one put there before.
    suspend() {
      for (let index = parts.length - 1; index >= 0; index--) parts[index].suspend()
      // V8 can't capture it.
      tools.validateWasm = undefined
    },
    // After collections: whether a session has anything to restore. A part that has not is let go.
    settle() {
      let stays = false
      for (let index = 0; index < parts.length; index++) {
        if (parts[index].settle()) {
          stays = true
          continue
        }
        note(parts[index])
        parts[index] = undefined
      }
      return stays
    },
    // In each session, before any code of the guest. In reverse: late built-ins come first.
    restore() {
      for (let index = parts.length - 1; index >= 0; index--) parts[index]?.restore()
    },
    // In a builder on top of this snapshot, before its sources.
    resume(stackTraceLimit, validateWasm, makers) {
      tools.validateWasm = validateWasm
      for (let index = 0; index < parts.length; index++) {
        if (parts[index] !== undefined) {
          parts[index].resume(stackTraceLimit)
          continue
        }
        parts[index] = makers[index](tools)
        parts[index].setStackTraceLimit?.(stackTraceLimit)
      }
    },
    noteFrozen(object) {
      const isFirst = apply(has, frozen, [object]) && apply(get, frozen, [object]) === undefined
      if (isFirst) apply(set, frozen, [object, position()])
    },
    // What was found, as JSON; once.
    report() {
      for (let index = 0; index < parts.length; index++) {
        if (parts[index] !== undefined) note(parts[index])
      }
      const text = stringify({ __proto__: null, stackTraceLimit, found })
      found.waivable = []
      found.refused = []
      found.warnings = []
      return text
    },
  }
}
