// What it is about is how V8 iterates, awaits and reads, so:
/* oxlint-disable unicorn/no-useless-spread, unicorn/no-unnecessary-await, getter-return, no-useless-call, oxc/no-map-spread */
// Evaluated by late-builtins.test.ts while a snapshot is built, and in a session: both must say the
// same. Defines `lateBehaviour()`, which resolves to what each case came to: a value, or what was thrown.
globalThis.lateBehaviour = async () => {
  'use strict'
  const asyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype))
  // Every value as text; objects as what tells them apart.
  const show = (value) => {
    if (Object.is(value, -0)) return '-0'
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'symbol' || typeof value === 'bigint') return `${typeof value} ${String(value)}`
    if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
    if (value instanceof Uint8Array) return `bytes ${value}`
    if (Error.isError(value)) return `${value.name}${value instanceof SuppressedError ? `(${show(value.error)}, ${show(value.suppressed)}, ${show(value.message)})` : ''}`
    if (typeof value === 'object' && value !== null) return `{${Reflect.ownKeys(value).map((key) => `${String(key)}: ${show(value[key])}`).join(', ')}}`
    return typeof value === 'function' ? `function ${value.name}` : String(value)
  }
  const bytes = (...values) => new Uint8Array(values)
  const logged = (run) => {
    const log = []
    let result
    try {
      result = show(run((...values) => log.push(values.length === 1 ? values[0] : values)))
    } catch (error) {
      result = `threw ${show(error)}`
    }
    return `${show(log)} ${result}`
  }
  /** An iterable that logs what is asked of it. */
  const watched = (log, values, more = {}) => ({
    [Symbol.iterator]() {
      log('open')
      let at = 0
      return {
        next() {
          log('next')
          return at < values.length ? { done: false, value: values[at++] } : { done: true, value: 'end' }
        },
        return() {
          log('return')
          return {}
        },
        ...more,
      }
    },
  })
  const disposable = (log, name, error) => ({
    [Symbol.dispose]() {
      log(name)
      if (error !== undefined) throw error
    },
  })
  const numbers = [0, -0, 1, -1, 0.1, 1 / 3, 65504, 65519.99, 65520, -65520, 1e300, -1e300, 2 ** -14, 2 ** -24, 2 ** -25, 2 ** -25 * 1.0001, 3 * 2 ** -25, 5e-324, 1.337, 2049, 2051, 1 + 2 ** -11, 1 + 2 ** -11 + 2 ** -40, 6.103e-5, 6.1e-5, NaN, Infinity, -Infinity]
  const texts = ['', '  ', 'Zg', 'Zg=', 'Zg==', 'Zm8', 'Zm8=', 'Zm9v', 'Zm9v Yg==', ' Z m 9 v\n', 'Zm9vYg', 'Zm9vYmE', 'Zm9vYmE=', 'Zh==', 'Zm9=', 'Z', '=', '==', 'Zg===', 'Zg=a', 'Zg==a', 'Zm9v=', 'Zm9vZ', '-_-_', '+/+/', 'Zm9vé', 'Zm9v\u0100', 'Zm 9vYmFyYmF6', 'Zg= =', 'Zg = =', 'Zm8 =', 'Zm8= ', 'Zm8=x', 'Zm\v9v', 'Zm9vYh==', 'Zm9vYg=']
  const handlings = [undefined, 'loose', 'strict', 'stop-before-partial']
  const hexes = ['', '0', '00', 'fF', 'deadBEEF', '0g', 'g0', '00 0', '0011223', 'é0', '00é0']
  const attempt = (run) => {
    try {
      return show(run())
    } catch (error) {
      return `threw ${show(error)}`
    }
  }
  const all = (values, run) => values.map((value) => attempt(() => run(value))).join(' ')

  const cases = {
    'Promise.try passes arguments': () => Promise.try((...args) => args, 1, 2, 3),
    'Promise.try gives `this`': () => Promise.try(function () { return this }),
    'Promise.try rejects with what is thrown': () => Promise.try(() => { throw new RangeError('own') }),
    'Promise.try of what is no function': () => Promise.try(1),
    'Promise.try without a receiver': () => Promise.try.call(undefined, () => 1),
    'Promise.try of a class that is none': () => Promise.try.call(() => {}, () => 1),
    'Promise.try resolves with promises': () => Promise.try(async () => 7),
    'Promise.try in a subclass': () => {
      class Own extends Promise {}
      return Promise.try.call(Own, () => 1) instanceof Own
    },
    'Promise.try with an executor of its own': () => logged((log) => Promise.try.call(function (executor) { executor((value) => log('resolve', value), (error) => log('reject', error)) }, () => 5)),
    'Promise.try with an executor that is called twice': () => Promise.try.call(function (executor) { executor(() => {}, () => {}); executor(() => {}, () => {}) }, () => 5),
    'Promise.try is called when': async () => {
      const log = []
      Promise.try(() => log.push('called'))
      log.push('after')
      const first = Promise.try(() => 1).then(() => log.push('then'))
      const second = Promise.resolve().then(() => log.push('other'))
      await Promise.all([first, second])
      return log
    },
    'Error.isError': () => [new Error('x'), new TypeError('x'), new SuppressedError(1, 2), {}, Object.create(Error.prototype), null, undefined, 1, 'Error', () => {}, new Proxy(new Error('x'), {}), { __proto__: Error.prototype, [Symbol.toStringTag]: 'Error' }, Object.assign(new Error('x'), { [Symbol.toStringTag]: 'Own' }), { [Symbol.toStringTag]: 'Error' }, new (class Own extends Error { get [Symbol.toStringTag]() { return 'Own' } })(), new AggregateError([])].map((value) => Error.isError(value)),
    'Error.isError of nothing': () => Error.isError(),
    'RegExp.escape': () => all(['', 'abc', '1a', 'a1', '^$\\.*+?()[]{}|/', ",-=<>#&!%:;@~'`\"", '\t\n\v\f\r \u00a0\ufeff\u2028\u2029\u3000', '\ud800', '\udc00a', '😀', 'é', '_a', 'Z', '\0', '\u180e', 1, undefined, {}, new String('a')], RegExp.escape),
    'RegExp.escape gives what matches': () => [...Array(0x3000).keys()].every((code) => new RegExp(`^${RegExp.escape(String.fromCharCode(code))}$`, 'u').test(String.fromCharCode(code))),
    'Iterator.concat': () => [...Iterator.concat([1, 2], new Set([3]), new Map([[4, 5]]), [])],
    'Iterator.concat of nothing': () => [...Iterator.concat()],
    'Iterator.concat of what is no iterable': () => all([1, 'text', null, undefined, {}, { [Symbol.iterator]: 1 }, { [Symbol.iterator]: () => 1 }], (value) => [...Iterator.concat(value)]),
    'Iterator.concat opens late, in order': () => logged((log) => [...Iterator.concat(watched(log, [1, 2]), watched(log, [3]))]),
    'Iterator.concat takes the methods first': () => logged((log) => Iterator.concat({ get [Symbol.iterator]() { log('get 1'); return () => [][Symbol.iterator]() } }, { get [Symbol.iterator]() { log('get 2') } })),
    'Iterator.concat closes': () => logged((log) => {
      const iterator = Iterator.concat(watched(log, [1, 2]), watched(log, [3]))
      log(iterator.next())
      log(iterator.return())
      log(iterator.next())
      return iterator.return()
    }),
    'Iterator.concat closes before it starts': () => logged((log) => {
      const iterator = Iterator.concat(watched(log, [1]))
      log(iterator.return())
      return iterator.next()
    }),
    'Iterator.concat without `return`': () => logged((log) => {
      const iterator = Iterator.concat(watched(log, [1], { return: undefined }))
      iterator.next()
      return iterator.return()
    }),
    'Iterator.concat with a `next` that throws or answers wrong': () => logged((log) => {
      log(attempt(() => [...Iterator.concat(watched(log, [], { next() { throw new RangeError('own') } }))]))
      return attempt(() => [...Iterator.concat(watched(log, [], { next: () => 1 }))])
    }),
    'Iterator.concat with a `return` that throws or answers wrong': () => logged((log) => {
      for (const returned of [() => { throw new RangeError('own') }, () => 1, 1]) {
        const iterator = Iterator.concat(watched(log, [1, 2], { return: returned }))
        iterator.next()
        log(attempt(() => iterator.return()))
        log(attempt(() => iterator.next()))
      }
    }),
    'Iterator.concat is an iterator helper': () => {
      const iterator = Iterator.concat([1])
      return [Object.prototype.toString.call(iterator), Reflect.ownKeys(iterator), iterator instanceof Iterator, Object.getPrototypeOf(iterator) === Object.getPrototypeOf([].values().map(() => 1)), Object.isExtensible(iterator)]
    },
    'Iterator.concat called again while it runs': () => {
      const iterator = Iterator.concat({ [Symbol.iterator]: () => ({ next: () => iterator.next() }) })
      return iterator.next()
    },
    'Iterator.prototype[Symbol.dispose]': () => logged((log) => {
      const dispose = Iterator.prototype[Symbol.dispose]
      log(dispose.call({ return: (...args) => log('return', args) }))
      log(dispose.call({}))
      log(attempt(() => dispose.call({ return: 1 })))
      return attempt(() => dispose.call(undefined))
    }),
    'AsyncIterator.prototype[Symbol.asyncDispose]': async () => {
      const dispose = asyncIteratorPrototype[Symbol.asyncDispose]
      const log = []
      const outcomes = []
      for (const self of [{ return: (...args) => log.push(args) }, { return: async () => 7 }, {}, { return: 1 }, undefined, { return() { throw new RangeError('own') } }, { return: async () => { throw new RangeError('own') } }]) {
        outcomes.push(await dispose.call(self).then(show, (error) => `threw ${show(error)}`))
      }
      return [log, outcomes]
    },
    'AsyncIterator.prototype[Symbol.asyncDispose] takes turns': async () => {
      const log = []
      const ticks = (async () => { for (let i = 0; i < 5; i++) { await null; log.push(i) } })()
      await asyncIteratorPrototype[Symbol.asyncDispose].call({ return: () => undefined })
      log.push('done')
      await ticks
      return log
    },
    'Map.prototype.getOrInsert': () => {
      const map = new Map([[1, 'one'], [2, undefined]])
      return [map.getOrInsert(1, 'x'), map.getOrInsert(2, 'x'), map.getOrInsert(3, 'three'), map.getOrInsert(-0, 'zero'), map.getOrInsert(NaN, 'nan'), map.getOrInsert(NaN, 'x'), map.getOrInsert(), [...map]]
    },
    'Map.prototype.getOrInsertComputed': () => logged((log) => {
      const map = new Map([[1, 'one'], [2, undefined]])
      log(map.getOrInsertComputed(1, () => log('never')))
      log(map.getOrInsertComputed(2, () => log('never')))
      log(map.getOrInsertComputed(-0, function (...args) { log(args, this); return 'zero' }))
      log(map.getOrInsertComputed(4, (key) => { map.set(key, 'between'); return 'four' }))
      log(attempt(() => map.getOrInsertComputed(5, () => { throw new RangeError('own') })))
      log(attempt(() => map.getOrInsertComputed(1, 1)))
      return [...map]
    }),
    'Map methods with another receiver': () => all([undefined, {}, new Set(), new WeakMap(), Map.prototype], (self) => [attempt(() => Map.prototype.getOrInsert.call(self, 1, 2)), attempt(() => Map.prototype.getOrInsertComputed.call(self, 1, () => 2))]),
    'WeakMap.prototype.getOrInsert': () => {
      const key = {}
      const symbol = Symbol('own')
      const map = new WeakMap([[key, 1]])
      return [map.getOrInsert(key, 2), map.getOrInsert(symbol, 3), map.getOrInsert(symbol, 4), map.get(symbol), all([1, undefined, 'text', Symbol.for('shared')], (value) => map.getOrInsert(value, 1))]
    },
    'WeakMap.prototype.getOrInsertComputed': () => logged((log) => {
      const key = {}
      const map = new WeakMap([[key, 1]])
      log(map.getOrInsertComputed(key, () => log('never')))
      log(map.getOrInsertComputed(log, () => 'computed'), map.get(log))
      log(all([1, undefined, 'text', Symbol.for('shared')], (value) => map.getOrInsertComputed(value, () => log('never'))))
      return attempt(() => map.getOrInsertComputed(key, 1))
    }),
    'WeakMap methods with another receiver': () => all([undefined, {}, new Map()], (self) => [attempt(() => WeakMap.prototype.getOrInsert.call(self, {}, 2)), attempt(() => WeakMap.prototype.getOrInsertComputed.call(self, {}, () => 2))]),
    'Math.f16round': () => all(numbers, Math.f16round),
    'Math.f16round of all float16 and what is between them': () => {
      const view = new DataView(new ArrayBuffer(2))
      let sum = 0
      for (let bits = 0; bits < 0x7c00; bits++) {
        view.setUint16(0, bits)
        const exact = view.getFloat16(0)
        view.setUint16(0, bits + 1)
        const next = bits + 1 === 0x7c00 ? 65536 : view.getFloat16(0)
        for (const value of [exact, (exact + next) / 2, exact + (next - exact) * 0.4999, exact + (next - exact) * 0.5001]) {
          const rounded = Math.f16round(value)
          view.setFloat16(0, -value)
          sum = (sum * 31 + (Number.isFinite(rounded) ? rounded * 2 ** 24 : 1) + view.getUint16(0)) % 1000003
        }
      }
      return sum
    },
    'Math.f16round of other values': () => all(['1.5', null, undefined, {}, [2], 1n, Symbol.iterator, { valueOf: () => 7 }], Math.f16round),
    'DataView.prototype.setFloat16 and getFloat16': () => numbers.map((number) => {
      const view = new DataView(new ArrayBuffer(4))
      view.setFloat16(0, number)
      view.setFloat16(2, number, true)
      return [view.getUint32(0).toString(16), view.getFloat16(0), view.getFloat16(2, true)]
    }),
    'DataView.prototype.setFloat16 converts in order': () => logged((log) => {
      const view = new DataView(new ArrayBuffer(2))
      const value = (name, result) => ({ valueOf() { log(name); return result } })
      view.setFloat16(value('offset', 0), value('value', 1.5))
      log(attempt(() => view.setFloat16(value('offset', 5), value('value', 1))))
      log(attempt(() => view.setFloat16(value('offset', -1), value('value', 1))))
      log(attempt(() => view.setFloat16(0, 1n)))
      log(attempt(() => view.getFloat16(1)))
      log(attempt(() => DataView.prototype.getFloat16.call(new Uint8Array(2), 0)))
      log(attempt(() => DataView.prototype.setFloat16.call({}, value('offset', 0), value('value', 1))))
      log(view.setFloat16(0))
      return Number.isNaN(view.getFloat16(0))
    }),
    'Math.sumPrecise': () => all([[], [-0], [-0, -0], [-0, 0], [1, 2, 3], [0.1, 0.2, 0.3], [1e308, 1e308, -1e308], [1e308, 1e308], [1e20, 0.1, -1e20], [1, 1e100, 1, -1e100], [2 ** 53, 1, 1], [2 ** 53, 1], [2 ** 53 + 2, 1], [5e-324, 5e-324], [2 ** -1074, 2 ** 1023], [Infinity], [Infinity, -Infinity], [NaN, 1], [1.7976931348623157e308, 9.979201547673598e291], [1.7976931348623157e308, 9.979201547673599e291], [-1.7976931348623157e308, -9.979201547673599e291], [2.2250738585072014e-308, -5e-324], [1, 2 ** -53], [1, 2 ** -53, 2 ** -1000], [1, -(2 ** -54)], Array.from({ length: 300 }, (_, i) => Math.sin(i * i) * 2 ** ((i * 37) % 900 - 450)), Array.from({ length: 300 }, (_, i) => Math.sin(i * i) * 2 ** -1030)], Math.sumPrecise),
    'Math.sumPrecise of what it refuses': () => all([undefined, null, 1, {}, ['1'], [1n], [1, undefined], 'text'], Math.sumPrecise),
    "Math.sumPrecise of an array's iterator with another prototype": () => all([Object.setPrototypeOf([1, 2].values(), { [Symbol.iterator]() { return this } }), Object.setPrototypeOf([1, 2].values(), { [Symbol.iterator]() { return this }, next: 1 }), Object.setPrototypeOf([1], {}), Object.setPrototypeOf([1], { [Symbol.iterator]: () => [2].values() })], Math.sumPrecise),
    'Math.sumPrecise closes': () => logged((log) => Math.sumPrecise(watched(log, [1, 'x', 2]))),
    'Atomics.pause': () => all([undefined, 0, 1, -1, 1.5, NaN, Infinity, '1', null, 1n], Atomics.pause),
    'SuppressedError': () => [[1, 2, 'text'], [1, 2], [], [1, 2, undefined], [new Error('x'), null, { toString: () => 'made' }]].map((args) => {
      const error = new SuppressedError(...args)
      return [error, Reflect.ownKeys(error).filter((key) => key !== 'stack').map((key) => [key, ...Object.values(Object.getOwnPropertyDescriptor(error, key)).map(show)]), String(error), error instanceof Error, Object.prototype.toString.call(error), typeof error.stack]
    }),
    'SuppressedError without `new`, with another prototype, and subclassed': () => {
      class Own extends SuppressedError {}
      const error = SuppressedError(1, 2, 'text')
      const own = new Own(1, 2, 'text')
      const odd = Reflect.construct(SuppressedError, [1], Object.assign(function () {}, { prototype: null }))
      return [error, error instanceof SuppressedError, own.constructor === Own, own instanceof SuppressedError, own instanceof Error, Object.getPrototypeOf(odd) === SuppressedError.prototype, attempt(() => new SuppressedError(1, 2, Symbol('x')))]
    },
    'DisposableStack': () => logged((log) => {
      const stack = new DisposableStack()
      log(stack.use(disposable(log, 'used'))[Symbol.dispose].name, stack.use(null), stack.use(undefined))
      log(stack.adopt('value', function (...args) { log('adopted', args, this) }))
      log(stack.defer(function (...args) { log('deferred', args, this) }))
      log(stack.disposed, stack.dispose(), stack.disposed, stack.dispose())
      return [attempt(() => stack.use(null)), attempt(() => stack.adopt(1, () => {})), attempt(() => stack.defer(() => {})), attempt(() => stack.move())]
    }),
    'DisposableStack suppresses': () => logged((log) => {
      const stack = new DisposableStack()
      for (const name of ['a', 'b', 'c']) stack.use(disposable(log, name, name === 'b' ? undefined : new RangeError(name)))
      stack.defer(() => { throw undefined })
      stack.dispose()
    }),
    'DisposableStack moves': () => logged((log) => {
      class Own extends DisposableStack {}
      const stack = new Own()
      stack.use(disposable(log, 'used'))
      const moved = stack.move()
      log(stack.disposed, moved.disposed, moved instanceof Own, Object.getPrototypeOf(moved) === DisposableStack.prototype)
      stack.dispose()
      return moved.dispose()
    }),
    'DisposableStack refuses': () => [
      () => DisposableStack(), () => new DisposableStack().use(1), () => new DisposableStack().use({}), () => new DisposableStack().use({ [Symbol.dispose]: 1 }),
      () => new DisposableStack().use({ [Symbol.asyncDispose]() {} }), () => new DisposableStack().adopt(1), () => new DisposableStack().defer(),
      ...['use', 'adopt', 'defer', 'move', 'dispose', Symbol.dispose].flatMap((key) => [undefined, {}, DisposableStack.prototype, new AsyncDisposableStack()].map((self) => () => DisposableStack.prototype[key].call(self, null))),
      () => DisposableStack.prototype.disposed,
    ].map(attempt),
    'DisposableStack disposed in itself, and with a prototype of its own': () => logged((log) => {
      const stack = new DisposableStack()
      stack.defer(() => log(stack.disposed, stack.dispose()))
      stack[Symbol.dispose]()
      const odd = Reflect.construct(DisposableStack, [], Object.assign(function () {}, { prototype: 1 }))
      return [Object.getPrototypeOf(odd) === DisposableStack.prototype, Reflect.ownKeys(odd), Object.prototype.toString.call(odd)]
    }),
    'AsyncDisposableStack': async () => {
      const log = []
      const stack = new AsyncDisposableStack()
      stack.use({ async [Symbol.asyncDispose]() { log.push('start'); await null; log.push('end') } })
      stack.use(disposable((name) => log.push(name), 'synchronous'))
      stack.use({ [Symbol.asyncDispose]: undefined, [Symbol.dispose]() { log.push('fallback'); return Promise.reject(new Error('not awaited')).catch(() => {}) } })
      log.push(stack.use(null))
      stack.adopt('value', async (value) => { await null; log.push(value) })
      stack.defer(async () => { throw new RangeError('first') })
      stack.defer(() => { throw new TypeError('second') })
      log.push(stack.disposed)
      const disposing = stack.disposeAsync()
      log.push(stack.disposed, await stack.disposeAsync())
      return [await disposing.then(show, (error) => `threw ${show(error)}`), log]
    },
    'AsyncDisposableStack takes turns': async () => {
      const outcomes = []
      for (const fill of [() => {}, (stack) => stack.use(null), (stack) => { stack.use(null); stack.use(null) }, (stack) => stack.defer(() => {}), (stack) => { stack.use(null); stack.defer(async () => {}) }, (stack) => stack.use({ [Symbol.dispose]() {} }), (stack) => stack.defer(() => { throw 1 })]) {
        const log = []
        const stack = new AsyncDisposableStack()
        fill(stack)
        const ticks = (async () => { for (let i = 0; i < 9; i++) { await null; log.push(i) } })()
        await stack.disposeAsync().catch((error) => log.push('threw', error))
        log.push('done')
        await ticks
        outcomes.push(log)
      }
      return outcomes
    },
    'AsyncDisposableStack refuses': async () => {
      const stack = new AsyncDisposableStack()
      await stack.disposeAsync()
      const rejected = []
      for (const self of [undefined, {}, new DisposableStack()]) rejected.push(await AsyncDisposableStack.prototype.disposeAsync.call(self).then(show, (error) => `threw ${show(error)}`))
      return [rejected, ...[() => stack.use(null), () => stack.adopt(1, () => {}), () => stack.defer(() => {}), () => stack.move(), () => AsyncDisposableStack(), () => new AsyncDisposableStack().use(1), () => new AsyncDisposableStack().use({}), () => new AsyncDisposableStack().use({ [Symbol.asyncDispose]: 1 })].map(attempt)]
    },
    'AsyncDisposableStack moves': async () => {
      const log = []
      const stack = new AsyncDisposableStack()
      stack.defer(() => log.push('deferred'))
      const moved = stack.move()
      log.push(stack.disposed, moved.disposed, Object.getPrototypeOf(moved) === AsyncDisposableStack.prototype)
      await stack[Symbol.asyncDispose]()
      await moved[Symbol.asyncDispose]()
      return log
    },
    'Uint8Array.fromBase64': () => [undefined, 'base64', 'base64url'].flatMap((alphabet) => handlings.map((lastChunkHandling) => all(texts, (text) => Uint8Array.fromBase64(text, { alphabet, lastChunkHandling })))),
    'Uint8Array.prototype.setFromBase64': () => handlings.flatMap((lastChunkHandling) => [0, 2, 7].map((size) => all(texts, (text) => {
      const into = new Uint8Array(size)
      return [attempt(() => into.setFromBase64(text, { lastChunkHandling })), into]
    }))),
    'Uint8Array.prototype.toBase64': () => [undefined, {}, { alphabet: 'base64' }, { alphabet: 'base64url' }, { omitPadding: true }, { alphabet: 'base64url', omitPadding: 1 }].flatMap((options) => [[], [255], [255, 254], [255, 254, 253], [1, 2, 3, 4], Array.from({ length: 256 }, (_, i) => i * 7)].map((values) => bytes(...values).toBase64(options))),
    'base64 options are read in order': () => logged((log) => {
      const options = { get alphabet() { log('alphabet') }, get lastChunkHandling() { log('lastChunkHandling') }, get omitPadding() { log('omitPadding') } }
      return [bytes(1).toBase64(options), Uint8Array.fromBase64('AA', options), bytes(1).setFromBase64('AA', options)]
    }),
    'base64 refuses': () => [
      () => Uint8Array.fromBase64(1), () => Uint8Array.fromBase64(), () => Uint8Array.fromBase64('', null), () => Uint8Array.fromBase64('', 1), () => Uint8Array.fromBase64('', () => {}), () => Uint8Array.fromBase64('', { alphabet: 'other' }), () => Uint8Array.fromBase64('', { alphabet: Object('base64') }),
      () => Uint8Array.fromBase64('', { lastChunkHandling: 'other' }), () => Uint8Array.fromBase64('', { alphabet: '__proto__' }), () => bytes(1).toBase64(null), () => bytes(1).toBase64({ alphabet: 'hex' }), () => bytes(1).setFromBase64(new String('AA')), () => Uint8Array.fromBase64.call(null, 'AA'), () => Uint8Array.fromBase64.call(Array, 'AA'),
      ...['toBase64', 'toHex', 'setFromBase64', 'setFromHex'].flatMap((key) => [undefined, [], new Uint8ClampedArray(1), new Int8Array(1), new DataView(new ArrayBuffer(1)), Uint8Array.prototype].map((self) => () => Uint8Array.prototype[key].call(self, ''))),
    ].map(attempt),
    'base64 of views without a buffer': () => {
      const detached = bytes(1, 2, 3)
      detached.buffer.transfer()
      const buffer = new ArrayBuffer(8, { maxByteLength: 8 })
      const outside = new Uint8Array(buffer, 4, 4)
      const shrunk = new Uint8Array(buffer)
      buffer.resize(2)
      return [detached, outside, shrunk].map((view) => [attempt(() => view.toBase64()), attempt(() => view.toHex()), attempt(() => view.setFromBase64('AAAA')), attempt(() => view.setFromHex('0000')), attempt(() => view.toBase64({ get alphabet() { throw new RangeError('own') } }))])
    },
    'Uint8Array.fromHex and setFromHex': () => [all(hexes, (text) => Uint8Array.fromHex(text)), ...[0, 1, 2, 9].map((size) => all(hexes, (text) => {
      const into = new Uint8Array(size)
      return [attempt(() => into.setFromHex(text)), into]
    }))],
    'Uint8Array.fromHex refuses': () => all([1, undefined, new String('00')], (value) => Uint8Array.fromHex(value)),
    'Uint8Array.prototype.toHex': () => [bytes().toHex(), bytes(...Array(256).keys()).toHex()],
    'Intl.Locale.prototype.variants': () => [...['en', 'de-1996', 'de-Latn-DE-1901-1996-u-co-phonebk', 'sl-rozaj-biske', 'en-US-posix-x-1abc', 'ca-valencia'].map((tag) => Reflect.get(Intl.Locale.prototype, 'variants', new Intl.Locale(tag))), attempt(() => Intl.Locale.prototype.variants)],
    'Temporal with wrong receivers': () => ['Duration', 'Instant', 'PlainDate', 'ZonedDateTime'].flatMap((name) => Reflect.ownKeys(Temporal[name].prototype).filter((key) => key !== 'constructor' && typeof key === 'string').map((key) => attempt(() => {
      const { value, get } = Object.getOwnPropertyDescriptor(Temporal[name].prototype, key)
      return (value ?? get).call({})
    }))),
    'classes without `new`': () => [Temporal.Instant, Float16Array, WebAssembly.Module, WebAssembly.Memory, AsyncDisposableStack].map((Class) => attempt(() => Class())),
    'Date.prototype.toTemporalInstant refuses': () => [attempt(() => Date.prototype.toTemporalInstant.call({})), attempt(() => new Date(NaN).toTemporalInstant())],
    'WebAssembly errors': () => ['CompileError', 'LinkError', 'RuntimeError'].map((name) => {
      const error = new WebAssembly[name]('text', { cause: 7 })
      return [String(error), error.cause, error instanceof WebAssembly[name], error instanceof Error, WebAssembly[name]('text') instanceof WebAssembly[name], Object.prototype.toString.call(error), Reflect.ownKeys(error).filter((key) => key !== 'stack')]
    }),
    'functions are no constructors': () => [Promise.try, Error.isError, Iterator.concat, Map.prototype.getOrInsert, Math.sumPrecise, WebAssembly.compile, DisposableStack.prototype.use, Temporal.Now.instant].map((value) => attempt(() => new value())),
    'functions look native': () => [Promise.try, DisposableStack, WebAssembly.compile].map((value) => /\{\s*\[native code\]\s*\}/.test(Function.prototype.toString.call(value))),
  }

  const outcomes = {}
  for (const [name, run] of Object.entries(cases)) {
    try {
      outcomes[name] = show(await run())
    } catch (error) {
      outcomes[name] = `threw ${show(error)}`
    }
  }
  return outcomes
}

// Everything that there is: attributes, prototypes, and what functions are called.
globalThis.builtinShapes = () => {
  const asyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype))
  const mine = new Set(['lateBehaviour', 'builtinShapes', 'outcomes', 'shapes'])
  const paths = new Map()
  const lines = []
  const text = (value, path) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value)
    if (paths.has(value)) return paths.get(value)
    paths.set(value, path)
    lines.push(`${path} is ${typeof value}, prototype ${text(Object.getPrototypeOf(value), `${path}.__proto__`)}, ${Object.isExtensible(value) ? 'extensible' : 'fixed'}`)
    const names = Object.getOwnPropertyNames(value).toSorted()
    for (const key of [...names, ...Object.getOwnPropertySymbols(value)]) {
      if (path !== 'globalThis' || !mine.has(key)) property(value, key, path)
    }
    return path
  }
  const property = (object, key, path) => {
    const own = Object.getOwnPropertyDescriptor(object, key)
    const full = `${path}.${String(key)}`
    // The one difference: while building, a late class's own prototype is writable.
    const writable = key === 'prototype' ? 'any' : own.writable
    lines.push(`${full}: ${writable} ${own.enumerable} ${own.configurable}`)
    if ('value' in own) lines.push(`${full} = ${text(own.value, full)}`)
    else lines.push(`${full} get ${text(own.get, `get ${full}`)} set ${text(own.set, `set ${full}`)}`)
  }
  text(globalThis, 'globalThis')
  text(asyncIteratorPrototype, 'AsyncIterator.prototype')
  return lines.toSorted()
}
