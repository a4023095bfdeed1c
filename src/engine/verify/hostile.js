// What a hostile session does to everything it can reach: adds, overwrites, deletes, re-parents, fills and
// freezes. It runs to its end whatever fails on the way, and answers how much it did.
async (moduleNames) => {
  const { getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, freeze } = Object
  const { ownKeys, deleteProperty, apply } = Reflect
  const mapSet = Map.prototype.set
  const mapForEach = Map.prototype.forEach
  const setForEach = Set.prototype.forEach
  const setAdd = Set.prototype.add
  const weakMapSet = WeakMap.prototype.set
  const { isView } = ArrayBuffer
  const { fill } = getPrototypeOf(Int8Array.prototype)
  const { setTime } = Date.prototype
  const { exec, compile } = RegExp.prototype
  const symbolFor = Symbol.for
  const registered = symbolFor('leaked by a hostile session')
  const wellKnown = ['iterator', 'asyncIterator', 'hasInstance', 'isConcatSpreadable', 'match', 'matchAll', 'replace', 'search', 'species', 'split', 'toPrimitive', 'toStringTag', 'unscopables'].map((name) => Symbol[name])
  const timers = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => globalThis[name])
  const [seen, has] = [new Set(), Set.prototype.has]
  const poison = function poison() { throw new Error('poisoned') }
  let done = 0
  /** Whether it could be done. */
  const attempt = (action) => {
    try {
      return action() !== false
    } catch {
      return false
    }
  }
  const found = []
  /** How many getters were called on the way: each may answer with something new, and so on without end. */
  const depths = []
  const DEEPEST = 3
  const collect = (value, depth = 0) => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return
    if (value === poison || apply(has, seen, [value])) return
    apply(setAdd, seen, [value])
    depths[found.length] = depth
    found[found.length] = value
  }
  let modules = 0
  for (let i = 0; i < moduleNames.length; i++) {
    try {
      collect(await import(moduleNames[i]))
      modules++
    } catch {}
  }
  const intrinsics = [globalThis, function* () {}, async () => {}, async function* () {}, [][Symbol.iterator](), new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), ''[Symbol.iterator](), ''.matchAll(/x/g)]
  for (let i = 0; i < intrinsics.length; i++) collect(intrinsics[i])
  for (let i = 0; i < found.length; i++) {
    const object = found[i]
    const depth = depths[i]
    attempt(() => collect(getPrototypeOf(object), depth))
    attempt(() => {
      const keys = ownKeys(object)
      for (let j = 0; j < keys.length; j++) {
        const property = getOwnPropertyDescriptor(object, keys[j])
        if (!property) continue
        collect(property.value, depth)
        collect(property.get, depth)
        collect(property.set, depth)
        if (property.get && depth < DEEPEST) attempt(() => collect(apply(property.get, object, []), depth + 1))
      }
    })
    attempt(() => apply(mapForEach, object, [(value, key) => { collect(key, depth); collect(value, depth) }]))
    attempt(() => apply(setForEach, object, [(value) => collect(value, depth)]))
  }
  let [functions, properties, prototypes, contents, frozen] = [0, 0, 0, 0, 0]
  for (let i = 0; i < timers.length; i++) attempt(() => timers[i](poison, 0))
  // The legacy statics of RegExp, which V8 keeps for each realm.
  attempt(() => apply(exec, /(leaked) (by) (a) (hostile) (session)/, ['leaked by a hostile session']))
  const leak = { value: poison, configurable: true, enumerable: true, writable: true }
  // The global object last: until then the names above resolve.
  for (let i = found.length - 1; i >= 0; i--) {
    const object = found[i]
    if (typeof object === 'function') functions++
    if (attempt(() => defineProperty(object, 'leakedByHostileSession', leak))) properties++
    if (attempt(() => defineProperty(object, registered, leak))) properties++
    const symbol = wellKnown[i % wellKnown.length]
    if (attempt(() => defineProperty(object, symbol, leak))) properties++
    if (attempt(() => apply(mapSet, object, ['leakedByHostileSession', poison]))) contents++
    if (attempt(() => apply(setAdd, object, ['leakedByHostileSession']))) contents++
    if (attempt(() => apply(weakMapSet, object, [globalThis, poison]))) contents++
    if (attempt(() => apply(setTime, object, [86400000]))) contents++
    if (attempt(() => apply(compile, object, ['leaked', 'g']) && (object.lastIndex = 7))) contents++
    if (isView(object) && attempt(() => apply(fill, object, [0xbd]))) contents++
    attempt(() => {
      const keys = ownKeys(object)
      for (let j = 0; j < keys.length; j++) {
        if (keys[j] === 'leakedByHostileSession' || keys[j] === registered || keys[j] === symbol) continue
        const changed = attempt(() => {
          if (j % 3 === 0) return deleteProperty(object, keys[j])
          if (j % 3 === 1) return (object[keys[j]] = poison) && getOwnPropertyDescriptor(object, keys[j]).value === poison
          return defineProperty(object, keys[j], { get: poison, set: poison, configurable: true })
        })
        if (changed) properties++
      }
    })
    if (attempt(() => setPrototypeOf(object, null))) prototypes++
    if (i % 7 === 0 && attempt(() => freeze(object))) frozen++
  }
  return `${found.length} ${functions} ${properties} ${prototypes} ${contents} ${frozen} ${modules}`
}
