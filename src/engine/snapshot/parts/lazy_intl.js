// Lazy Intl objects. A live Intl object owns a C++ object that V8 can't put into a heap image, and
// many libraries make one while they load. So while a snapshot is built every Intl constructor
// stands behind a proxy that gives out a stand-in: an ordinary object with the right prototype and a
// record of what it was made from. V8's own methods, behind proxies too, put the real object in its
// place. The real one is made at once, for V8's own errors, and made again on the first use in each
// session.
//
// - An option is read once, while building. Locales are kept in their canonical form.
// - Where no locale or no time zone was given, the defaults are those of the session in which the
//   object is first used, as if the library had been loaded there.
// - Of the proxies only those stay in the heap that the sources captured, and those of the methods
//   that living stand-ins need. In a session they pass on to V8's own.
// - A stand-in of Intl.Locale is no locale to V8's own code, so the functions that take locales are
//   wrapped as well. Temporal's are not, V8 adds them later: there such a Locale means the default.
// - Intl.v8BreakIterator is not in the language and has much state: it stays real, and the snapshot is refused.
(tools) => {
  'use strict'
  const { apply, construct, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect
  const { BigInt, Date, Function, Intl, Number, Object, Proxy, String, Symbol, WeakRef, WeakSet } = tools.global
  const { iterator, toPrimitive } = Symbol
  const uncurry = (method) => (self, ...args) => apply(method, self, args)
  const bind = uncurry(Function.prototype.bind)
  const deref = uncurry(WeakRef.prototype.deref)
  const isPrototypeOf = uncurry(Object.prototype.isPrototypeOf)
  const defineOrThrow = Object.defineProperty
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function'

  // V8's own functions print like this; functions of the user, bound ones and proxies don't.
  const textOf = uncurry(Function.prototype.toString)
  const isNative = (value) => typeof value === 'function' && value.name !== '' && textOf(value).endsWith(`${value.name}() { [native code] }`)

  // The sources of a base snapshot may have replaced what this part is made from. Then it does nothing,
  // and a live Intl object is refused.
  if (!isObject(Intl) || !isNative(Intl.NumberFormat) || !isNative(Intl.Locale) || !isNative(Intl.Segmenter)) {
    return { __proto__: null, suspend() {}, settle: () => false, restore() {}, resume() {} }
  }
  const { getCanonicalLocales } = Intl

  let building = true

  // A WeakSet underneath: like an Intl object, and unlike a plain one, V8 refuses to clone it.
  class StandIn extends WeakSet {
    #record
    constructor(record, prototype) {
      super()
      setPrototypeOf(this, prototype)
      this.#record = record
    }
    static recordOf(value) {
      return isObject(value) && #record in value ? value.#record : undefined
    }
  }
  const { recordOf } = StandIn

  // The real objects behind the last used records. No more are kept while building: a program may
  // make thousands in one job, and nothing that a WeakRef was made for is freed before its end.
  const recent = []
  const RECENT = 32
  let oldest = 0
  const keep = (record, real) => {
    record.real = real
    if (building) {
      if (recent[oldest]) recent[oldest].real = undefined
      recent[oldest] = record
      oldest = (oldest + 1) % RECENT
    }
    return real
  }
  const realOf = (record) => record.real ?? keep(record, record.remake(record))

  // WeakRefs to all records. A record lives as long as its stand-in or a function bound to it.
  let records = []
  let crowded = 1000
  const compact = () => {
    const living = []
    for (let i = 0; i < records.length; i++) {
      if (deref(records[i])) living[living.length] = records[i]
    }
    records = living
    crowded = 1000 + 2 * living.length
  }

  const standIn = (group, real, remake) => {
    const source = tools.position()
    const record = { group, source, remake, steps: 0, real: undefined, bound: undefined }
    keep(record, real)
    if (records.length === crowded) compact()
    records[records.length] = new WeakRef(record)
    return new StandIn(record, getPrototypeOf(real))
  }

  // How real objects are made again. Each of these functions has a scope of its own, so that none
  // of the closures holds the first real object.
  const remaking = (constructor, locales, options) => () => construct(constructor, [locales, options])
  const remakingSegments = (segment, segmenter, text) => () => apply(segment, realOf(segmenter), [text])
  const remakingIterator = (iterate, next, segments) => (record) => {
    const real = apply(iterate, realOf(segments), [])
    for (let i = 0; i < record.steps; i++) apply(next, real, [])
    return real
  }

  // An option that is an object: V8 makes a primitive of it, and that is what is recorded. If V8
  // only asks whether it is true, `true` stays recorded.
  const coerced = (value, recorded, key) => {
    recorded[key] = true
    return {
      [toPrimitive](hint) {
        return (recorded[key] = hint === 'number' ? +value : `${value}`)
      },
    }
  }

  // `read` is for V8 to read the options from, `recorded` holds afterwards what it has read.
  const recording = (options) => {
    if (!isObject(options)) return { read: options, recorded: options }
    const recorded = { __proto__: null }
    const read = new Proxy({ __proto__: null }, {
      __proto__: null,
      get(target, key) {
        const value = get(options, key)
        return isObject(value) ? coerced(value, recorded, key) : (recorded[key] = value)
      },
    })
    return { read, recorded }
  }

  // A group is a constructor (or Segmenter's two hidden classes) with its prototype.
  const groups = []
  const addGroup = (name, constructor, prototype) => {
    const group = { name, constructor, prototype, isCallable: false, fallback: undefined, members: { __proto__: null }, isAlive: false }
    return (groups[groups.length] = group)
  }

  const segmenterOf = new Intl.Segmenter('en')
  const segmentsPrototype = getPrototypeOf(segmenterOf.segment(''))
  const iteratorPrototype = getPrototypeOf(segmenterOf.segment('')[iterator]())
  const { segment } = Intl.Segmenter.prototype
  const { [iterator]: iterate } = segmentsPrototype
  const { next } = iteratorPrototype
  const { toString: localeText } = Intl.Locale.prototype
  const segmentsGroup = addGroup('Intl.Segmenter.prototype.segment', undefined, segmentsPrototype)
  const iteratorGroup = addGroup('Intl.Segmenter.prototype.segment', undefined, iteratorPrototype)
  const localeGroup = addGroup('Intl.Locale', Intl.Locale, Intl.Locale.prototype)

  const standInForLocale = (real) =>
    standIn(localeGroup, real, remaking(localeGroup.constructor, apply(localeText, real, []), undefined))

  // The arguments with V8's own Locale where `locales` is a stand-in.
  const withLocale = (args, index) => {
    const record = recordOf(args[index])
    if (record !== undefined && record.group === localeGroup) args[index] = realOf(record)
    return args
  }

  const make = (group, args, newTarget) => {
    withLocale(args, 0)
    if (group === localeGroup) return standInForLocale(construct(group.constructor, args, newTarget))
    const locales = args[0] === undefined ? undefined : getCanonicalLocales(args[0])
    const options = recording(args[1])
    const real = construct(group.constructor, [locales, options.read], newTarget)
    return standIn(group, real, remaking(group.constructor, locales, options.recorded))
  }

  // Handlers are fast objects over a shared one with the traps, under which there is nothing: V8 asks a
  // handler for traps that it has not, and must not find the user's. Objects without a prototype are
  // dictionaries, and take much more room in the heap image.
  const constructorTraps = {
    __proto__: null,
    construct(target, args, newTarget) {
      return building ? make(this.group, args, newTarget) : construct(target, withLocale(args, 0), newTarget)
    },
    apply(target, self, args) {
      const { group } = this
      if (!building || !group.isCallable) return apply(target, self, withLocale(args, 0))
      const made = make(group, args, target)
      // Classes compiled to ES5 do this: V8 keeps the formatter in a property of the receiver.
      if (group.fallback === undefined || !isPrototypeOf(group.prototype, self)) return made
      return defineOrThrow(self, group.fallback, { __proto__: null, value: made, writable: false, enumerable: false, configurable: false })
    },
  }

  const takerTraps = {
    __proto__: null,
    apply(target, self, args) {
      return apply(target, self, withLocale(args, this.index))
    },
  }

  // The function that a getter like `format` gives for a stand-in, the same one each time.
  const boundTo = (record, getter, length) => {
    const call = (...args) => apply(apply(getter, realOf(record), []), undefined, args)
    const bound = bind(call, undefined)
    defineProperty(bound, 'length', { __proto__: null, value: length })
    defineProperty(bound, 'name', { __proto__: null, value: '' })
    return bound
  }

  // What a method gave for a real object, as the sources may have it while building.
  const givenOut = (record, target, args, result) => {
    if (target === segment) return standIn(segmentsGroup, result, remakingSegments(segment, record, args[0]))
    if (target === iterate) return standIn(iteratorGroup, result, remakingIterator(iterate, next, record))
    if (target === next) record.steps++
    else if (isObject(result) && getPrototypeOf(result) === localeGroup.prototype) return standInForLocale(result)
    return result
  }

  const memberTraps = {
    __proto__: null,
    apply(target, self, args) {
      const { group, seesFallback } = this
      let record = recordOf(self)
      if (record === undefined && seesFallback && isObject(self)) record = recordOf(self[group.fallback])
      if (record === undefined) return apply(target, self, args)
      // Made a string before V8 does, so that it is done once.
      if (target === segment && record.group === group) args[0] = `${args[0]}`
      const result = apply(target, realOf(record), args)
      if (typeof result === 'function') {
        if (building) record.bound ??= boundTo(record, target, result.length)
        return record.bound ?? result
      }
      return building ? givenOut(record, target, args, result) : result
    },
  }

  // A cover is a function of V8's with our proxy; a slot is a property where the proxy stands.
  const covers = []
  const addCover = (target, handler) => {
    const cover = { target, handler, proxy: new Proxy(target, handler), ref: undefined, isCaptured: false }
    return (covers[covers.length] = cover)
  }
  const slots = []
  const put = (slot, from, to) => {
    const own = getOwnPropertyDescriptor(slot.holder, slot.key)
    if (own && own[slot.field] === from) defineProperty(slot.holder, slot.key, { __proto__: null, [slot.field]: to })
  }
  const install = (slot) => put(slot, slot.cover.target, slot.cover.proxy)
  const addSlot = (group, holder, key, field, cover) => {
    const slot = { group, holder, key, field, cover }
    slots[slots.length] = slot
    install(slot)
  }

  const addMembers = (group) => {
    const keys = ownKeys(group.prototype)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      if (key === 'constructor' || group.members[key]) continue
      const own = getOwnPropertyDescriptor(group.prototype, key)
      const field = own.get ? 'get' : 'value'
      if (!isNative(own[field])) continue
      group.members[key] = true
      const seesFallback = group.fallback !== undefined && (key === 'format' || key === 'resolvedOptions')
      addSlot(group, group.prototype, key, field, addCover(own[field], { __proto__: memberTraps, group, seesFallback }))
    }
  }

  // Functions that take locales are needed as long as a stand-in of a Locale lives.
  const addTaker = (holder, key, index) => {
    const own = getOwnPropertyDescriptor(holder, key)
    if (own && typeof own.value === 'function') addSlot(localeGroup, holder, key, 'value', addCover(own.value, { __proto__: takerTraps, index }))
  }

  const addConstructor = (group) => {
    const key = group.name.slice('Intl.'.length)
    const cover = addCover(group.constructor, { __proto__: constructorTraps, group })
    addSlot(localeGroup, Intl, key, 'value', cover)
    addSlot(localeGroup, group.prototype, 'constructor', 'value', cover)
    addTaker(group.constructor, 'supportedLocalesOf', 0)
  }

  // The constructors that may be called without `new`. For two of them V8 keeps the object under a
  // symbol of its own when the receiver is already an instance.
  const legacy = { __proto__: Intl.NumberFormat.prototype }
  apply(Intl.NumberFormat, legacy, [])
  const fallback = ownKeys(legacy)[0]
  const callable = { __proto__: null, Collator: undefined, NumberFormat: fallback, DateTimeFormat: fallback }

  const intlKeys = ownKeys(Intl)
  for (let i = 0; i < intlKeys.length; i++) {
    const constructor = Intl[intlKeys[i]]
    if (!isNative(constructor) || !isObject(constructor.prototype) || intlKeys[i] === 'v8BreakIterator') continue
    const isLocale = constructor === localeGroup.constructor
    const group = isLocale ? localeGroup : addGroup(`Intl.${intlKeys[i]}`, constructor, constructor.prototype)
    group.isCallable = intlKeys[i] in callable
    group.fallback = callable[intlKeys[i]]
    addMembers(group)
    addConstructor(group)
  }
  addMembers(segmentsGroup)
  addMembers(iteratorGroup)
  addTaker(Intl, 'getCanonicalLocales', 0)
  addTaker(String.prototype, 'localeCompare', 1)
  addTaker(String.prototype, 'toLocaleLowerCase', 0)
  addTaker(String.prototype, 'toLocaleUpperCase', 0)
  addTaker(Number.prototype, 'toLocaleString', 0)
  addTaker(BigInt.prototype, 'toLocaleString', 0)
  addTaker(Date.prototype, 'toLocaleString', 0)
  addTaker(Date.prototype, 'toLocaleDateString', 0)
  addTaker(Date.prototype, 'toLocaleTimeString', 0)

  // One warning for all objects that were made at one place.
  const warn = () => {
    const counts = { __proto__: null }
    for (let i = 0; i < records.length; i++) {
      const { group, source } = deref(records[i])
      const place = `${group.name} ${source}`
      counts[place] ??= { __proto__: null, path: group.name, source, count: 0 }
      counts[place].count++
    }
    const places = ownKeys(counts)
    for (let i = 0; i < places.length; i++) {
      const { path, source, count } = counts[places[i]]
      tools.warn({
        __proto__: null,
        rule: 'lazy-intl',
        path,
        source,
        message: `${count === 1 ? 'an object' : `${count} objects`} of ${path} made while building: each session makes ${count === 1 ? 'it' : 'them'} again on first use`,
        hint: 'nothing to do; where no locale or time zone was given, those of the session count',
      })
    }
  }

  return {
    __proto__: null,

    // V8's own functions are back in their places, unless the sources put something else there.
    suspend() {
      building = false
      for (let i = 0; i < recent.length; i++) {
        if (recent[i]) recent[i].real = undefined
        recent[i] = undefined
      }
      for (let i = 0; i < slots.length; i++) put(slots[i], slots[i].cover.proxy, slots[i].cover.target)
      for (let i = 0; i < covers.length; i++) {
        covers[i].ref = new WeakRef(covers[i].proxy)
        covers[i].proxy = undefined
      }
    },

    // Whatever is alive now, the sources' heap holds.
    settle() {
      compact()
      for (let i = 0; i < groups.length; i++) groups[i].isAlive = false
      for (let i = 0; i < records.length; i++) deref(records[i]).group.isAlive = true
      for (let i = 0; i < covers.length; i++) {
        const cover = covers[i]
        const captured = deref(cover.ref)
        cover.ref = undefined
        cover.isCaptured = captured !== undefined
        cover.proxy = captured ?? new Proxy(cover.target, cover.handler)
      }
      let stays = false
      for (let i = 0; i < slots.length; i++) {
        if (!slots[i].cover.isCaptured && !slots[i].group.isAlive) continue
        install(slots[i])
        stays = true
      }
      warn()
      return stays
    },

    // V8 has added its late built-ins: new methods of Locale must know the stand-ins, too.
    restore() {
      if (localeGroup.isAlive) addMembers(localeGroup)
    },

    resume() {
      building = true
      for (let i = 0; i < slots.length; i++) install(slots[i])
    },
  }
}
