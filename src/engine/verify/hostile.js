// What a hostile session does to everything it can reach: adds, overwrites, deletes, re-parents,
// fills and freezes. It runs to its end whatever fails on the way.
(() => {
  const { getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, freeze } = Object
  const { ownKeys, deleteProperty, apply } = Reflect
  const mapSet = Map.prototype.set
  const setAdd = Set.prototype.add
  const weakMapSet = WeakMap.prototype.set
  const seen = new Set()
  const has = Set.prototype.has
  const poison = function poison() { throw new Error('poisoned') }
  const attempt = (action) => { try { action() } catch {} }
  const found = []
  const collect = (value) => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return
    if (value === poison || apply(has, seen, [value])) return
    apply(setAdd, seen, [value])
    found[found.length] = value
  }
  const intrinsics = [globalThis, function* () {}, async () => {}, async function* () {}, [][Symbol.iterator](), new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), ''[Symbol.iterator](), ''.matchAll(/x/g)]
  for (let i = 0; i < intrinsics.length; i++) collect(intrinsics[i])
  for (let i = 0; i < found.length; i++) {
    const object = found[i]
    attempt(() => collect(getPrototypeOf(object)))
    attempt(() => {
      const keys = ownKeys(object)
      for (let j = 0; j < keys.length; j++) {
        const property = getOwnPropertyDescriptor(object, keys[j])
        if (!property) continue
        collect(property.value)
        collect(property.get)
        collect(property.set)
      }
    })
  }
  // The global object last: until then the names above resolve.
  for (let i = found.length - 1; i >= 0; i--) {
    const object = found[i]
    attempt(() => defineProperty(object, 'leakedByHostileSession', { value: poison, configurable: true, enumerable: true, writable: true }))
    attempt(() => apply(mapSet, object, ['leakedByHostileSession', poison]))
    attempt(() => apply(setAdd, object, ['leakedByHostileSession']))
    attempt(() => apply(weakMapSet, object, [globalThis, poison]))
    attempt(() => {
      if (ArrayBuffer.isView(object)) object.fill(0xbd)
    })
    attempt(() => {
      const keys = ownKeys(object)
      for (let j = 0; j < keys.length; j++) {
        if (keys[j] === 'leakedByHostileSession') continue
        attempt(() => {
          if (j % 3 === 0) deleteProperty(object, keys[j])
          else if (j % 3 === 1) object[keys[j]] = poison
          else defineProperty(object, keys[j], { get: poison, set: poison, configurable: true })
        })
      }
    })
    attempt(() => setPrototypeOf(object, null))
    if (i % 7 === 0) attempt(() => freeze(object))
  }
})()
