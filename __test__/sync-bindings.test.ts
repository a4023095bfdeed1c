import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate, Snapshot } from 'isoseed'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from './support/rejection.js'

const opened: Isolate[] = []

async function open(bindings: CreateIsolateOptions['bindings'], options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate({ ...options, bindings: bindings! })
  opened.push(isolate)
  return isolate
}

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

const sync = (fn: (...args: any[]) => unknown) => ({ sync: true as const, fn })

describe('the guest gets', () => {
  const bindings = {
    add: sync((a: number, b: number) => a + b),
    later: sync(async (value: unknown) => {
      await new Promise(setImmediate)
      return value
    }),
    nothing: sync(() => {}),
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    thenable: sync(() => ({ then: (resolve: (value: unknown) => void) => resolve('thenable') })),
    db: { deep: { get: sync((key: string) => `value of ${key}`) }, plain: () => 'promised' },
    // A group of functions may be called `sync`, too.
    fs: { sync: { read: sync(() => 'read') }, fn: () => 1 },
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    then: sync(() => 'then'),
    constructor: sync(() => 'constructor'),
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    object: { toString: sync(() => 'toString'), constructor: sync(() => 'own'), then: sync((resolve: unknown) => typeof resolve) },
  }

  test.each([
    ['add(1, 2)', 3],
    ['[add(1, 2), add(3, 4)]', [3, 7]],
    ['later({ a: [1] })', { a: [1] }],
    ['[nothing()]', [undefined]],
    ['thenable()', 'thenable'],
    ['db.deep.get("k")', 'value of k'],
    ['db.plain() instanceof Promise', true],
    ['fs.sync.read()', 'read'],
    ['add.name', 'add'],
    ['[3, 1, 2].sort((a, b) => add(a, -b))', [1, 2, 3]],
    ['JSON.stringify({ toJSON: () => later("j") })', '"j"'],
    ['({ get got() { return later("from a getter that the serializer runs") } })', { got: 'from a getter that the serializer runs' }],
    ['(async () => { await 1; return later("after an await") })()', 'after an await'],
    ['[then(), constructor(), object.toString(), object.constructor()]', ['then', 'constructor', 'toString', 'own']],
    ['try { new add() } catch (error) { error.name }', 'TypeError'],
    ['try { add(Symbol()) } catch (error) { error.name + ": " + error.message }', "TypeError: add arguments[0] can't be cloned: a symbol"],
  ])('%s', async (code, expected) => {
    const isolate = await open(bindings)
    expect(await isolate.eval(code)).toEqual(expected)
  })

  test('the host called with the binding itself as `this`', async () => {
    const binding = { sync: true as const, fn(this: unknown) { return this === binding } }
    expect(await (await open({ binding })).eval('binding()')).toBe(true)
  })

  test('an answer while the host, and other isolates, go on', async () => {
    const answer = deferred<string>()
    const asked = deferred()
    const isolate = await open({ ask: sync(() => { asked.resolve(); return answer.promise }) })
    const other = await open({})
    const asking = isolate.eval('ask()')
    await asked.promise
    expect(await other.eval('1 + 1')).toBe(2)
    answer.resolve('late')
    expect(await asking).toBe('late')
  })
})

describe('an error of the host', () => {
  class Custom extends RangeError {
    override name = 'Custom'
    code = 'E_CUSTOM'
  }
  const throwing = (make: () => unknown) => ({ throws: sync(() => { throw make() }), rejects: sync(() => Promise.reject(make())) })

  test.each<[string, () => unknown, string, unknown]>([
    ['a TypeError', () => new TypeError('text'), '[error instanceof TypeError, error.name, error.message]', [true, 'TypeError', 'text']],
    ['one of a class of its own', () => new Custom('text'), '[error instanceof RangeError, error.name, error.code]', [true, 'Custom', 'E_CUSTOM']],
    ['one with causes', () => new Error('outer', { cause: new TypeError('inner') }), '[error.cause instanceof TypeError, error.cause.message]', [true, 'inner']],
    ['a DOMException', () => new DOMException('text', 'DataCloneError'), '[error instanceof Error, error.name]', [true, 'DataCloneError']],
    ['a string', () => 'text', 'error', 'text'],
    ['undefined', () => undefined, 'error', undefined],
    ['a symbol', () => Symbol('s'), '[error instanceof Error, error.code]', [true, 'ERR_DATA_CLONE']],
  ])('%s is thrown where the guest called', async (_, make, look, expected) => {
    const isolate = await open(throwing(make))
    for (const name of ['throws', 'rejects']) {
      expect(await isolate.eval(`try { ${name}(); 'returned' } catch (error) { ${look} }`)).toEqual(expected)
    }
  })

  test('shows nothing of the host', async () => {
    const isolate = await open(throwing(() => new Error('text')))
    const stack = await isolate.eval<string>('try { throws() } catch (error) { error.stack }')
    expect(stack).toMatch(/text/)
    expect(stack).not.toMatch(/sync-bindings|node:|index\.js|\//)
  })

  test('that the guest does not catch is a GuestError', async () => {
    const isolate = await open(throwing(() => Object.assign(new RangeError('text'), { code: 'E_HOST' })))
    expect(await rejection(isolate.eval('throws()'))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'text', guestCode: 'E_HOST' })
  })

  test('a result that can not cross names the binding and the path', async () => {
    const isolate = await open({ db: { get: sync(() => ({ rows: [{ cursor: Symbol('s') }] })) } })
    expect(await isolate.eval('try { db.get() } catch (error) { [error.code, error.message] }')).toEqual(['ERR_DATA_CLONE', expect.stringContaining('db.get().rows[0].cursor')])
  })
})

describe('a wait for the host ends', () => {
  const code = `
    globalThis.went = []
    try { ask(); went.push('returned') } catch { went.push('caught') } finally { went.push('finally') }
    went.push('after')`

  test('with the deadline, and no more of the guest runs', async () => {
    const isolate = await open({ ask: sync(() => new Promise(() => {})) })
    expect(await codeOf(isolate.eval(code, { timeoutMs: 50 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('went')).toEqual([])
    expect(await codeOf(isolate.eval('Promise.resolve().then(ask)', { timeoutMs: 50 }))).toBe('ERR_TIMEOUT')
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('with the deadline of what the guest does on its own account', async () => {
    const asked = deferred()
    const isolate = await open({ ask: sync(() => { asked.resolve(); return new Promise(() => {}) }), later: async () => {} }, { timeoutMs: 100 })
    await isolate.eval('later().then(ask); 1')
    await asked.promise
    expect(await isolate.eval('40 + 2', { timeoutMs: 5000 })).toBe(42)
  })

  test('with an abort, and the host\'s late answer goes nowhere', async () => {
    const asked = deferred()
    const answer = deferred<string>()
    const isolate = await open({ ask: sync(() => { asked.resolve(); return answer.promise }), now: sync(() => 'now') })
    const controller = new AbortController()
    const asking = rejection(isolate.eval(code, { signal: controller.signal }))
    await asked.promise
    controller.abort(new Error('enough'))
    expect((await asking).message).toBe('enough')
    answer.resolve('late')
    expect(await isolate.eval('[went.length, now()]')).toEqual([0, 'now'])
  })

  test('with dispose, also by the host function itself', async () => {
    const asked = deferred()
    const isolate = await open({ ask: sync(() => { asked.resolve(); return new Promise(() => {}) }) })
    const asking = codeOf(isolate.eval('ask()'))
    await asked.promise
    await isolate.dispose()
    expect(await asking).toBe('ERR_DISPOSED')

    const own: Isolate = await open({ end: sync(async () => { await own.dispose() }) })
    expect(await codeOf(own.eval('end()'))).toBe('ERR_DISPOSED')
  })

  test('long before a second is over, so that the isolate is not given up for lost', async () => {
    const isolate = await open({ ask: sync(() => new Promise(() => {})) })
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now()
      expect(await codeOf(isolate.eval('ask()', { timeoutMs: 20 }))).toBe('ERR_TIMEOUT')
      expect(performance.now() - started).toBeLessThan(900)
    }
    expect(await isolate.eval('1')).toBe(1)
  })
})

describe('a host function calls its own isolate again', () => {
  test('by eval, call, api and stats, while the guest waits for it', async () => {
    const isolate: Isolate = await open({
      ask: sync(async (n: number) => {
        await new Promise(setImmediate)
        const [a, b, c] = [await isolate.eval<number>('outer + 1'), await isolate.call<number>('twice', [n]), (await isolate.api.twice(n + 1)) as number]
        return [a, b, c, (await isolate.stats()).calls > 1]
      }),
    })
    expect(await isolate.eval('globalThis.outer = 10; globalThis.twice = (n) => 2 * n; ask(4)')).toEqual([11, 8, 10, true])
  })

  test('deeply, and too deeply is an error of the guest', async () => {
    const isolate: Isolate = await open({ down: sync((n: number) => (n === 0 ? 'bottom' : isolate.call('step', [n - 1]))) })
    await isolate.eval('globalThis.step = (n) => down(n); 1')
    expect(await isolate.call('step', [60])).toBe('bottom')
    expect(await rejection(isolate.call('step', [70]))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: expect.stringContaining('64') })
    // Each level on top of as much of the guest's own stack as it can have.
    await isolate.eval('globalThis.step = (n) => { const deeper = (d) => d === 0 ? down(n) : deeper(d - 1); return deeper(2000) }; 1')
    expect(await codeOf(isolate.call('step', [60]))).toBe('ERR_GUEST')
    expect(await isolate.eval('40 + 2')).toBe(42)
  })

  test('which may await an asynchronous binding, and that may call again', async () => {
    const isolate: Isolate = await open({
      ask: sync(() => isolate.call('inner', [1])),
      later: async (n: number) => {
        await new Promise(setImmediate)
        return isolate.call('twice', [n])
      },
    })
    const code = 'globalThis.twice = (n) => 2 * n; globalThis.inner = async (n) => (await later(n)) + (await later(10)); [ask(), twice(3)]'
    expect(await isolate.eval(code)).toEqual([22, 6])
  })

  test('with what the guest had begun to wait for', async () => {
    const isolate: Isolate = await open({ ask: sync(() => isolate.eval('begun')), later: async () => 'brought' })
    expect(await isolate.eval('globalThis.begun = later(); ask()')).toBe('brought')
  })

  test('through another isolate', async () => {
    const a: Isolate = await open({ toB: sync((n: number) => b.call('there', [n])) })
    const b: Isolate = await open({ toA: sync((n: number) => a.call('back', [n])) })
    await b.eval('globalThis.there = (n) => toA(n + 1); 1')
    expect(await a.eval('globalThis.back = (n) => n * 2; toB(20)')).toBe(42)
  })

  test('and what it does not wait for has run when it answers; what it calls later waits for the guest', async () => {
    let left: Promise<unknown>[] = []
    const isolate: Isolate = await open({
      ask: sync(() => {
        const afterwards = new Promise(setImmediate).then(() => isolate.eval('order.push("afterwards"); order'))
        left = [isolate.eval('order.push("within"); 1'), afterwards]
      }),
      settle: sync(() => new Promise((resolve) => setTimeout(resolve, 50, 1))),
    })
    expect(await isolate.eval('globalThis.order = []; ask(); settle(); order.push("first"); order')).toEqual(['within', 'first'])
    expect(await left[1]).toEqual(['within', 'first', 'afterwards'])
  })

  test('while calls of others wait in their order', async () => {
    const asked = deferred()
    const answer = deferred<number>()
    const isolate: Isolate = await open({ ask: sync(async () => { asked.resolve(); await answer.promise; return isolate.eval('order.push("nested"); 1') }) })
    const outer = isolate.eval('globalThis.order = []; ask(); order.push("outer"); 1')
    await asked.promise
    const others = ['a', 'b'].map((name) => isolate.eval(`order.push("${name}"); 1`))
    answer.resolve(1)
    await Promise.all([outer, ...others])
    expect(await isolate.eval('order')).toEqual(['nested', 'outer', 'a', 'b'])
  })

  test('after an await of the guest: what is done at once is, what waits for a promise fails clearly', async () => {
    const isolate: Isolate = await open({
      plain: sync(() => isolate.call('plainly', [])),
      settled: sync(() => isolate.eval('(async () => 2)()')),
      waiting: sync(() => isolate.call('waits', [])),
    })
    await isolate.eval('globalThis.plainly = () => 1; globalThis.waits = async () => { await 1; return 3 }; 1')
    expect(await isolate.eval('(async () => { await 0; return [plain(), settled()] })()')).toEqual([1, 2])
    expect(await isolate.eval('(async () => { await 0; try { return waiting() } catch (error) { return [error.name, error.code] } })()')).toEqual(['IsoseedError', 'ERR_NESTED_CALL'])
    // Outside of a reaction it can wait.
    expect(await isolate.eval('waiting()')).toBe(3)
  })

  test('and the guest\'s errors come back through both', async () => {
    const isolate: Isolate = await open({ ask: sync(() => isolate.eval('null.x')) })
    expect(await isolate.eval('try { ask() } catch (error) { [error instanceof Error, error.name, error.code] }')).toEqual([true, 'TypeError', 'ERR_GUEST'])
  })

  test('each call with its own deadline: the inner one\'s leaves the outer one going', async () => {
    const isolate: Isolate = await open({ ask: sync((code: string) => isolate.eval(code, { timeoutMs: 50 }).catch((error: { code: string }) => error.code)) })
    for (const endless of ['for (;;);', 'new Promise(() => {})', 'Promise.resolve().then(() => { for (;;); })', '({ get a() { for (;;); } })', 'try { for (;;); } finally { for (;;); }']) {
      expect(await isolate.eval(`const got = ask(${JSON.stringify(endless)}); got + "!"`.replace('const', 'var'))).toBe('ERR_TIMEOUT!')
    }
  })

  test('the outer one\'s deadline ends the inner call, too', async () => {
    const inner: string[] = []
    const ended = deferred()
    const isolate: Isolate = await open({ ask: sync(() => isolate.eval('for (;;);').catch((error: { code: string }) => { inner.push(error.code); ended.resolve() })) })
    expect(await codeOf(isolate.eval('ask(); globalThis.after = 1', { timeoutMs: 100 }))).toBe('ERR_TIMEOUT')
    await ended.promise
    expect(inner).toEqual(['ERR_NESTED_CALL'])
    expect(await isolate.eval('typeof after')).toBe('undefined')
  })

  test('so does its abort, and dispose', async () => {
    for (const [end, innerCode] of [['abort', 'ERR_NESTED_CALL'], ['dispose', 'ERR_DISPOSED']] as const) {
      const running = deferred()
      const ended = deferred<string>()
      const isolate: Isolate = await open({
        ask: sync(() => isolate.eval('running(); for (;;);').catch((error: { code: string }) => ended.resolve(error.code))),
        running: () => running.resolve(),
      })
      const controller = new AbortController()
      const outer = rejection(isolate.eval('ask()', { signal: controller.signal }))
      await running.promise
      if (end === 'abort') controller.abort()
      else await isolate.dispose()
      await outer
      expect(await ended.promise).toBe(innerCode)
    }
  })

  test('a memory limit that the inner call passes ends both with its code', async () => {
    const codes: string[] = []
    const isolate: Isolate = await open(
      { ask: sync(() => isolate.eval('const a = []; for (;;) a.push(new Array(1e5).fill({}))').catch((error: { code: string }) => codes.push(error.code))) },
      { memoryLimitMb: 32 },
    )
    expect(await codeOf(isolate.eval('ask()'))).toBe('ERR_MEMORY_LIMIT')
    expect(await codeOf(isolate.eval('1'))).toBe('ERR_DISPOSED')
    expect(codes).toEqual(['ERR_MEMORY_LIMIT'])
  })

  test('so does a CPU limit, which the waiting does not count towards', async () => {
    const codes: string[] = []
    const isolate: Isolate = await open(
      { ask: sync(() => isolate.eval('for (;;);').catch((error: { code: string }) => codes.push(error.code))), wait: sync(() => new Promise((resolve) => setTimeout(resolve, 300, 1))) },
      { cpuLimitMs: 200 },
    )
    expect(await isolate.eval('wait()')).toBe(1)
    expect(await codeOf(isolate.eval('ask()'))).toBe('ERR_CPU_LIMIT')
    expect(await codeOf(isolate.eval('1'))).toBe('ERR_DISPOSED')
    expect(codes).toEqual(['ERR_CPU_LIMIT'])
  })

  test('and a binding that an inner call waits for can be stopped alone', async () => {
    const isolate: Isolate = await open({
      ask: sync(() => isolate.eval('never()', { timeoutMs: 50 }).catch((error: { code: string }) => error.code)),
      never: sync(() => new Promise(() => {})),
    })
    expect(await isolate.eval('[ask(), ask()]')).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT'])
  })
})

describe('a binding of a snapshot is what the session says', () => {
  let snapshot: Snapshot

  beforeAll(async () => {
    snapshot = await buildSnapshot({ bindings: ['who', 'db.get'], bundle: 'const captured = who, get = db.get; globalThis.ask = () => captured(); globalThis.read = (key) => get(key)' })
  })

  test('sync in one, asynchronous in another, each with its own implementation', async () => {
    const a = await open({ who: sync(() => 'a'), db: { get: () => 'promised' } }, { snapshot })
    const b = await open({ who: () => 'b', db: { get: sync((key: string) => key) } }, { snapshot })
    expect(await a.eval('[ask(), read() instanceof Promise]')).toEqual(['a', true])
    expect(await b.eval('[ask() instanceof Promise, read("k")]')).toEqual([true, 'k'])
  })

  test('and it is there for a fallback\'s sources, which may not call it', async () => {
    const isolate = await open({ who: sync(() => 'host') }, { fallback: { bundle: 'let refused; try { who() } catch (error) { refused = error.message } globalThis.kept = who; globalThis.refusal = refused' } })
    expect(await isolate.eval('[refusal.includes("who"), kept()]')).toEqual([true, 'host'])
  })
})

test('what is no sync binding throws at once and names itself', () => {
  const fn = () => 1
  for (const [binding, name] of [
    [{ sync: true }, 'bindings.a.fn'],
    [{ sync: true, fn: 1 }, 'bindings.a.fn'],
    [{ sync: false, fn }, 'bindings.a.sync'],
    [{ sync: 'yes', fn }, 'bindings.a.sync'],
    [{ sync: true, fn, more: 1 }, '"more"'],
    [{ get sync() { throw new Error('mine') }, fn }, 'bindings.a.sync'],
    [{ sync: true, get fn() { throw new Error('mine') } }, 'bindings.a.fn'],
  ] as const) {
    expect(() => createIsolate({ bindings: { a: binding as never } })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining(name) }))
  }
})
