import { Readable } from 'node:stream'
import { createIsolate } from 'isoseed'
import type { CreateIsolateOptions, Isolate, RemoteFunction } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { all } from './support/all.js'
import { codeOf, deferred, rejection } from './support/rejection.js'

const opened: Isolate[] = []

async function open(options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

/** As much of a ReadableStream as tells how it is used; the guest has none of its own. */
const STREAM_CLASS = `globalThis.ReadableStream = class {
  #source; #queue = []; #closed = false; #error
  constructor(source) { this.#source = source }
  getReader() { return this }
  releaseLock() {}
  async read() {
    const controller = { enqueue: (value) => this.#queue.push(value), close: () => { this.#closed = true } }
    while (this.#queue.length === 0 && !this.#closed) await this.#source.pull(controller)
    return this.#queue.length > 0 ? { done: false, value: this.#queue.shift() } : { done: true, value: undefined }
  }
  async cancel(reason) { this.#closed = true; await this.#source.cancel?.(reason) }
  [Symbol.asyncIterator]() { return { next: () => this.read(), return: async (value) => { await this.cancel(); return { done: true, value } }, [Symbol.asyncIterator]() { return this } } }
}; 1`

describe('a stream of the guest', () => {
  let isolate: Isolate

  beforeEach(async () => {
    isolate = await open({ timeoutMs: 2000 })
  })

  test.each<[string, string, unknown[]]>([
    ['an async generator', '(async function* () { yield 1; yield { a: [2] }; return 3 })()', [1, { a: [2] }]],
    ['an empty one', '(async function* () {})()', []],
    ['an object that can be iterated', '({ [Symbol.asyncIterator]() { let n = 0; return { next: async () => ({ done: n >= 2, value: n++ }) } } })', [0, 1]],
    ['one whose iterator is not asynchronous', '({ [Symbol.asyncIterator]() { return [1, 2][Symbol.iterator]() } })', [1, 2]],
    ['one that a promise brings', 'Promise.resolve((async function* () { yield 1 })())', [1]],
  ])('%s is an async iterable', async (_, code, expected) => {
    const stream = await isolate.eval<AsyncIterable<unknown>>(code)
    expect(stream[Symbol.asyncIterator]()).toBe(stream)
    expect(await all(stream)).toEqual(expected)
    expect((await isolate.stats()).guestReferences).toBe(0)
  })

  test('in an array, and deeper beside what V8 refuses by itself', async () => {
    const [a, b] = await isolate.eval<AsyncIterable<number>[]>('const make = async function* (n) { yield n }; [make(1), make(2)]')
    expect([await all(a!), await all(b!)]).toEqual([[1], [2]])
    const { rows, count } = await isolate.eval<any>('({ rows: make(3), count: () => 1 })')
    expect(await all(rows)).toEqual([3])
    expect(await count()).toBe(1)
  })

  test('in arguments of a host function', async () => {
    const collecting = await open({ bindings: { collect: (stream: AsyncIterable<unknown>, rest: unknown) => Promise.all([all(stream), rest]) } })
    expect(await collecting.eval('collect((async function* () { yield 1; yield 2 })(), "rest")')).toEqual([[1, 2], 'rest'])
  })

  test('carries functions and streams', async () => {
    const stream = await isolate.eval<AsyncIterable<any>>('(async function* () { yield () => 1; yield { f: () => 2 }; yield (async function* () { yield 3 })() })()')
    const [f, g, inner] = await all(stream)
    expect([await f(), await g.f(), await all(inner)]).toEqual([1, 2, [3]])
  })

  test('is pulled step by step: nothing is read ahead', async () => {
    const stream = await isolate.eval<AsyncIterator<number>>('globalThis.made = 0; (async function* () { for (;;) yield ++made })()')
    expect(await isolate.eval('made')).toBe(0)
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect(await stream.next()).toEqual({ done: false, value: 2 })
    expect(await isolate.eval('made')).toBe(2)
  })

  test('gets what next, return and throw are given', async () => {
    const talk = '(async function* () { let got = yield "first"; try { for (;;) got = yield ["got", got] } catch (error) { yield ["caught", error.message]; return "end" } finally { globalThis.cleaned = true } })()'
    const stream = await isolate.eval<AsyncGenerator<unknown, unknown, unknown>>(talk)
    expect(await stream.next()).toEqual({ done: false, value: 'first' })
    expect(await stream.next(1)).toEqual({ done: false, value: ['got', 1] })
    expect(await stream.throw(new Error('mine'))).toEqual({ done: false, value: ['caught', 'mine'] })
    expect(await stream.next()).toEqual({ done: true, value: 'end' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(await isolate.eval('cleaned')).toBe(true)
  })

  test('ends when the host breaks off, also before the first step, and by `await using`', async () => {
    const code = '({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: async (value) => { ended.push(value ?? "ended"); return { done: true, value } } }) })'
    await isolate.eval('globalThis.ended = []; 1')
    for await (const item of await isolate.eval<AsyncIterable<number>>(code)) {
      expect(item).toBe(1)
      break
    }
    await (await isolate.eval<AsyncGenerator>(code)).return('early')
    {
      await using stream = await isolate.eval<AsyncGenerator & AsyncDisposable>(code)
      await stream.next()
    }
    expect(await isolate.eval('ended')).toEqual(['ended', 'early', 'ended'])
    expect((await isolate.stats()).guestReferences).toBe(0)
  })

  test('that fails is the guest\'s error, and ends', async () => {
    const stream = await isolate.eval<AsyncGenerator>('(async function* () { yield 1; throw new RangeError("mine") })()')
    expect(await rejection(all(stream))).toMatchObject({ code: 'ERR_GUEST', name: 'RangeError', message: 'mine' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    const [item] = [await rejection((await isolate.eval<AsyncGenerator>('(async function* () { yield Symbol() })()')).next())]
    expect(item.code).toBe('ERR_DATA_CLONE')
    expect(await codeOf((await isolate.eval<AsyncGenerator>('({ [Symbol.asyncIterator]: () => ({ next: () => 7 }) })')).next())).toBe(undefined)
    expect(await codeOf((await isolate.eval<AsyncGenerator>('({ [Symbol.asyncIterator]: () => ({ next: () => null }) })')).next())).toBe('ERR_GUEST')
    expect(await codeOf((await isolate.eval<AsyncGenerator>('({ [Symbol.asyncIterator]: () => null })')).next())).toBe('ERR_GUEST')
  })

  test('keeps the deadline in each step', async () => {
    const slow = await open({ timeoutMs: 50 })
    const stream = await slow.eval<AsyncGenerator>('(async function* () { yield 1; for (;;); })()')
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect(await codeOf(stream.next())).toBe('ERR_TIMEOUT')
    expect(await slow.eval('40 + 2')).toBe(42)
  })

  test('ends with its isolate', async () => {
    const stream = await isolate.eval<AsyncGenerator>('(async function* () { for (;;) yield 1 })()')
    await stream.next()
    const waiting = await isolate.eval<AsyncGenerator>('(async function* () { await new Promise(() => {}) })()')
    const step = codeOf(waiting.next())
    await isolate.dispose()
    expect(await step).toBe('ERR_DISPOSED')
    expect(await codeOf(stream.next())).toBe('ERR_DISPOSED')
  })

  test('of class ReadableStream is one of the host', async () => {
    await isolate.eval(STREAM_CLASS)
    await isolate.eval('globalThis.log = []; globalThis.open = () => { let n = 0; return new ReadableStream({ pull: async (c) => { log.push("pull"); n < 3 ? c.enqueue(n++) : c.close() }, cancel: (reason) => { log.push(["cancel", reason]) } }) }; 1')
    const stream = await isolate.call<ReadableStream<number>>('open')
    expect(stream).toBeInstanceOf(ReadableStream)
    expect(await isolate.eval('log')).toEqual([])
    expect(await all(stream as unknown as AsyncIterable<number>)).toEqual([0, 1, 2])
    const other = await isolate.call<ReadableStream<number>>('open')
    const reader = other.getReader()
    expect(await reader.read()).toEqual({ done: false, value: 0 })
    await reader.cancel('enough')
    expect((await isolate.eval<unknown[]>('log')).at(-1)).toEqual(['cancel', 'enough'])
    expect((await isolate.stats()).guestReferences).toBe(0)
  })
})

describe('a stream of the host', () => {
  const READ = 'globalThis.read = async (stream) => { const items = []; for await (const item of stream) items.push(item); return items }; 1'
  let isolate: Isolate

  beforeEach(async () => {
    isolate = await open({ timeoutMs: 2000 })
    await isolate.eval(READ)
  })

  test.each<[string, () => unknown, unknown[]]>([
    ['an async generator', () => (async function* () { yield 1; yield { a: [2] } })(), [1, { a: [2] }]],
    ['an object that can be iterated', () => ({ [Symbol.asyncIterator]: () => (async function* () { yield 1 })() }), [1]],
    ['a ReadableStream', () => new ReadableStream({ start(controller) { controller.enqueue('a'); controller.enqueue('b'); controller.close() } }), ['a', 'b']],
    ['a stream of Node', () => Readable.from(['a', Buffer.from('b')]), ['a', new Uint8Array([98])]],
    ['a response\'s body', () => new Response('text').body, [new Uint8Array(Buffer.from('text'))]],
  ])('%s is an async iterable', async (_, make, expected) => {
    expect(await isolate.call('read', [make()])).toEqual(expected)
    expect(await isolate.eval('typeof ReadableStream')).toBe('undefined')
  })

  test('is a ReadableStream where the guest has that class', async () => {
    await isolate.eval(STREAM_CLASS)
    await isolate.eval('globalThis.kindOf = (stream) => stream instanceof ReadableStream; 1')
    const make = () => new ReadableStream({ start(controller) { controller.enqueue('a'); controller.close() } })
    expect(await isolate.call('kindOf', [make()])).toBe(true)
    expect(await isolate.call('kindOf', [(async function* () {})()])).toBe(false)
    expect(await isolate.call('read', [make()])).toEqual(['a'])
  })

  test('in globals, in arguments, in answers, deep beside a function', async () => {
    const make = async function* (text: string) { yield text }
    const session = await open({ globals: { config: { rows: make('globals'), f: () => 1 } }, bindings: { rows: () => make('answer') } })
    await session.eval(READ)
    expect(await session.eval('read(config.rows)')).toEqual(['globals'])
    expect(await session.eval('rows().then(read)')).toEqual(['answer'])
    await session.eval('globalThis.readDeep = ({ deep: [rows] }) => read(rows); 1')
    expect(await session.call('readDeep', [{ deep: [make('deep')], f: () => 1 }])).toEqual(['deep'])
  })

  test('is pulled step by step: nothing is read ahead', async () => {
    let made = 0
    const stream = (async function* () { for (;;) yield (made += 1) })()
    const next = await isolate.eval<RemoteFunction>('(stream) => { globalThis.stream = stream; return async () => (await stream.next()).value }').then((keep) => keep(stream))
    expect(made).toBe(0)
    expect([await next(), await next()]).toEqual([1, 2])
    expect(made).toBe(2)
  })

  test('gets what next, return and throw are given', async () => {
    const seen: unknown[] = []
    const stream = (async function* () {
      try {
        for (;;) seen.push(yield 'item')
      } catch (error) {
        seen.push((error as Error).message)
      } finally {
        seen.push('cleaned')
      }
    })()
    const talk = await isolate.eval<RemoteFunction>('async (s) => { await s.next(); await s.next({ a: 1 }); await s.throw(new Error("mine")); return s.next() }')
    expect(await talk(stream)).toEqual({ done: true, value: undefined })
    expect(seen).toEqual([{ a: 1 }, 'mine', 'cleaned'])
  })

  test('ends when the guest breaks off, also before the first step, and cancels with the reason', async () => {
    const ended: unknown[] = []
    const endless = () => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: async (value: unknown) => { ended.push(value ?? 'ended'); return { done: true, value } } }) })
    const readable = () => new ReadableStream({ pull: (controller) => controller.enqueue(1), cancel: (reason) => { ended.push(reason ?? 'cancelled') } })
    const first = await isolate.eval<RemoteFunction>('async (s) => { for await (const item of s) return item }')
    expect([await first(endless()), await first(readable())]).toEqual([1, 1])
    const stop = await isolate.eval<RemoteFunction>('(s) => s.return("early").then(() => 1)')
    await stop(endless())
    await stop(readable())
    expect(ended).toEqual(['ended', 'cancelled', 'early', 'early'])
    const node = Readable.from((async function* () { for (;;) yield 'x' })())
    await first(node)
    expect(node.destroyed).toBe(true)
    expect((await isolate.stats()).hostReferences).toBeLessThanOrEqual(5)
  })

  test('that fails is an error in the guest', async () => {
    const failing = (async function* () { yield 1; throw Object.assign(new RangeError('mine'), { code: 'E' }) })()
    const report = await isolate.eval<RemoteFunction>('async (s) => { const items = []; try { for await (const item of s) items.push(item) } catch (error) { return [items, error instanceof RangeError, error.message, error.code, /streams\\.test|node:/.test(error.stack)] } }')
    expect(await report(failing)).toEqual([[1], true, 'mine', 'E', false])
    expect(await report((async function* () { yield Symbol('s') })())).toEqual([[], false, expect.stringContaining('symbol'), 'ERR_DATA_CLONE', false])
    const locked = new ReadableStream()
    locked.getReader()
    expect((await report(locked))[0]).toEqual([])
  })

  test.each<[string, (session: Isolate) => Promise<unknown>, unknown]>([
    ['dispose', (session) => session.dispose(), undefined],
    ['a limit', (session) => codeOf(session.eval('const a = []; for (;;) a.push(new Array(1e4).fill({}))')), 'ERR_MEMORY_LIMIT'],
  ])('ends when the isolate does, by %s', async (_, end, expected) => {
    const session = await open({ memoryLimitMb: 16 })
    const ended = deferred<string>()
    const stream = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: async () => { ended.resolve('ended'); return { done: true, value: 1 } } }) }
    const keep = await session.eval<RemoteFunction>('async (s) => { globalThis.stream = s; await s.next() }')
    await keep(stream)
    expect(await end(session)).toBe(expected)
    expect(await ended.promise).toBe('ended')
  })

  test('that the guest drops is ended when its garbage collector finds it', async () => {
    const ended = deferred<string>()
    const stream = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }), return: async () => { ended.resolve('ended'); return { done: true, value: 1 } } }) }
    await (await isolate.eval<RemoteFunction>('async (s) => { await s.next() }'))(stream)
    await isolate.eval('(() => { for (let i = 0; i < 300; i++) new Uint8Array(1e6) })()')
    expect(await ended.promise).toBe('ended')
  })

  test('goes through the guest to another host, item by item', async () => {
    const twice = await isolate.eval<RemoteFunction>('(s) => (async function* () { for await (const item of s) yield item * 2 })()')
    let made = 0
    const source = (async function* () { for (;;) yield (made += 1) })()
    const result = (await twice(source)) as AsyncGenerator<number>
    expect([await result.next(), await result.next()].map(({ value }) => value)).toEqual([2, 4])
    expect(made).toBe(2)
    await result.return(0)
    expect(await source.next()).toEqual({ done: true, value: undefined })
  })

  test('thousands of steps leave nothing behind', { timeout: 60_000 }, async () => {
    const session = await open({ timeoutMs: 60_000, memoryLimitMb: 32 })
    const sum = await session.eval<RemoteFunction>('async (s) => { let sum = 0; for await (const item of s) sum += item.n; return sum }')
    expect(await sum((async function* () { for (let n = 0; n < 5000; n += 1) yield { n, text: 'x'.repeat(1000) } })())).toBe(12497500)
    const { heapUsedBytes } = await session.stats()
    expect(heapUsedBytes).toBeLessThan(24e6)
  })
})
