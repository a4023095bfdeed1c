// SuppressedError, DisposableStack and AsyncDisposableStack, as the specification has them, as
// descriptions of stand-ins (see manifest.js for their form).
(base, environment) => {
  'use strict'
  const { apply, construct, isObject, getMethod, describeClass } = base
  const { standIn, record } = environment
  const ErrorClass = Error
  const TypeErrorClass = TypeError
  const ReferenceErrorClass = ReferenceError
  const { create, defineProperty } = Object
  const { dispose: DISPOSE, asyncDispose: ASYNC_DISPOSE } = Symbol

  const prototypeFor = (newTarget, path) => {
    const { prototype } = newTarget
    return isObject(prototype) ? prototype : standIn(`${path}.prototype`)
  }

  // SuppressedError

  const hide = (object, key, value) => {
    defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true })
  }
  const makeSuppressed = (args, newTarget) => {
    const message = args.length > 2 && args[2] !== undefined ? [args[2]] : []
    const made = construct(ErrorClass, message, newTarget !== undefined && isObject(newTarget.prototype) ? newTarget : standIn('SuppressedError'))
    hide(made, 'error', args[0])
    hide(made, 'suppressed', args[1])
    return made
  }
  const suppressed = (error, earlier) => {
    const { real } = record('SuppressedError')
    const args = [error, earlier, 'An error was suppressed during disposal']
    return real === undefined ? makeSuppressed(args) : construct(real, args)
  }

  // What makes an object a stack: a private field, which sources can neither see nor forge.

  class Returned {
    constructor(object) {
      return object
    }
  }
  class State extends Returned {
    #state
    constructor(object, state) {
      super(object)
      this.#state = state
    }
    static of(object, isAsync) {
      return isObject(object) && #state in object && object.#state.isAsync === isAsync ? object.#state : undefined
    }
  }

  const makeStack = (object, isAsync, resources) => {
    new State(object, { __proto__: null, isAsync, isDisposed: false, resources })
    return object
  }

  /** `GetDisposeMethod`. */
  const disposeMethodOf = (value, isAsync) => {
    if (!isAsync) return getMethod(value, DISPOSE)
    const method = getMethod(value, ASYNC_DISPOSE)
    if (method !== undefined) return method
    const synchronous = getMethod(value, DISPOSE)
    if (synchronous === undefined) return undefined
    // What a synchronous method returns is not awaited.
    return async function () {
      apply(synchronous, this, [])
    }
  }
  const add = ({ resources }, value, method) => {
    resources[resources.length] = { __proto__: null, value, method }
  }

  /** What was thrown so far, in an object, because anything can be thrown. */
  const suppress = (failure, error) => ({ __proto__: null, error: failure === undefined ? error : suppressed(error, failure.error) })

  /** Marks a stack as disposed, and takes its resources. */
  const close = (state) => {
    const { resources } = state
    state.isDisposed = true
    state.resources = []
    return resources
  }
  const disposeAll = (resources) => {
    let failure
    for (let i = resources.length - 1; i >= 0; i--) {
      const { value, method } = resources[i]
      try {
        apply(method, value, [])
      } catch (error) {
        failure = suppress(failure, error)
      }
    }
    if (failure !== undefined) throw failure.error
  }
  // One function, so that it takes as many turns of the microtask queue as V8's own.
  const disposeAsync = async (self, stateOf) => {
    const state = stateOf(self, 'disposeAsync')
    if (state.isDisposed) return
    const resources = close(state)
    let failure
    let needsAwait = false
    let hasAwaited = false
    for (let i = resources.length - 1; i >= 0; i--) {
      const { value, method } = resources[i]
      if (method === undefined) {
        needsAwait = true
        continue
      }
      try {
        const result = apply(method, value, [])
        hasAwaited = true
        await result
      } catch (error) {
        failure = suppress(failure, error)
      }
    }
    if (needsAwait && !hasAwaited) await undefined
    if (failure !== undefined) throw failure.error
  }

  const stackClass = (name, isAsync, end) => {
    const stateOf = (self, method) => {
      const state = State.of(self, isAsync)
      if (state === undefined) throw new TypeErrorClass(`Method ${name}.prototype.${method} called on incompatible receiver`)
      return state
    }
    const openStateOf = (self, method) => {
      const state = stateOf(self, method)
      if (state.isDisposed) {
        throw new ReferenceErrorClass(`Cannot call ${name}.prototype.${method} on an already-disposed ${name}`)
      }
      return state
    }
    const checkCallable = (value) => {
      if (typeof value !== 'function') throw new TypeErrorClass(`${typeof value} is not a function`)
    }
    const members = {
      use(value) {
        const state = openStateOf(this, 'use')
        if (value === null || value === undefined) {
          if (isAsync) add(state, undefined, undefined)
          return value
        }
        if (!isObject(value)) throw new TypeErrorClass('An object is expected with `using` declarations')
        const method = disposeMethodOf(value, isAsync)
        if (method === undefined) throw new TypeErrorClass('Symbol.dispose is not a function')
        add(state, value, method)
        return value
      },
      ...end(stateOf),
      adopt(value, onDispose) {
        const state = openStateOf(this, 'adopt')
        checkCallable(onDispose)
        add(state, undefined, () => apply(onDispose, undefined, [value]))
        return value
      },
      defer(onDispose) {
        const state = openStateOf(this, 'defer')
        checkCallable(onDispose)
        add(state, undefined, onDispose)
      },
      move() {
        const state = openStateOf(this, 'move')
        return makeStack(create(standIn(`${name}.prototype`)), isAsync, close(state))
      },
      get disposed() {
        return stateOf(this, 'disposed').isDisposed
      },
    }
    return describeClass(name, {
      make: (_, newTarget) => makeStack(create(prototypeFor(newTarget, name)), isAsync, []),
      owns: (self) => State.of(self, isAsync) !== undefined,
      length: 0,
      members,
      alias: isAsync ? ['@@asyncDispose', 'disposeAsync'] : ['@@dispose', 'dispose'],
      tag: true,
    })
  }

  return {
    __proto__: null,
    SuppressedError: describeClass('SuppressedError', {
      proto: 'Error',
      prototypeProto: 'Error.prototype',
      code: (...args) => makeSuppressed(args),
      make: makeSuppressed,
      length: 3,
      plains: [['name', 'SuppressedError'], ['message', '']],
      members: {},
    }),
    DisposableStack: stackClass('DisposableStack', false, (stateOf) => ({
      dispose() {
        const state = stateOf(this, 'dispose')
        if (!state.isDisposed) disposeAll(close(state))
      },
    })),
    AsyncDisposableStack: stackClass('AsyncDisposableStack', true, (stateOf) => ({
      disposeAsync() {
        return disposeAsync(this, stateOf)
      },
    })),
  }
}
