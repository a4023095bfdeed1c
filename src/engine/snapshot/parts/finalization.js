// V8 can't save a FinalizationRegistry whose targets died, and they may die in the very collection that
// precedes the heap image. So registrations made while building wait: each session makes them itself.
(tools) => {
  'use strict'
  const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect
  const prototype = FinalizationRegistry.prototype
  const original = { __proto__: null, register: prototype.register, unregister: prototype.unregister }
  const Weak = WeakRef
  const deref = WeakRef.prototype.deref
  const target = (reference) => apply(deref, reference, [])
  let waiting = []
  let building = true

  const append = (list, value) => defineProperty(list, list.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true })
  // A registry of its own checks what V8 would check.
  const check = new FinalizationRegistry(() => {})

  const make = () => ({
    __proto__: null,
    register(object, held, token) {
      if (!building) return apply(original.register, this, arguments)
      apply(original.unregister, this, [check])
      apply(original.register, check, [object, held, check])
      apply(original.unregister, check, [check])
      append(waiting, {
        __proto__: null,
        registry: new Weak(this),
        object: new Weak(object),
        held,
        token: token === undefined ? undefined : new Weak(token),
        source: tools.position(),
      })
    },
    unregister(token) {
      if (!building) return apply(original.unregister, this, arguments)
      let isFound = apply(original.unregister, this, [token])
      const rest = []
      for (let index = 0; index < waiting.length; index++) {
        const entry = waiting[index]
        const isMeant = entry.token !== undefined && target(entry.token) === token && target(entry.registry) === this
        if (isMeant) isFound = true
        else append(rest, entry)
      }
      waiting = rest
      return isFound
    },
  })
  let standIns
  // Of all that were ever in place: one that the user holds keeps working.
  const references = []

  const place = (name, value) => defineProperty(prototype, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true })
  const replace = (from, to) => {
    for (const name in original) {
      const own = getOwnPropertyDescriptor(prototype, name)
      if (own !== undefined && own.value === from[name] && own.configurable) place(name, to[name])
    }
  }
  const install = () => {
    standIns = make()
    defineProperty(standIns.register, 'length', { __proto__: null, value: 2, configurable: true })
    for (const name in standIns) append(references, new Weak(standIns[name]))
    replace(original, standIns)
  }
  install()

  return {
    __proto__: null,
    suspend() {
      replace(standIns, original)
      standIns = undefined
    },
    settle() {
      const alive = []
      for (let index = 0; index < waiting.length; index++) {
        const entry = waiting[index]
        if (target(entry.registry) === undefined || target(entry.object) === undefined) continue
        append(alive, entry)
        tools.warn({
          __proto__: null,
          rule: 'deferred-registration',
          path: 'FinalizationRegistry.prototype.register',
          source: entry.source,
          message: 'a FinalizationRegistry has a target: V8 can\'t save that, so each session registers it anew',
          hint: 'nothing to do, unless the registration is to be made for one session only',
        })
      }
      waiting = alive
      let isCaptured = false
      for (let index = 0; index < references.length; index++) isCaptured = target(references[index]) !== undefined || isCaptured
      return isCaptured || waiting.length > 0
    },
    restore() {
      building = false
      for (let index = 0; index < waiting.length; index++) {
        const { registry, object, held, token } = waiting[index]
        const alive = target(registry)
        const kept = target(object)
        if (alive === undefined || kept === undefined) continue
        apply(original.register, alive, token === undefined ? [kept, held] : [kept, held, target(token)])
      }
      waiting = []
    },
    resume() {
      building = true
      install()
    },
  }
}
