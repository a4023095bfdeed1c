// Evaluated in a fresh context of an ordinary isolate. Describes, as JSON, the built-ins that V8
// leaves out of a snapshot creator and that JavaScript can't imitate, so that they can stand there
// with their whole shape while a snapshot is built.
//
// Each object is a node: { type: 'function' | 'class' | 'object', proto, length, name, own: [property] },
// a class being a function that `new` takes. A property is { key, flags, value | get | set }: `key` of a
// well-known symbol is '@@name', `flags` is 'wec' with a '-' for each that is false, and a value is
// { node }, { ref: path of a node or of an intrinsic } or { plain: a string, number or boolean }. To
// keep it short, as snapshots may carry it, the usual is left out: the type 'function', the prototype
// 'Function.prototype', no own properties but length and name, and the flags 'w-c'.
(() => {
  'use strict'
  const roots = ['Float16Array', 'Temporal', 'WebAssembly']
  const { construct, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect
  const TypedArray = getPrototypeOf(Uint8Array)
  const paths = new Map([
    [Object.prototype, 'Object.prototype'],
    [Function.prototype, 'Function.prototype'],
    [Error, 'Error'],
    [Error.prototype, 'Error.prototype'],
    [TypedArray, 'TypedArray'],
    [TypedArray.prototype, 'TypedArray.prototype'],
  ])

  const isClass = (value) => {
    try {
      construct(Object, [], value)
      return true
    } catch {
      return false
    }
  }
  const value = (of, path) => {
    if ((typeof of !== 'object' && typeof of !== 'function') || of === null) return { plain: of }
    if (paths.has(of)) return { ref: paths.get(of) }
    return { node: node(of, path) }
  }
  const property = (object, key, path) => {
    const name = typeof key === 'symbol' ? key.description.replace('Symbol.', '@@') : key
    const full = typeof key === 'symbol' ? `${path}[${key.description}]` : path ? `${path}.${key}` : key
    const own = getOwnPropertyDescriptor(object, key)
    const flags = (own.writable ? 'w' : '-') + (own.enumerable ? 'e' : '-') + (own.configurable ? 'c' : '-')
    if ('value' in own) return { key: name, flags: flags === 'w-c' ? undefined : flags, value: value(own.value, full) }
    return {
      key: name,
      flags,
      get: own.get && value(own.get, `get ${full}`),
      set: own.set && value(own.set, `set ${full}`),
    }
  }
  const node = (object, path) => {
    paths.set(object, path)
    const type = typeof object === 'object' ? 'object' : isClass(object) ? 'class' : 'function'
    const keys = ownKeys(object)
    if (type !== 'object' && keys.splice(0, 2).join() !== 'length,name') throw new Error(`${path} is another kind of function`)
    const own = keys.map((key) => property(object, key, path))
    const proto = getPrototypeOf(object)
    if (!paths.has(proto)) throw new Error(`the prototype of ${path} is not known`)
    const { length, name } = type === 'object' ? {} : object
    return {
      type: type === 'function' ? undefined : type,
      proto: proto === Function.prototype ? undefined : paths.get(proto),
      length,
      name,
      own: own.length === 0 ? undefined : own,
    }
  }

  const manifest = {}
  for (const root of roots) manifest[root] = value(globalThis[root], root).node
  return JSON.stringify(manifest)
})()
