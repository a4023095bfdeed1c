// The module registry of one context: CommonJS modules, and the namespaces of ES modules, by name.
// Plain JavaScript, so that a snapshot keeps it. What a guest patches here it patches for itself.
(() => {
  'use strict'
  // Without a prototype: no name means anything special.
  const known = { __proto__: null }
  const exported = { __proto__: null }

  // A step of a path: names pile up, `..` takes one off.
  const step = (names, name) => {
    if (name === '.') return names
    if (name === '..' && names !== undefined && names.name !== '..') return names.outer
    return { __proto__: null, name, outer: names }
  }

  // `./a.js` and `../a.js` are relative to the name of the module that asks; other names are exact.
  // V8 asks while it links modules, so no built-in is called that a guest may have replaced.
  const resolve = (request, from) => {
    if (request in known) return request
    const isRelative = request[0] === '.' && (request[1] === '/' || (request[1] === '.' && request[2] === '/'))
    if (!isRelative) return undefined
    let folder = from.length
    while (folder > 0 && from[folder - 1] !== '/') folder--
    let names
    let name = ''
    for (let index = 0; index < folder + request.length; index++) {
      const letter = index < folder ? from[index] : request[index - folder]
      if (letter !== '/') {
        name += letter
        continue
      }
      names = step(names, name)
      name = ''
    }
    names = step(names, name)
    if (names === undefined) return undefined
    let path = names.name
    for (let outer = names.outer; outer !== undefined; outer = outer.outer) path = `${outer.name}/${path}`
    return path in known ? path : undefined
  }

  const missing = (request, from) =>
    Object.assign(new Error(`no module ${JSON.stringify(request)} (${from} asks for it)`), { code: 'ERR_MODULE_NOT_FOUND' })

  const publish = (path, value) => {
    if (path === undefined) return
    const parts = path.split('.')
    const name = parts.pop()
    const holder = parts.reduce((object, part) => (object[part] ??= {}), globalThis)
    holder[name] = value
  }

  const registry = {
    __proto__: null,
    resolve,
    // From now on this is a module's name, even before it is evaluated.
    declare(name) {
      known[name] = true
    },
    commonjs(name, path, body) {
      const module = { exports: {}, id: name, filename: name, loaded: false }
      known[name] = true
      exported[name] = module
      const require = (request) => {
        // Native functions, for those who ask.
        if (request === 'isoseed:system') return (registry.natives ??= registry.system())
        const found = resolve(String(request), name)
        if (found === undefined || exported[found] === undefined) throw missing(request, name)
        return exported[found].exports
      }
      body.call(module.exports, module.exports, require, module)
      module.loaded = true
      publish(path, module.exports)
      return module.exports
    },
    // `done` is the promise of an ES module's evaluation.
    evaluated(name, path, namespace, done) {
      exported[name] = { exports: namespace }
      publish(path, namespace)
      return done.then(() => namespace.default)
    },
    imported: (namespace, done) => done.then(() => namespace),
    // For a module that runs right now.
    later: (name) => Promise.resolve().then(() => import(name)),
  }
  return registry
})()
