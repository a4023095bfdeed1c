// Built-ins that V8 leaves out of a snapshot creator and installs on every restored context, where it
// trusts that the place is free and the object extensible (V8 src/init/bootstrapper.cc,
// InitializeExperimentalGlobal and InstallExtensions). A heap in which that does not hold traps on
// restore, or silently gets a duplicate property.
//
// While building, a stand-in is in each of these places. Before the heap is captured they are taken
// out. What sources did to a place is done again in every session, after V8 installed its own.
//
// The pieces are expressions in files of their own: `late_*.js`.
(tools, pieces) => {
  'use strict'
  const { standIns: prepareStandIns, functions, float16, base64, disposal, wasm, wasmModule } = pieces
  const base = pieces.base
  base.wasmModule = wasmModule(base)
  const { apply, isObject, own, join, keyOf, describeMembers } = base
  const { defineProperty, deleteProperty, getPrototypeOf, isExtensible, setPrototypeOf } = Reflect
  const { global, manifest } = tools
  const { parse } = JSON
  const ErrorClass = Error
  const TypeErrorClass = TypeError
  const RangeErrorClass = RangeError
  const { startsWith: stringStartsWith, includes: stringIncludes } = String.prototype
  const { getTime } = Date.prototype
  const asyncIteratorPrototype = getPrototypeOf(getPrototypeOf(async function* () {}.prototype))
  const TypedArray = getPrototypeOf(Uint8Array)

  // Must be extensible for V8.
  const holders = [
    ['globalThis', global], ['Promise', Promise], ['Error', Error], ['RegExp', RegExp], ['RegExp.prototype', RegExp.prototype],
    ['Iterator', Iterator], ['Iterator.prototype', Iterator.prototype], ['AsyncIterator.prototype', asyncIteratorPrototype],
    ['Map.prototype', Map.prototype], ['WeakMap.prototype', WeakMap.prototype], ['Math', Math], ['Atomics', Atomics],
    ['DataView.prototype', DataView.prototype], ['Uint8Array', Uint8Array], ['Uint8Array.prototype', Uint8Array.prototype],
    ['Date.prototype', Date.prototype], ['Intl.Locale.prototype', Intl.Locale.prototype],
  ]
  // V8 finds these by name on the global when it installs.
  const named = [['Math', Math], ['Atomics', Atomics], ['Uint8Array', Uint8Array]]
  // What `Error.stackTraceLimit` is in an ordinary isolate.
  const STACK_TRACE_LIMIT = 10

  const intrinsics = {
    __proto__: null,
    'Object.prototype': Object.prototype,
    'Function.prototype': Function.prototype,
    Error: ErrorClass,
    'Error.prototype': ErrorClass.prototype,
    TypedArray,
    'TypedArray.prototype': TypedArray.prototype,
  }
  const standIns = prepareStandIns(base, intrinsics, (path, type) => behaviourOf(path, type))
  const environment = {
    __proto__: null,
    record: standIns.record,
    standIn: (path) => standIns.standIn(path),
    report: (path, message) => report(path, message),
    tools,
  }

  // Use of what can't be imitated.

  let reported = { __proto__: null }
  const report = (path, message = `${path} does not exist yet while a snapshot is built`) => {
    const source = tools.position()
    const isWasm = apply(stringStartsWith, path, ['WebAssembly'])
    const at = `${path} ${source}`
    if (!reported[at]) {
      reported[at] = true
      tools.report({
        __proto__: null,
        rule: isWasm ? 'wasm-object' : 'late-builtin-used',
        path,
        source,
        message,
        hint: `use ${path} on first need in a session, not while the snapshot is built`,
      })
    }
    return new ErrorClass(message)
  }
  const lazyWasm = wasm(base, environment)
  const wasmCode = lazyWasm.code

  /** What a function of the manifest does while building. */
  const behaviourOf = (path, type) => {
    if (wasmCode[path]) return wasmCode[path]
    if (type === 'object') return { __proto__: null }
    if (type === 'class') {
      return {
        __proto__: null,
        make() {
          throw report(path)
        },
      }
    }
    // No object of these classes exists yet, so every receiver is a wrong one.
    if (apply(stringIncludes, path, ['.prototype'])) {
      return {
        __proto__: null,
        code() {
          throw new TypeErrorClass(`Method ${path} called on incompatible receiver`)
        },
      }
    }
    return {
      __proto__: null,
      code() {
        throw report(path)
      },
    }
  }
  // [path of the holder, holder, property]: where V8 will put something.
  const places = []
  const addPlaces = (path, holder, properties) => {
    for (let i = 0; i < properties.length; i++) {
      const property = properties[i]
      // What V8 itself has put there already is no concern of ours.
      if (own(holder, keyOf(property.key))) continue
      places[places.length] = {
        __proto__: null,
        holderPath: path,
        holder,
        root: { __proto__: null, real: holder },
        property,
        key: keyOf(property.key),
        expected: undefined,
        change: undefined,
      }
    }
  }
  const addAll = (lists) => {
    for (let i = 0; i < lists.length; i++) {
      const [path, holder, literal] = lists[i]
      addPlaces(path, holder, describeMembers(literal))
    }
  }
  const addGlobal = (name, node) => {
    addPlaces('', global, [{ __proto__: null, key: name, flags: 'w-c', value: { __proto__: null, node } }])
  }
  addAll(functions(base))
  addAll(float16(base))
  addAll(base64(base))
  const classes = disposal(base, environment)
  addGlobal('SuppressedError', classes.SuppressedError)
  addGlobal('DisposableStack', classes.DisposableStack)
  addGlobal('AsyncDisposableStack', classes.AsyncDisposableStack)
  addGlobal('Float16Array', undefined)
  addGlobal('Temporal', undefined)
  addGlobal('WebAssembly', undefined)
  addPlaces('Date.prototype', Date.prototype, describeMembers({
    toTemporalInstant() {
      const time = apply(getTime, this, [])
      if (time !== time) throw new RangeErrorClass('Invalid time value')
      throw report('Date.prototype.toTemporalInstant')
    },
  }))

  const withoutPrototype = (_, value) => {
    if (isObject(value)) setPrototypeOf(value, null)
    return value
  }
  const install = () => {
    // As text it takes the least in a snapshot that keeps this part.
    const described = parse(manifest, withoutPrototype)
    for (let i = 0; i < places.length; i++) {
      const place = places[i]
      const { node } = place.property.value ?? place.property.get
      const property = node ? place.property : { __proto__: null, key: place.key, value: { __proto__: null, node: described[place.key] } }
      place.expected = standIns.place(property, place.holderPath, place.root)
      defineProperty(place.holder, place.key, place.expected)
    }
    standIns.finish()
  }

  // Taking out.

  const refuse = (rule, path, message, hint, source) => tools.refuse({ __proto__: null, rule, path, source, message, hint })
  const warnDeferred = (path) => {
    tools.warn({
      __proto__: null,
      rule: 'deferred-builtin',
      path,
      message: `a source changed ${path}, which V8 installs in every session; the change is made again there, right after`,
      hint: `leave ${path} as it is: every session has V8's own`,
    })
  }

  const suspendPlace = (place) => {
    const { holderPath, holder, key, expected } = place
    place.change = undefined
    place.expected = undefined
    // Refused already, for what holds it.
    if (!isExtensible(holder)) return
    const path = join(holderPath, key)
    const now = own(holder, key)
    const descriptor = now && standIns.difference(expected, now)
    if (now && !descriptor) {
      if (!deleteProperty(holder, key)) refuseFixed(path)
      return
    }
    if (now && !deleteProperty(holder, key)) {
      refuseFixed(path)
      return
    }
    place.change = { __proto__: null, descriptor }
    warnDeferred(path)
  }
  const refuseFixed = (path) => {
    refuse('late-builtin', path, `${path} is defined by a source as a property that can't be taken out, but V8 installs its own in every session`, 'drop this polyfill: every session has the built-in; or define it as a configurable property')
  }

  const swap = { __proto__: null }
  /** Puts V8's own back where V8 looks for it by name. */
  const suspendNamed = (name, object) => {
    swap[name] = undefined
    const now = own(global, name)
    if (now && now.value === object) return
    const replacement = { __proto__: null, value: object, writable: true, enumerable: false, configurable: true }
    if (!defineProperty(global, name, replacement)) {
      refuse('replaced-builtin', name, `globalThis.${name} is deleted or replaced`, `keep V8's own ${name}; extend it instead`)
      return
    }
    swap[name] = { __proto__: null, descriptor: now }
    warnDeferred(name)
  }

  let limitChange
  /** V8 only captures stack frames where this is set, and adds it again after restore. */
  const suspendStackTraceLimit = () => {
    limitChange = undefined
    const now = own(ErrorClass, 'stackTraceLimit')
    if (!now) return null
    const isPlain = typeof now.value === 'number' && now.writable && now.enumerable
    if (!deleteProperty(ErrorClass, 'stackTraceLimit')) {
      refuse('late-builtin', 'Error.stackTraceLimit', "Error.stackTraceLimit is defined by a source as a property that can't be taken out", 'assign a number to Error.stackTraceLimit')
      return null
    }
    if (isPlain) return now.value
    limitChange = now
    warnDeferred('Error.stackTraceLimit')
    return STACK_TRACE_LIMIT
  }

  const applyChange = (object, key, { descriptor }) => {
    if (descriptor) defineProperty(object, key, descriptor)
    else deleteProperty(object, key)
  }
  const applyChanges = () => {
    for (let i = 0; i < places.length; i++) {
      const { holder, key, change } = places[i]
      if (change) applyChange(holder, key, change)
    }
    for (let i = 0; i < named.length; i++) {
      const name = named[i][0]
      if (swap[name]) applyChange(global, name, swap[name])
    }
    if (limitChange) defineProperty(ErrorClass, 'stackTraceLimit', limitChange)
  }
  const hasChanges = () => {
    for (let i = 0; i < places.length; i++) if (places[i].change) return true
    for (let i = 0; i < named.length; i++) if (swap[named[i][0]]) return true
    return limitChange !== undefined
  }

  /** `null` when there is to be none. */
  const setStackTraceLimit = (value) => {
    if (value === null) {
      deleteProperty(ErrorClass, 'stackTraceLimit')
      return
    }
    defineProperty(ErrorClass, 'stackTraceLimit', { __proto__: null, value, writable: true, enumerable: true, configurable: true })
  }

  for (let i = 0; i < holders.length; i++) tools.watch(holders[i][1])
  install()
  setStackTraceLimit(STACK_TRACE_LIMIT)

  const part = {
    __proto__: null,
    /** The sources' own `Error.stackTraceLimit` after `suspend`; `null` when they deleted it. */
    stackTraceLimit: null,
    setStackTraceLimit,
    suspend() {
      for (let i = 0; i < holders.length; i++) {
        const path = holders[i][0]
        if (!isExtensible(holders[i][1])) {
          refuse('frozen-builtin', path, `${path} is frozen, sealed or non-extensible`, 'harden built-ins in each session instead, after it was restored', tools.frozenAt(holders[i][1]))
        }
      }
      for (let i = 0; i < places.length; i++) suspendPlace(places[i])
      for (let i = 0; i < named.length; i++) suspendNamed(named[i][0], named[i][1])
      part.stackTraceLimit = suspendStackTraceLimit()
      standIns.suspend(warnDeferred)
    },
    settle() {
      const isLazy = lazyWasm.settle()
      // A stack made while building throws SuppressedErrors in a session.
      const isHeld = standIns.settle('SuppressedError')
      return isHeld || isLazy || hasChanges()
    },
    restore() {
      lazyWasm.restore()
      standIns.restore()
      applyChanges()
    },
    resume(stackTraceLimit) {
      install()
      setStackTraceLimit(stackTraceLimit)
      applyChanges()
    },
  }
  return part
}
