// The module registry of one context: CommonJS modules, and the namespaces of ES modules, by name.
// Plain JavaScript, so that a snapshot keeps it. What a guest patches here it patches for itself.
(() => {
  'use strict'
  // Without a prototype: no name means anything special.
  const known = { __proto__: null }
  const exported = { __proto__: null }

  // `./a.js` and `../a.js` are relative to the name of the module that asks; other names are exact.
  const resolve = (request, from) => {
    if (request in known) return request
    if (!/^\.\.?\//.test(request)) return undefined
    const parts = from.split('/').slice(0, -1)
    for (const part of request.split('/')) {
      if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
      else if (part !== '.') parts.push(part)
    }
    const name = parts.join('/')
    return name in known ? name : undefined
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

  return {
    __proto__: null,
    resolve,
    missing,
    // From now on this is a module's name, even before it is evaluated.
    declare(name) {
      known[name] = true
    },
    commonjs(name, path, body) {
      const module = { exports: {}, id: name, filename: name, loaded: false }
      known[name] = true
      exported[name] = module
      const require = (request) => {
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
  }
})()
