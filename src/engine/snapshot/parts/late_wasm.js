// WebAssembly while building: modules and instances that become real on first need in a session.
//
// Libraries such as long.js make an instance of a small module when they are loaded, and fall back to
// JavaScript when that throws. A lazy module keeps its bytes, a lazy instance its imports; a function
// of the instance makes both when it is called in a session. Calling one while building is reported,
// and so is what can't be lazy: memories, tables, globals, a start function.
(base, environment) => {
  'use strict'
  const { apply, construct, isObject, own, wasmModule: reader } = base
  const { standIn, report, tools } = environment
  const TypeErrorClass = TypeError
  const ErrorClass = Error
  const ProxyClass = Proxy
  const WeakRefClass = WeakRef
  const { deref } = WeakRef.prototype
  const { create, defineProperty, freeze } = Object
  const { global } = tools

  // What makes an object a lazy one: a private field.
  class Returned {
    constructor(object) {
      return object
    }
  }
  class Lazy extends Returned {
    #state
    constructor(object, state) {
      super(object)
      this.#state = state
    }
    static of(object, kind) {
      return isObject(object) && #state in object && object.#state.kind === kind ? object.#state : undefined
    }
  }

  // Lazy objects, with where they were made: { ref, kind, source }.
  let made = []
  const remember = (kind, object, source) => {
    made[made.length] = { __proto__: null, ref: new WeakRefClass(object), kind, source }
  }

  // V8's own, in a session: { Module, Instance, exportsOf }.
  let real

  const makeError = (name) => (args, newTarget) => {
    const hasPrototype = newTarget !== undefined && isObject(newTarget.prototype)
    return construct(ErrorClass, args, hasPrototype ? newTarget : standIn(`WebAssembly.${name}`))
  }
  const compileError = (message) => makeError('CompileError')([message])
  const linkError = (message) => makeError('LinkError')([message])

  const objectFor = (newTarget, path) => create(newTarget !== undefined && isObject(newTarget.prototype) ? newTarget.prototype : standIn(`${path}.prototype`))

  // Modules

  const bytesOf = (source, caller) => {
    const bytes = reader.copyOf(source)
    if (bytes === undefined) throw new TypeErrorClass(`${caller}: Argument 0 must be a buffer source`)
    return bytes
  }
  const makeModule = (source, newTarget, caller) => {
    const bytes = bytesOf(source, caller)
    const reason = tools.validateWasm(bytes)
    if (reason !== undefined) throw compileError(`${caller}: ${reason}`)
    const object = objectFor(newTarget, 'WebAssembly.Module')
    const made = { __proto__: null, kind: 'module', bytes, content: reader.read(bytes), real: undefined }
    new Lazy(object, made)
    remember('module', object, tools.position())
    return object
  }
  const moduleOf = (value, caller) => {
    const module = Lazy.of(value, 'module')
    if (module === undefined) throw new TypeErrorClass(`${caller}: Argument 0 must be a WebAssembly.Module`)
    return module
  }
  const contentOf = (module, path) => {
    if (module.content === undefined) throw report(path)
    return module.content
  }
  const realModule = (module) => {
    if (module.real === undefined) {
      module.real = new real.Module(module.bytes)
      module.bytes = undefined
    }
    return module.real
  }

  // Instances

  const importsOf = (imports, given, caller) => {
    if (given !== undefined && !isObject(given)) throw new TypeErrorClass(`${caller}: Argument 1 must be an object`)
    if (imports.length > 0 && given === undefined) throw new TypeErrorClass(`${caller}: Imports argument must be present and must be an object`)
    const values = create(null)
    for (let i = 0; i < imports.length; i++) {
      const { module, name } = imports[i]
      const holder = given[module]
      if (!isObject(holder)) throw new TypeErrorClass(`${caller}: Import #${i} "${module}": module is not an object or function`)
      const value = holder[name]
      if (typeof value !== 'function') throw linkError(`${caller}: Import #${i} "${module}" "${name}": function import requires a callable`)
      values[module] ??= create(null)
      values[module][name] = value
    }
    return values
  }
  const realExports = (instance) => {
    instance.exports ??= apply(real.exportsOf, new real.Instance(realModule(instance.module), instance.imports), [])
    return instance.exports
  }
  const front = (instance, { name, length, functionName }) => {
    const target = { method() {} }.method
    defineProperty(target, 'length', { __proto__: null, value: length })
    defineProperty(target, 'name', { __proto__: null, value: functionName })
    return new ProxyClass(target, {
      __proto__: null,
      apply(_, self, args) {
        if (real === undefined) throw report(`WebAssembly.Instance.prototype.exports.${name}`, `the WebAssembly function ${name} can't run while a snapshot is built`)
        return apply(realExports(instance)[name], self, args)
      },
    })
  }
  const isLazyPossible = ({ imports, exports, hasStart }) => {
    for (let i = 0; i < imports.length; i++) if (imports[i].kind !== 'function') return false
    for (let i = 0; i < exports.length; i++) if (exports[i].kind !== 'function') return false
    return !hasStart
  }
  const makeInstance = (value, given, newTarget, caller) => {
    const module = moduleOf(value, caller)
    const content = contentOf(module, 'WebAssembly.Instance')
    if (!isLazyPossible(content)) {
      throw report('WebAssembly.Instance', 'a WebAssembly instance with a start function, or with memories, tables or globals to import or export, can\'t be made while a snapshot is built')
    }
    const imports = importsOf(content.imports, given, caller)
    const instance = { __proto__: null, kind: 'instance', module, imports, exports: undefined, fronts: create(null) }
    for (let i = 0; i < content.exports.length; i++) instance.fronts[content.exports[i].name] = front(instance, content.exports[i])
    freeze(instance.fronts)
    const object = objectFor(newTarget, 'WebAssembly.Instance')
    new Lazy(object, instance)
    // Not the object: a source may keep only a function.
    remember('instance', instance, tools.position())
    return object
  }

  // What stands in for V8's functions.

  const describe = (entries, keys) => {
    const list = []
    for (let i = 0; i < entries.length; i++) {
      list[i] = {}
      for (let j = 0; j < keys.length; j++) list[i][keys[j]] = entries[i][keys[j]]
    }
    return list
  }
  const code = {
    __proto__: null,
    'WebAssembly.Module': { __proto__: null, make: (args, newTarget) => makeModule(args[0], newTarget, 'WebAssembly.Module()') },
    'WebAssembly.Module.prototype': { __proto__: null, owns: (self) => Lazy.of(self, 'module') !== undefined },
    'WebAssembly.Module.exports': {
      __proto__: null,
      code: (value) => describe(contentOf(moduleOf(value, 'WebAssembly.Module.exports()'), 'WebAssembly.Module.exports').exports, ['name', 'kind']),
    },
    'WebAssembly.Module.imports': {
      __proto__: null,
      code: (value) => describe(contentOf(moduleOf(value, 'WebAssembly.Module.imports()'), 'WebAssembly.Module.imports').imports, ['module', 'name', 'kind']),
    },
    'WebAssembly.Instance': { __proto__: null, make: (args, newTarget) => makeInstance(args[0], args[1], newTarget, 'WebAssembly.Instance()') },
    'WebAssembly.Instance.prototype': { __proto__: null, owns: (self) => Lazy.of(self, 'instance') !== undefined },
    'get WebAssembly.Instance.prototype.exports': {
      __proto__: null,
      owns: (self) => Lazy.of(self, 'instance') !== undefined,
      code() {
        const instance = Lazy.of(this, 'instance')
        if (instance === undefined) throw new TypeErrorClass('WebAssembly.Instance.exports: Receiver is not a WebAssembly.Instance')
        return instance.fronts
      },
    },
    'WebAssembly.validate': { __proto__: null, code: (source) => tools.validateWasm(bytesOf(source, 'WebAssembly.validate()')) === undefined },
    'WebAssembly.compile': { __proto__: null, code: async (source) => makeModule(source, undefined, 'WebAssembly.compile()') },
    'WebAssembly.instantiate': {
      __proto__: null,
      code: async (source, imports) => {
        const caller = 'WebAssembly.instantiate()'
        if (Lazy.of(source, 'module') !== undefined) return makeInstance(source, imports, undefined, caller)
        const module = makeModule(source, undefined, caller)
        return { module, instance: makeInstance(module, imports, undefined, caller) }
      },
    },
  }
  const errors = ['CompileError', 'LinkError', 'RuntimeError', 'SuspendError']
  for (let i = 0; i < errors.length; i++) {
    const make = makeError(errors[i])
    code[`WebAssembly.${errors[i]}`] = { __proto__: null, make, code: (...args) => make(args) }
  }

  // Sessions

  /** Lets V8's own functions take lazy modules for the real ones. */
  const unwrapFirst = (holder, key) => {
    const descriptor = own(holder, key)
    const unwrap = (args) => {
      const module = Lazy.of(args[0], 'module')
      if (module !== undefined) args[0] = realModule(module)
      return args
    }
    const wrapper = new ProxyClass(descriptor.value, {
      __proto__: null,
      apply: (target, self, args) => apply(target, self, unwrap(args)),
      construct: (target, args, newTarget) => construct(target, unwrap(args), newTarget === wrapper ? target : newTarget),
    })
    descriptor.value = wrapper
    defineProperty(holder, key, descriptor)
    return wrapper
  }
  const acceptLazyModules = (WebAssembly) => {
    const Module = own(WebAssembly, 'Module').value
    unwrapFirst(Module, 'exports')
    unwrapFirst(Module, 'imports')
    unwrapFirst(Module, 'customSections')
    unwrapFirst(WebAssembly, 'instantiate')
    const Instance = unwrapFirst(WebAssembly, 'Instance')
    const constructor = own(Instance.prototype, 'constructor')
    constructor.value = Instance
    defineProperty(Instance.prototype, 'constructor', constructor)
  }

  let isModuleLeft = false
  return {
    __proto__: null,
    code,
    /** Forgets lazy objects that nobody holds, and warns of the others. Returns whether any are left. */
    settle() {
      const left = []
      isModuleLeft = false
      for (let i = 0; i < made.length; i++) {
        const { ref, kind, source } = made[i]
        if (apply(deref, ref, []) === undefined) continue
        left[left.length] = made[i]
        isModuleLeft ||= kind === 'module'
        tools.warn({
          __proto__: null,
          rule: 'lazy-wasm',
          path: kind === 'module' ? 'WebAssembly.Module' : 'WebAssembly.Instance',
          source,
          message: `a WebAssembly ${kind} was made while the snapshot was built; each session makes it anew, on first use`,
          hint: 'nothing has to be done; the first use in a session takes the time to compile',
        })
      }
      made = left
      return made.length > 0
    },
    restore() {
      if (made.length === 0) return
      const WebAssembly = own(global, 'WebAssembly').value
      const Instance = own(WebAssembly, 'Instance').value
      real = { __proto__: null, Module: own(WebAssembly, 'Module').value, Instance, exportsOf: own(Instance.prototype, 'exports').get }
      if (isModuleLeft) acceptLazyModules(WebAssembly)
    },
  }
}
