// What a session does that calls whatever it finds: each function of the snapshot's own, as a method and as
// a constructor, and each host function, with arguments that nobody expects. What it changes is what no
// property leads to: variables of scopes, private fields, caches. `calls` goes on where it was stopped.
async (moduleNames, bindings) => {
  const { getOwnPropertyDescriptor, getPrototypeOf } = Object
  const { ownKeys, apply, construct } = Reflect
  const text = Function.prototype.toString
  const { includes } = String.prototype
  const [seen, has, add] = [new Set(), Set.prototype.has, Set.prototype.add]
  const found = []
  const collect = (value, holder) => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return
    if (apply(has, seen, [value])) return
    apply(add, seen, [value])
    found[found.length] = [value, holder]
  }
  for (let i = 0; i < moduleNames.length; i++) {
    try {
      collect(await import(moduleNames[i]))
    } catch {}
  }
  collect(globalThis)
  for (let i = 0; i < found.length; i++) {
    const object = found[i][0]
    try {
      collect(getPrototypeOf(object), object)
      for (const key of ownKeys(object)) {
        const property = getOwnPropertyDescriptor(object, key)
        collect(property?.value, object)
        collect(property?.get, object)
        collect(property?.set, object)
      }
    } catch {}
  }
  let hosts = 0
  for (const path of bindings) {
    let value = globalThis
    try {
      for (const name of path.split('.')) value = value[name]
      value('hostile').catch?.(() => {})
      hosts++
    } catch {}
  }
  const isOurs = ([value]) => typeof value === 'function' && !apply(includes, apply(text, value, []), ['[native code]'])
  const functions = found.filter(isOurs)
  let next = 0
  let count = 0
  /** What a function answers with may be what it keeps. */
  const spoil = (value) => {
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return
    value.leakedByHostileSession = 'leaked'
    if (Array.isArray(value)) value.length = 0
    if (value instanceof Map || value instanceof Set) value.clear()
  }
  const junk = [[], [{ leaked: true }, 'leaked', 7], ['leaked', { leaked: true }], [[1], () => 1]]
  Object.defineProperty(globalThis, 'isoseed:calls', { value: () => {
    while (next < functions.length * junk.length) {
      const [target, holder] = functions[next % functions.length]
      const args = junk[Math.trunc(next / functions.length)]
      next++
      count++
      try {
        const result = next % 5 === 0 ? construct(target, args) : apply(target, holder, args)
        if (typeof result?.catch === 'function') result.catch(() => {})
        if (typeof result?.next === 'function') result.next()
        spoil(result)
      } catch {}
    }
    return `${functions.length} ${count} ${hosts}`
  } })
  return 'ready'
}
