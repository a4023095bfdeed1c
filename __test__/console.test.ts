import { formatWithOptions, inspect } from 'node:util'
import { runInThisContext } from 'node:vm'
import { ConsoleOpaque, buildSnapshot, createIsolate } from 'isoseed'
import type { ConsoleEntry, CreateIsolateOptions, Isolate } from 'isoseed'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { codeOf, deferred } from './support/rejection.js'

const opened: Isolate[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((isolate) => isolate.dispose()))
  vi.restoreAllMocks()
})

/** An isolate, and what its console says. */
async function open(options: CreateIsolateOptions = {}): Promise<{ isolate: Isolate; entries: ConsoleEntry[] }> {
  const entries: ConsoleEntry[] = []
  const isolate = await createIsolate({ console: (entry) => entries.push(entry), ...options })
  opened.push(isolate)
  return { isolate, entries }
}

/** What the console says of some code. */
async function logged(code: string, options?: CreateIsolateOptions): Promise<ConsoleEntry[]> {
  const { isolate, entries } = await open(options)
  await isolate.eval(`${code}\n;undefined`)
  return entries
}

const texts = async (code: string): Promise<string[]> => (await logged(code)).map(({ text }) => text)

describe('the text is what Node prints for', () => {
  const same = [
    "'plain', 'texts', ''",
    "'%s is %d years and %i, %f', 'Ada', 36, '42px', '1.5'",
    "'%o %O %j %c %% %x', { a: [1] }, { a: { b: { c: { d: 1 } } } }, { a: 1 }, 'css'",
    "'100%', 1",
    '1, -0, NaN, Infinity, 1e21, 5e-324, 12345678901234567890',
    '10n, -5n, 2n ** 200n',
    "undefined, null, true, Symbol('s'), Symbol.iterator",
    "{ a: 1, 'b c': [1, 'two', null, undefined], nested: { deep: { deeper: { deepest: 1 } } } }",
    '[1, , 3], [, ,], [[[[1]]]], []',
    'Array.from({ length: 150 }, (_, i) => i)',
    "'x'.repeat(200), ['y'.repeat(200)]",
    "new Map([['a', { b: 1 }], [{ k: 1 }, new Set([1, 'two'])]]), new Set()",
    'new Date(0), new Date(NaN), /a+b/giu',
    "new Uint8Array([1, 2, 3]), new Float64Array(2), new ArrayBuffer(4), new DataView(new ArrayBuffer(2)), new BigInt64Array(1)",
    "Object(1), Object('text'), Object(true), Object(1n)",
    'function named() {}, () => {}, async () => {}, function* gen() {}, async function* agen() {}, Math.max',
    'class A {}, class B extends Array {}, class {}',
    '{ fn() {}, arrow: () => {}, A: class A {} }',
    'Object.create(null), Object.assign(Object.create(null), { a: 1 })',
    'new (class Point { x = 1; y = { z: 2 } })(), [new (class Empty {})()]',
    "{ get a() { return 1 }, set b(v) {}, get c() { return 1 }, set c(v) {} }",
    "{ [Symbol('key')]: 1, [Symbol.iterator]: 2 }",
    "JSON.parse('{\"__proto__\":1}')",
    '(() => { const a = { name: "a" }; a.self = a; a.list = [a]; return a })()',
    '(() => { const shared = { x: 1 }; return [shared, shared, { shared }] })()',
    "'x-y'.match(/(?<left>x)/)",
    'Object.assign([1], { extra: true })',
    'new Proxy({ a: 1 }, {}), new Proxy([1, 2], {}), new Proxy(function f() {}, {}), new Proxy(new Proxy({ b: 2 }, {}), {})',
    '(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()',
    'new WeakMap(), new WeakSet()',
    'Promise.resolve().constructor === Promise',
    'globalThis === globalThis, Math.PI',
    "'\\ud800 lone', ['\\udfff', '\\n\\t\\0']",
    "'😀'.repeat(3), ['é']",
  ]
  test.each(same.map((code) => [code]))('%s', async (code) => {
    const args = runInThisContext(`[${code}]`) as unknown[]
    expect(await texts(`console.log(${code})`)).toEqual([formatWithOptions({}, ...args)])
  })

  test.each([
    ['a promise', 'new Promise(() => {}), Promise.resolve(1)', 'Promise { <pending> } Promise { <fulfilled> }'],
    ['a generator', '(function* () {})()', '[Generator]'],
    ['an iterator', 'new Map().entries(), [][Symbol.iterator]()', '[MapIterator] Array Iterator {}'],
    ['a module namespace', 'await import("m.js")', 'Module { a: 1 }'],
  ])('%s, more or less', async (_, code, expected) => {
    const { isolate, entries } = await open({ fallback: { bundle: { name: 'm.js', type: 'module', code: 'export const a = 1' } } })
    await isolate.eval({ type: 'module', code: `console.log(${code})`, name: 'x.js' })
    expect(entries.map(({ text }) => text)).toEqual([expected])
  })

  test('an error: its stack, class, causes and other properties', async () => {
    const [entry] = await logged(`
      class Custom extends RangeError {}
      const error = Object.assign(new Custom('outer', { cause: new TypeError('inner', { cause: { deep: 1 } }) }), { code: 'E_X', extra: [1] })
      console.error(error)`)
    expect(entry?.text).toMatch(/^Custom \[RangeError\]: outer\n {4}at eval\.js:3:\d+ \{\n/)
    expect(entry?.text).toMatch(/\n {2}\[cause\]: TypeError: inner\n {6}at eval\.js:3:\d+ \{\n {4}\[cause\]: \{ deep: 1 \}/)
    expect(entry?.text).toContain("code: 'E_X'")
    const error = entry?.args[0] as RangeError & { cause: TypeError }
    expect(Object.getPrototypeOf(error)).toBe(RangeError.prototype)
    expect(error).toMatchObject({ message: 'outer', code: 'E_X', extra: [1] })
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.stack).not.toContain('console-values')
  })

  test('an AggregateError, an error without a stack, one with a name of its own', async () => {
    const [entry] = await logged(`
      const bare = new Error('bare'); delete bare.stack
      console.log(new AggregateError([new Error('a'), 1], 'all').errors.length, bare, Object.assign(new Error('x'), { name: 'Mine' }))
      `)
    expect(entry?.text).toMatch(/^2 \[Error: bare\] Mine: x\n|^2 Error: bare .*\n?Mine: x/s)
  })
})

describe('methods', () => {
  const levels = { debug: 'debug', log: 'log', info: 'info', warn: 'warn', error: 'error', trace: 'trace', dir: 'log', dirxml: 'log', table: 'log', group: 'log', groupCollapsed: 'log', count: 'log' }
  test.each(Object.entries(levels))('%s has the level %s', async (method, level) => {
    const [entry] = await logged(`console.${method}('text')`)
    expect(entry).toMatchObject({ method, level, depth: 0 })
    expect(Math.abs((entry?.time ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  test('group, groupCollapsed and groupEnd say how deep an entry is', async () => {
    const entries = await logged("console.log(0); console.group('a'); console.log(1); console.groupCollapsed('b', 1); console.log(2); console.groupEnd(); console.group(); console.log(2); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log(0)")
    expect(entries.map(({ depth, text }) => [depth, text])).toEqual([[0, '0'], [0, 'a'], [1, '1'], [1, 'b 1'], [2, '2'], [2, '2'], [0, '0']])
  })

  test('assert says nothing when it holds', async () => {
    const entries = await logged("console.assert(true, 'no'); console.assert({}); console.assert(0, 'yes %s', 1); console.assert(); console.assert(null, { a: 1 })")
    expect(entries.map(({ level, text }) => [level, text])).toEqual([['error', 'Assertion failed: yes 1'], ['error', 'Assertion failed'], ['error', 'Assertion failed { a: 1 }']])
  })

  test('count and countReset', async () => {
    expect(await texts("console.count(); console.count('x'); console.count(undefined); console.count('default'); console.countReset(); console.count(); console.countReset('never'); console.count({ toString() { throw 1 } }); console.count(7)")).toEqual([
      'default: 1', 'x: 1', 'default: 2', 'default: 3', 'default: 1', "Count for 'never' does not exist", '[object Object]: 1', '7: 1',
    ])
  })

  test('time, timeLog and timeEnd', async () => {
    const found = await texts("console.time(); console.timeLog('default', { a: 1 }); console.time(); console.timeEnd(); console.timeEnd(); console.timeLog('never')")
    expect(found).toEqual([
      expect.stringMatching(/^default: [\d.]+ms \{ a: 1 \}$/), "Label 'default' already exists for console.time()", expect.stringMatching(/^default: [\d.]+ms$/),
      "No such label 'default' for console.timeEnd()", "No such label 'never' for console.timeLog()",
    ])
  })

  test('no more labels are kept than a thousand', async () => {
    const entries = await logged("for (let i = 0; i < 1002; i++) { console.count('c' + i); console.time('t' + i) } console.count('c0'); console.timeEnd('t0')")
    expect(entries.filter(({ level }) => level === 'warn').map(({ text }) => text)).toEqual(['1000', '1001'].flatMap((n) => [
      `console.count() keeps no more than 1000 labels, 'c${n}' is not one of them`, `console.time() keeps no more than 1000 labels, 't${n}' is not one of them`,
    ]))
    expect(entries.at(-2)?.text).toBe('c0: 2')
  })

  test('trace tells where it was called', async () => {
    const [entry] = await logged('function inner() {\n  console.trace("why", 1)\n}\n[1].forEach(inner)')
    expect(entry?.stack).toBe('    at inner (eval.js:2:11)\n    at eval.js:4:5')
    expect(entry?.text).toBe(`Trace: why 1\n${entry?.stack}`)
  })

  test('table is a table, dir goes as deep as it is told', async () => {
    expect(await texts("console.table([{ a: 1, b: 2 }, { a: 3 }]); console.table([{ a: 1, b: 2 }], ['b']); console.table(7); console.dir({ a: { b: { c: { d: { e: 1 } } } } }); console.dir({ a: { b: 1 } }, { depth: 0 }); console.dir({ a: { b: { c: { d: { e: 1 } } } } }, { depth: null })")).toEqual([
      '┌─────────┬───┬───┐\n│ (index) │ a │ b │\n├─────────┼───┼───┤\n│ 0       │ 1 │ 2 │\n│ 1       │ 3 │   │\n└─────────┴───┴───┘',
      '┌─────────┬───┐\n│ (index) │ b │\n├─────────┼───┤\n│ 0       │ 2 │\n└─────────┴───┘',
      '7', '{ a: { b: { c: [Object] } } }', '{ a: [Object] }', inspect({ a: { b: { c: { d: { e: 1 } } } } }, { depth: 12 }),
    ])
  })

  test('look like V8\'s own', async () => {
    const look = 'Object.getOwnPropertyNames(console).map((name) => { const { value, ...attributes } = Object.getOwnPropertyDescriptor(console, name); return [name, typeof value, value.name, value.length, Object.hasOwn(value, "prototype"), attributes] })'
    const [silent, heard] = [await createIsolate(), (await open()).isolate]
    opened.push(silent)
    expect(await heard.eval(look)).toEqual(await silent.eval(look))
    await expect(heard.eval('new console.log()')).rejects.toThrow('not a constructor')
    expect(await heard.eval('[console.log(1), String(console), console.log.toString()]')).toEqual([undefined, '[object console]', 'function log() { [native code] }'])
  })
})

describe('arguments', () => {
  test('are copies; what can\'t cross says what it is', async () => {
    const [entry] = await logged(`
      class Point { x = 1 }
      const shared = { own: [1, , 3] }
      console.log(shared, { shared, map: new Map([[1, new Set(['a'])]]), date: new Date(5), none: undefined, bytes: new Uint8Array([1, 2]), big: 7n, pattern: /a/g }, new Point(), { fn() {}, symbol: Symbol('s') }, () => {}, Object.create(null))`)
    const [shared, all, point, opaque, fn, bare] = entry!.args as [object, Record<string, unknown>, object, Record<string, unknown>, unknown, object]
    // oxlint-disable-next-line unicorn/new-for-builtins, no-sparse-arrays -- what was sent
    expect(shared).toStrictEqual({ own: [1, , 3] })
    expect(all.shared).toBe(shared)
    expect(all).toStrictEqual({ shared, map: new Map([[1, new Set(['a'])]]), date: new Date(5), none: undefined, bytes: new Uint8Array([1, 2]), big: 7n, pattern: /a/g })
    for (const object of [point, bare]) expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect(point).toStrictEqual({ x: 1 })
    expect(fn).toBeInstanceOf(ConsoleOpaque)
    expect([String(fn), JSON.stringify(opaque), inspect(opaque.symbol)]).toEqual(['[Function (anonymous)]', '{"fn":"[Function: fn]","symbol":"Symbol(s)"}', 'Symbol(s)'])
    // A log entry can be stored.
    expect(() => structuredClone({ ...entry, args: [shared, all, point] })).not.toThrow()
  })

  test('run no code of the guest', async () => {
    const entries = await logged(`
      let ran = 0
      const trap = () => { ran++; throw new Error('trap') }
      const traps = Object.fromEntries(['get', 'set', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'apply', 'construct'].map((name) => [name, trap]))
      class Foo { static get name() { return trap() } get [Symbol.toStringTag]() { return trap() } toJSON() { trap() } toString() { trap() } valueOf() { trap() } [Symbol.toPrimitive]() { trap() } }
      Object.defineProperty(Foo.prototype, 'constructor', { get: trap })
      const values = [new Proxy({ a: 1 }, traps), new Proxy(class {}, traps), new Foo(), Foo, [1, , , , , , 2], { get x() { return trap() } }, Object.defineProperty(new Error('e'), 'stack', { get: trap }), Object.defineProperty(new Map(), 'size', { get: trap }), Object.create({ get value() { return trap() } })]
      const getter = { get: trap, configurable: true, __proto__: null }
      for (const [object, key] of [[Array.prototype, 5], [Object.prototype, 'set'], [Object.prototype, 'value'], [Object.prototype, 'get']]) Object.defineProperty(object, key, getter)
      const { log } = console, { apply } = Reflect
      apply(log, console, values)
      delete Object.prototype.value; delete Object.prototype.get; delete Object.prototype.set; delete Array.prototype[5]
      console.log(ran)`)
    expect(entries.map(({ text }) => text).at(-1)).toBe('0')
    expect(entries).toHaveLength(2)
  })

  test('that print as they like in Node do not on the host', async () => {
    const custom = "Symbol.for('nodejs.util.inspect.custom')"
    const [entry] = await logged(`console.log({ [${custom}]: () => 'mine', a: 1 }, { [${custom}]: 1 }); console.log('%s', { toString: 1 })`)
    expect(entry?.text).toBe('{\n  a: 1,\n  [Symbol(nodejs.util.inspect.custom)]: [Function: [nodejs.util.inspect.custom]]\n} { [Symbol(nodejs.util.inspect.custom)]: 1 }')
  })

  test('pollute nothing', async () => {
    const entries = await logged("console.log(JSON.parse('{\"__proto__\":{\"polluted\":1},\"constructor\":{\"prototype\":{\"polluted\":1}}}'), new Map([['__proto__', 1]]), Object.assign([], { __proto__: null, length: 3 }))")
    expect(entries).toHaveLength(1)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(Object.getOwnPropertyNames(entries[0]?.args[0])).toEqual(['__proto__', 'constructor'])
  })

  test.each([
    ['%d of what is no number', "'%d', { valueOf: 1, toString: 2 }"],
    ['%s of what has no text', "'%s', { toString: 1 }"],
    ['%j of a bigint', "'%j', { a: 1n }"],
    ['%i of a text that throws', "'%i', { toString() { throw new Error('mine') } }"],
  ])('are printed all the same: %s', async (_, code) => {
    expect(await logged(`console.log(${code})`)).toHaveLength(1)
  })

  test('of any size are cut to a bounded entry', async () => {
    const entries = await logged(`
      console.log('x'.repeat(1e6)); console.log('y'.repeat(3e6)); console.log(new Array(1e6).fill(7)); console.log(new Uint8Array(1e6)); console.log(1n << 100000n)
      console.log(Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ['key' + i, { i }]))); console.log(new Map(Array.from({ length: 5e3 }, (_, i) => [i, i])))
      console.log(...Array.from({ length: 3e4 }, (_, i) => 'argument ' + i)); console.log(new Array(4294967295)); console.log(Object.fromEntries([['k'.repeat(1e5), 1]]))
      let deep = {}; for (let i = 0; i < 1e5; i++) deep = { deep }; console.log(deep)
      let list = []; for (let i = 0; i < 1e5; i++) list = [list]; console.log(list)
      let error; for (let i = 0; i < 1e4; i++) error = new Error('e'.repeat(1000), { cause: error }); console.log(error)`)
    expect(entries).toHaveLength(13)
    for (const { text, args } of entries) {
      expect(text.length).toBeLessThan(200_000)
      expect(JSON.stringify(args)?.length ?? 0).toBeLessThan(200_000)
    }
    expect(entries[0]?.text).toMatch(/^x{16384}\.\.\. 983616 more characters$/)
    expect(entries[1]?.text).toBe('(a text of 3000000 characters)')
    expect((entries[2]!.args[0] as unknown[]).length).toBe(1001)
    expect(String((entries[2]!.args[0] as unknown[]).at(-1))).toBe('... 999000 more items')
    expect(entries[3]?.text).toBe('[Uint8Array of 1000000 bytes]')
    expect(entries[4]?.text).toBe('[BigInt of 100032 bits]')
  })
})

describe('a small graph that is endless when it is written out', () => {
  const graph = 'const level = (below) => Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ["k" + i, below])); let graph = 1; for (let i = 0; i < 12; i++) graph = level(graph)'
  const wide = 'const table = Array.from({ length: 1000 }, (_, i) => ({ ["column" + i]: i }))'
  test.each(['log(graph)', 'log(graph, graph)', 'log("%o %O", graph, graph)', 'log("%j", graph)', 'dir(graph, { depth: null })', 'table(graph)', 'error(new Error("x", { cause: graph }))', 'trace(graph)', 'assert(false, graph)', 'log(new Map([[graph, graph]]), [graph, [graph, graph]])'])('is shown less deep: %s', async (call) => {
    const started = performance.now()
    const [entry] = await logged(`${graph}; console.${call}`)
    expect(entry?.text.length).toBeLessThan(500_000)
    expect(performance.now() - started).toBeLessThan(3000)
  })

  test('is no table', async () => {
    const [entry] = await logged(`${wide}; console.table(table)`)
    expect(entry?.text).toMatch(/^\[\n {2}\{ column0: 0 \}/)
  })

  test('is no reason to hang for who tells of a rejection', async () => {
    const entries = await logged(`${graph}; Promise.reject(graph); Promise.reject(new Error("x", { cause: graph }))`)
    expect(entries).toHaveLength(2)
    for (const { text } of entries) expect(text.length).toBeLessThan(500_000)
  })
})

describe('what a bundle captured while its snapshot was built', () => {
  const bundle = `
    const { log } = console, { warn } = globalThis.console, all = console
    const bound = console.error.bind(console, 'bound')
    console.log('while building'); console.group(); console.count('built'); console.time('built'); console.assert(false)
    globalThis.say = (...args) => { log('log', ...args); warn('warn', ...args); bound(...args); all.info('info'); console.count('built') }`

  test('writes to each session\'s own sink, and nothing while building', async () => {
    const snapshot = await buildSnapshot({ bundle })
    const sessions = await Promise.all([1, 2].map(() => open({ snapshot })))
    for (const [index, { isolate }] of sessions.entries()) await isolate.call('say', [{ index }])
    for (const [index, { entries }] of sessions.entries()) {
      expect(entries.map(({ level, depth, text }) => [level, depth, text])).toEqual([
        ['log', 0, `log { index: ${index} }`], ['warn', 0, `warn { index: ${index} }`], ['error', 0, `bound { index: ${index} }`], ['info', 0, 'info'], ['log', 0, 'built: 1'],
      ])
    }
    await using silent = await createIsolate({ snapshot })
    await silent.call('say', [1])
    expect((await silent.stats()).consoleEntries).toBe(0)
  })

  test('does so from a snapshot on top of another, from one that was saved, and from a warm one', async () => {
    const base = await buildSnapshot({ bundle })
    const upper = await buildSnapshot({ base, bundle: 'const { log: again } = console; globalThis.both = () => { say(1); again("upper") }', warmup: 'both()' })
    await upper.prewarm(1)
    for (const snapshot of [upper, upper.bytes()]) {
      const { isolate, entries } = await open({ snapshot })
      await isolate.call('both')
      expect(entries.map(({ text }) => text)).toEqual(['log 1', 'warn 1', 'bound 1', 'info', 'built: 1', 'upper'])
    }
    await upper.prewarm(0)
  })

  test('is heard from a fallback, too, and from a console that the bundle replaced', async () => {
    const { isolate, entries } = await open({ fallback: { bundle: 'const { log } = console; globalThis.console = { log: (text) => log("mine:", text) }; console.log("start")' } })
    await isolate.eval('console.log("later")')
    expect(entries.map(({ text }) => text)).toEqual(['mine: start', 'mine: later'])
  })
})

describe('a debugger', () => {
  test.each([['with', true], ['without', false]])('hears of the console as well, from captured methods, too, %s a sink', async (_, hasSink) => {
    const snapshot = await buildSnapshot({ bundle: 'const { log } = console; globalThis.say = (...args) => log(...args)' })
    const { isolate, entries } = await open({ snapshot, ...(hasSink ? {} : { console: 'ignore' }) })
    await using inspector = await isolate.inspect()
    const socket = new WebSocket(inspector.url)
    const called: unknown[] = []
    const [enabled, all] = [deferred(), deferred()]
    socket.on('message', (message: Buffer) => {
      const { id, method, params } = JSON.parse(message.toString()) as { id?: number; method?: string; params: { type: string; args: { value?: unknown }[]; stackTrace: { callFrames: { url: string }[] } } }
      if (id === 1) enabled.resolve()
      if (method !== 'Runtime.consoleAPICalled') return
      called.push([params.type, ...params.args.map(({ value }) => value), params.stackTrace.callFrames[0]?.url])
      if (called.length === 3) all.resolve()
    })
    await new Promise((resolve) => { socket.once('open', resolve) })
    socket.send(JSON.stringify({ id: 1, method: 'Runtime.enable' }))
    await enabled.promise
    await isolate.eval('console.warn("a", 1); say("b"); console.group("c"); 1')
    await all.promise
    socket.close()
    expect(called).toEqual([['warning', 'a', 1, 'eval.js'], ['log', 'b', 'bundle.js'], ['startGroup', 'c', 'eval.js']])
    expect(entries.map(({ text }) => text)).toEqual(hasSink ? ['a 1', 'b', 'c'] : [])
  })
})

describe('the sink', () => {
  test('hears what was logged before a call settles, in order, also of one that fails', async () => {
    const { isolate, entries } = await open({ bindings: { later: async () => 1 } })
    for (const code of ['console.log(1); 1', '(async () => { console.log(2); await later(); console.log(3) })()', 'console.log(4); throw 1', 'console.log(5); for (;;);']) {
      await isolate.eval(code, { timeoutMs: 100 }).catch(() => undefined)
    }
    expect(entries.map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5'])
  })

  test('hears a running guest', async () => {
    const heard = deferred<string>()
    await using isolate = await createIsolate({ console: ({ text }) => heard.resolve(text) })
    const ended = codeOf(isolate.eval('console.log("running"); for (;;);', { timeoutMs: 10_000 }))
    expect(await heard.promise).toBe('running')
    await isolate.dispose()
    expect(await ended).toBe('ERR_DISPOSED')
  })

  test('may be a session\'s own global or binding', async () => {
    const { isolate, entries } = await open({ bindings: { console: { log: (text: string) => `host ${text}` } } })
    expect(await isolate.eval('console.log("x")')).toBe('host x')
    expect(entries).toEqual([])
  })

  test('that throws makes the host\'s own uncaught exception, and hears the next entry', async () => {
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const seen = deferred()
    process.on('uncaughtException', (error) => { if (uncaught.push(error) === 2) seen.resolve() })
    try {
      const heard: string[] = []
      await using isolate = await createIsolate({ console: ({ text }) => { heard.push(text); throw new Error(`sink ${text}`) } })
      expect(await isolate.eval('console.log(1); console.log(2); 3')).toBe(3)
      await seen.promise
      expect(heard).toEqual(['1', '2'])
      expect(uncaught).toEqual([new Error('sink 1'), new Error('sink 2')])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  test.each(['debug', 'log', 'info', 'warn', 'error'] as const)('"inherit" prints with the host\'s console.%s, indented', async (method) => {
    const printed = vi.spyOn(console, method).mockImplementation(() => {})
    await using isolate = await createIsolate({ console: 'inherit' })
    await isolate.eval(`console.group(); console.${method}('%s, %s', 'a\\nb', '100%'); 1`)
    expect(printed.mock.calls).toEqual([['%s', '  a\n  b, 100%']])
  })

  test('"inherit" prints a trace as Node does: as an error', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using isolate = await createIsolate({ console: 'inherit' })
    await isolate.eval('console.trace("here"); 1')
    expect(printed.mock.calls).toEqual([['%s', 'Trace: here\n    at eval.js:1:9']])
  })

  test.each([['text', '"text"'], [null, 'null'], [true, 'true'], [{}, '{}']])('%j is refused at once', (console, shown) => {
    expect(() => createIsolate({ console: console as never })).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: `createIsolate: console must be "ignore", "inherit" or a function, got ${shown}` }))
  })
})

describe('a guest that logs without end', () => {
  test('waits for its host: nothing is lost', async () => {
    const { isolate, entries } = await open()
    await isolate.eval('for (let i = 0; i < 20000; i++) console.log(i); 1', { timeoutMs: 60_000 })
    expect(entries).toHaveLength(20_000)
    expect(entries.every(({ text }, index) => text === String(index))).toBe(true)
    expect((await isolate.stats()).consoleEntries).toBe(20_000)
  })

  test('waits within its own deadline, and the isolate goes on', async () => {
    const { isolate, entries } = await open()
    await expect(isolate.eval('for (let i = 0;; i++) console.log("x".repeat(10000))', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(await isolate.eval('40 + 2')).toBe(42)
    expect(entries.length).toBeGreaterThan(100)
  })

  test('leaves the host\'s event loop time for other work', async () => {
    const { isolate } = await open()
    const ended = codeOf(isolate.eval('for (;;) console.log({ a: [1, 2, 3] })', { timeoutMs: 60_000 }))
    for (let turn = 0; turn < 20; turn++) {
      const started = performance.now()
      await new Promise((resolve) => { setTimeout(resolve, 1) })
      expect(performance.now() - started).toBeLessThan(1000)
    }
    await isolate.dispose()
    expect(await ended).toBe('ERR_DISPOSED')
  })

  test('goes on when the host is busy for long: what is dropped is counted in its place', async () => {
    const entries: ConsoleEntry[] = []
    const told = deferred()
    await using isolate = await createIsolate({
      console: (entry) => {
        // Nothing of the event loop runs meanwhile.
        if (entries.push(entry) === 1) for (const until = performance.now() + 2500; performance.now() < until;);
        if (entry.dropped !== undefined) told.resolve()
      },
    })
    expect(await isolate.eval('for (let i = 0; i < 3000; i++) console.log(i); "done"')).toBe('done')
    await told.promise
    await isolate.eval('console.log("later"); 1')
    const dropped = entries.filter((entry) => entry.dropped !== undefined)
    expect(dropped.map((entry) => entry.dropped)).toEqual([3000 - 512])
    expect(entries).toHaveLength(512 + 1 + 1)
    expect(entries[512]).toMatchObject({ level: 'warn', text: `${3000 - 512} console entries were dropped: the host took none for a second` })
    expect(entries[513]?.text).toBe('later')
  })
})
