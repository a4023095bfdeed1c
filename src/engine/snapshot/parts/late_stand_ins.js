// Objects that stand where V8 will put its own after restore, made from descriptions (see manifest.js
// for their form). What a description does not say itself, in `code`, `make` and `owns`, `behaviourOf`
// tells: what a call and `new` do, and which receivers are no business of V8's own function.
//
// A stand-in function is a Proxy, so that it looks native. The Proxy's handler is the stand-in's
// record. While building, `record.code` and `record.make` do its work. After restore, `record.real`
// is V8's own function, and a stand-in that a source captured forwards to it.
//
// Nothing here holds a stand-in while V8 collects garbage: records have a WeakRef, and what a
// stand-in looked like at first hangs on the stand-in itself (a WeakMap). So a WeakRef that still has
// its target says that a source captured it.
(base, intrinsics, behaviourOf) => {
  'use strict'
  const { own, keyOf, join } = base
  const { apply, construct, defineProperty, deleteProperty, getPrototypeOf, isExtensible, ownKeys, preventExtensions, setPrototypeOf } = Reflect
  const { is } = Object
  const ProxyClass = Proxy
  const WeakRefClass = WeakRef
  const TypeErrorClass = TypeError
  const { deref } = WeakRef.prototype
  const { get: getShape, set: setShape } = WeakMap.prototype
  // Stand-in → its prototype and properties before any source saw it.
  const shapes = new WeakMap()
  // Path → record.
  let records = { __proto__: null }
  let unfinished = []

  const traps = {
    __proto__: null,
    apply(_, self, args) {
      if (this.real !== undefined && !(this.owns !== undefined && this.owns(self))) return apply(this.real, self, args)
      if (this.code === undefined) throw new TypeErrorClass(`Constructor ${this.key} requires 'new'`)
      return apply(this.code, self, args)
    },
    construct(_, args, newTarget) {
      return this.real === undefined ? this.make(args, newTarget) : construct(this.real, args, newTarget)
    },
    // V8's own `prototype` of a class is read-only. Here it must be writable until V8's own can take its place.
    defineProperty(target, key, descriptor) {
      if (key === 'prototype' && this.real === undefined && (own(descriptor, 'value')?.value ?? target.prototype) !== target.prototype) return false
      return defineProperty(target, key, descriptor)
    },
  }

  const dereference = (record) => (record.ref === undefined ? undefined : apply(deref, record.ref, []))

  const targetOf = (type) => {
    if (type === 'object') return {}
    // A method can't be called with `new`, a function can.
    return type === 'class' ? function () {} : { method() {} }.method
  }

  const resolve = ({ node, ref, plain }, path, parent, key, part) => {
    if (node !== undefined) return make(node, path, parent, key, part)
    return ref === undefined ? plain : (intrinsics[ref] ?? records[ref].object)
  }

  /** Makes the stand-in that `node` describes and all below it, except those that a source has captured before. */
  const make = (node, path, parent, key, part) => {
    const { type = 'function', proto = 'Function.prototype', own: properties = [] } = node
    const { code, make: makeObject, owns } = node.code || node.make || node.owns ? node : behaviourOf(path, type)
    const record = (records[path] ??= { __proto__: traps, path, parent, key, part, type, changes: undefined, real: undefined })
    record.code = code
    record.make = makeObject
    record.owns = owns
    record.object = dereference(record)
    const isNew = record.object === undefined
    const target = isNew ? targetOf(type) : undefined
    if (isNew) {
      record.object = type === 'object' ? target : new ProxyClass(target, record)
      record.ref = new WeakRefClass(record.object)
      unfinished[unfinished.length] = { __proto__: null, record, target, proto }
    }
    if (isNew && type !== 'object') {
      defineProperty(target, 'length', { __proto__: null, value: node.length })
      defineProperty(target, 'name', { __proto__: null, value: node.name })
    }
    for (let i = 0; i < properties.length; i++) {
      const descriptor = place(properties[i], path, record)
      if (!isNew) continue
      const below = keyOf(properties[i].key)
      if (type === 'class' && below === 'prototype') delete descriptor.writable
      defineProperty(target, below, descriptor)
    }
    return record.object
  }

  /** The descriptor of a property that is described, with stand-ins in it. */
  const place = ({ key: name, flags = 'w-c', value, get, set }, path, parent) => {
    const key = keyOf(name)
    const full = join(path, key)
    const descriptor = { __proto__: null, enumerable: flags[1] === 'e', configurable: flags[2] === 'c' }
    if (value) {
      descriptor.value = resolve(value, full, parent, key, 'value')
      descriptor.writable = flags[0] === 'w'
      return descriptor
    }
    descriptor.get = get && resolve(get, `get ${full}`, parent, key, 'get')
    descriptor.set = set && resolve(set, `set ${full}`, parent, key, 'set')
    return descriptor
  }

  /** Sets prototypes, which may be stand-ins made later, and does again what sources of a base snapshot did. */
  const finish = () => {
    for (let i = 0; i < unfinished.length; i++) {
      const { record, target, proto: path } = unfinished[i]
      const { object, changes } = record
      const proto = intrinsics[path] ?? records[path].object
      setPrototypeOf(target, proto)
      const keys = ownKeys(object)
      const descriptors = []
      for (let j = 0; j < keys.length; j++) descriptors[j] = own(object, keys[j])
      apply(setShape, shapes, [object, { __proto__: null, proto, keys, descriptors }])
      if (changes) change(object, changes)
    }
    unfinished = []
  }

  /** What is different in `now`: a descriptor with only that, or `undefined`. */
  const difference = (before, now) => {
    const fields = ownKeys(now)
    const differs = { __proto__: null }
    let any = false
    for (let i = 0; i < fields.length; i++) {
      if (fields[i] in before && is(before[fields[i]], now[fields[i]])) continue
      differs[fields[i]] = now[fields[i]]
      any = true
    }
    return any ? differs : undefined
  }

  const changesOf = ({ object }) => {
    const { proto, keys, descriptors } = apply(getShape, shapes, [object])
    const known = { __proto__: null }
    const properties = []
    for (let i = 0; i < keys.length; i++) {
      known[keys[i]] = true
      const now = own(object, keys[i])
      const differs = now && difference(descriptors[i], now)
      if (!now || differs) properties[properties.length] = { __proto__: null, key: keys[i], descriptor: differs }
    }
    const all = ownKeys(object)
    for (let i = 0; i < all.length; i++) {
      if (!known[all[i]]) properties[properties.length] = { __proto__: null, key: all[i], descriptor: own(object, all[i]) }
    }
    const now = getPrototypeOf(object)
    const isFixed = !isExtensible(object)
    if (properties.length === 0 && now === proto && !isFixed) return undefined
    return { __proto__: null, properties, proto: now === proto ? undefined : { __proto__: null, now }, isFixed }
  }

  const change = (object, { properties, proto, isFixed }) => {
    for (let i = 0; i < properties.length; i++) {
      const { key, descriptor } = properties[i]
      if (descriptor) defineProperty(object, key, descriptor)
      else deleteProperty(object, key)
    }
    if (proto) setPrototypeOf(object, proto.now)
    if (isFixed) preventExtensions(object)
  }

  const isChanged = ({ changes }, key) => {
    for (let i = 0; changes && i < changes.properties.length; i++) {
      if (changes.properties[i].key === key) return true
    }
    return false
  }

  /** Finds V8's own object for a record. */
  const locate = (record) => {
    if (record.real === undefined && record.parent !== undefined) {
      const holder = locate(record.parent)
      const descriptor = holder && own(holder, record.key)
      record.real = descriptor && descriptor[record.part]
    }
    return record.real
  }

  /** Gives a captured namespace, class or prototype what V8's own has. */
  const refresh = (record) => {
    const { object, real, type, owns, key } = record
    if (object === undefined || real === undefined || type === 'function') return
    const keys = ownKeys(real)
    for (let i = 0; i < keys.length; i++) {
      // Methods of objects made while building must stay.
      const isOwn = owns !== undefined && type === 'object' && keys[i] !== 'constructor'
      if (!isOwn && keys[i] !== 'name' && keys[i] !== 'length' && !isChanged(record, keys[i])) {
        defineProperty(object, keys[i], own(real, keys[i]))
      }
    }
    if (key === 'prototype') setPrototypeOf(object, real)
  }

  const each = (visit) => {
    const paths = ownKeys(records)
    for (let i = 0; i < paths.length; i++) visit(records[paths[i]], paths[i])
  }

  return {
    __proto__: null,
    difference,
    finish,
    place,
    /** The record of a path; it may have none. */
    record: (path) => records[path],
    /** The stand-in of a path, which must be captured or still in place. */
    standIn: (path) => records[path].object ?? dereference(records[path]),
    /** Notes what sources did to stand-ins, and lets go of them. Calls `changed` with each path that was changed. */
    suspend(changed) {
      each((record) => {
        record.changes = changesOf(record)
        if (record.changes) changed(record.path)
      })
      each((record) => {
        record.object = undefined
      })
    },
    /** Forgets all stand-ins that nobody holds and nobody changed. Returns whether any are left. */
    settle(needed) {
      const left = { __proto__: null }
      let any = false
      each((record, path) => {
        record.object = dereference(record)
        if (record.object === undefined) record.ref = undefined
        if (record.object !== undefined || record.changes) any = true
        else if (path !== needed) return
        left[path] = record
      })
      records = left
      return any
    },
    restore() {
      each(locate)
      each(refresh)
      each(({ real, changes }) => {
        if (real !== undefined && changes) change(real, changes)
      })
    },
  }
}
