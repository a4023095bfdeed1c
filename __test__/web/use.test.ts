import { buildSnapshot, createIsolate, verifyIsolation, webBridge } from 'isoseed'
import type { CreateIsolateOptions, Isolate, WebBridgePart } from 'isoseed'
import { afterEach, describe, expect, test } from 'vitest'
import { rejection } from '../support/rejection.js'

const opened: Isolate[] = []

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

async function open(options: CreateIsolateOptions): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

const GLOBALS: Record<WebBridgePart, string[]> = {
  abort: ['AbortController', 'AbortSignal'],
  base64: ['atob', 'btoa'],
  blob: ['Blob', 'File'],
  crypto: ['crypto', 'Crypto', 'SubtleCrypto'],
  domException: ['DOMException'],
  encoding: ['TextEncoder', 'TextDecoder'],
  events: ['Event', 'EventTarget', 'CustomEvent'],
  fetch: ['Headers', 'Request', 'Response', 'FormData'],
  messaging: ['MessageChannel', 'MessagePort', 'MessageEvent'],
  microtasks: ['queueMicrotask'],
  performance: ['performance', 'Performance', 'PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure'],
  streams: ['ReadableStream', 'WritableStream', 'TransformStream', 'TextEncoderStream', 'TextDecoderStream', 'CountQueuingStrategy'],
  structuredClone: ['structuredClone'],
  timers: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'],
  url: ['URL', 'URLSearchParams'],
}

/** What a part needs becomes global, too. */
const BROUGHT: Partial<Record<WebBridgePart, WebBridgePart[]>> = {
  abort: ['events', 'domException'],
  base64: ['domException'],
  blob: ['streams', 'encoding', 'abort', 'events', 'domException'],
  crypto: ['domException'],
  events: ['domException'],
  fetch: ['blob', 'streams', 'encoding', 'abort', 'events', 'domException', 'url'],
  messaging: ['events', 'domException'],
  performance: ['events', 'domException'],
  streams: ['encoding', 'abort', 'events', 'domException'],
  structuredClone: ['domException'],
}

const ownGlobals = 'Object.getOwnPropertyNames(globalThis)'

describe('parts', () => {
  test('every part is in this test and the other way round', () => {
    expect([...webBridge.parts].toSorted()).toEqual(Object.keys(GLOBALS).toSorted())
  })

  test.each(Object.keys(GLOBALS) as WebBridgePart[])('%s defines its globals, and those of what it needs', async (part) => {
    const [isolate, bare] = [await open({}), await open({})]
    await isolate.eval(webBridge.pick([part]))
    const before = new Set(await bare.eval<string[]>(ownGlobals))
    const added = new Set((await isolate.eval<string[]>(ownGlobals)).filter((name) => !before.has(name)))
    const brought = BROUGHT[part] ?? []
    const expected = [part, ...brought].flatMap((each) => GLOBALS[each])
    expect(expected.filter((name) => !added.has(name))).toEqual([])
    const others = Object.entries(GLOBALS).filter(([name]) => name !== part && !brought.includes(name as WebBridgePart))
    expect(others.flatMap(([, names]) => names).filter((name) => added.has(name))).toEqual([])
  })

  test('a bare isolate has none of them', async () => {
    const isolate = await open({})
    const names = Object.values(GLOBALS).flat()
    expect(await isolate.eval(`${JSON.stringify(names)}.filter((name) => name in globalThis)`)).toEqual([])
  })

  test('parts picked twice and in any order are one source', () => {
    expect(webBridge.pick(['url', 'timers', 'url']).code).toBe(webBridge.pick(['timers', 'url']).code)
    expect(webBridge.pick(webBridge.parts).code).toBe(webBridge.code)
    expect(webBridge.pick(['timers']).code.length).toBeLessThan(webBridge.code.length / 20)
  })

  test('the source is ASCII', () => {
    // eslint-disable-next-line no-control-regex
    expect(/^[\0-\u007f]*$/.test(webBridge.code)).toBe(true)
  })

  test.each([
    ['an unknown part', ['timer']],
    ['a name of Object.prototype', ['constructor']],
    ['a part that is no string', [5]],
    ['no array', 'timers'],
    ['nothing', undefined],
    ['an array that throws', new Proxy([], { get: () => { throw new Error('trap') } })],
  ])('pick refuses %s', (_, parts) => {
    const wrong = () => webBridge.pick(parts as WebBridgePart[])
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  })

  test('it can\'t be changed', () => {
    expect(Object.isFrozen(webBridge)).toBe(true)
    expect(() => (webBridge.parts as string[]).push('x')).toThrow(TypeError)
  })
})

describe('where it can be used', () => {
  const works = `[new URL('x', 'http://h/').href, typeof setTimeout, new TextDecoder().decode(new TextEncoder().encode('\\u00e4'))]`
  const worked = ['http://h/x', 'function', '\u00e4']

  test('in a snapshot: without findings, and isolated', async () => {
    const snapshot = await buildSnapshot({ bridge: webBridge })
    expect(snapshot.info.warnings).toEqual([])
    expect(await verifyIsolation(snapshot)).toMatchObject({ ok: true, leaks: [] })
    expect(await (await open({ snapshot })).eval(works)).toEqual(worked)
  })

  test('as a fallback', async () => {
    const isolate = await open({ snapshot: '/no such file', fallback: { bridge: webBridge, bundle: 'globalThis.captured = setTimeout' } })
    expect(isolate.seededFrom).toBe('fallback')
    expect(await isolate.eval(works)).toEqual(worked)
    expect(await isolate.eval('new Promise((resolve) => captured(resolve, 1, "fired"))')).toBe('fired')
  })

  test('in a blank isolate, and twice', async () => {
    const isolate = await open({})
    await isolate.eval(webBridge)
    await isolate.eval(webBridge)
    expect(await isolate.eval(works)).toEqual(worked)
  })

  test('in the base of a snapshot, and on top of it again', async () => {
    const base = await buildSnapshot({ bridge: webBridge.pick(['url', 'timers']) })
    const snapshot = await buildSnapshot({ base, bridge: webBridge, bundle: 'globalThis.made = new URL("http://h/x")' })
    const isolate = await open({ snapshot })
    expect(await isolate.eval(works)).toEqual(worked)
    expect(await isolate.eval('[made.href, made.pathname]')).toEqual(['http://h/x', '/x'])
  })

  test('in isolates that were held ready', async () => {
    const snapshot = await buildSnapshot({ bridge: webBridge })
    await snapshot.prewarm(1)
    const isolate = await open({ snapshot })
    // The clock is the session's, not that of the isolate that waited.
    expect(await isolate.eval('performance.now() < 5000 && Math.abs(performance.timeOrigin - Date.now()) < 5000')).toBe(true)
    await snapshot.prewarm(0)
  })

  test('what a bundle makes while building works in each session', async () => {
    const bundle = `
      globalThis.kept = {
        url: new URL('http://h/a?b=1'), encoder: new TextEncoder(), decoder: new TextDecoder('shift_jis'), controller: new AbortController(),
        blob: new Blob(['kept']), headers: new Headers({ a: 'b' }), target: new EventTarget(), error: new DOMException('m', 'AbortError'),
        half: new TextDecoder(), stream: ReadableStream.from([1, 2]), channel: new MessageChannel(), mark: performance.mark('m'), fetchLike: setTimeout,
      }
      kept.begun = kept.half.decode(new Uint8Array([0x61, 0xe2, 0x98]), { stream: true })
      kept.any = AbortSignal.any([kept.controller.signal])
      kept.url.searchParams.append('c', '2')
    `
    const snapshot = await buildSnapshot({ bridge: webBridge, bundle })
    expect(snapshot.info.warnings).toEqual([])
    const isolate = await open({ snapshot })
    const code = `(async () => {
      const seen = []
      kept.any.addEventListener('abort', () => seen.push('aborted'))
      kept.controller.abort()
      const chunks = []
      for await (const chunk of kept.stream) chunks.push(chunk)
      const message = await new Promise((resolve) => { kept.channel.port1.onmessage = (event) => resolve(event.data); kept.channel.port2.postMessage('hi') })
      return [kept.url.href, kept.begun + kept.half.decode(new Uint8Array([0x83])), await kept.blob.text(), kept.headers.get('a'), kept.error.name,
        kept.decoder.decode(new Uint8Array([0x93, 0xfa])), seen, chunks, message, kept.mark.startTime, structuredClone(kept.error).name]
    })()`
    expect(await isolate.eval(code)).toEqual(['http://h/a?b=1&c=2', 'a\u2603', 'kept', 'b', 'AbortError', '\u65e5', ['aborted'], [1, 2], 'hi', 0, 'AbortError'])
  })
})

describe('what crosses to the host', () => {
  test.each([
    ['URL', 'new URL("http://h")'],
    ['Headers', 'new Headers({ a: 1 })'],
    ['Blob', 'new Blob(["x"])'],
    ['Event', 'new (class extends Event {})("x")'],
    ['AbortSignal', 'AbortSignal.abort()'],
    ['WritableStream', 'new WritableStream()'],
    ['MessagePort', 'new MessageChannel().port1'],
  ])('an object of class %s is not taken for a plain one', async (name, code) => {
    const isolate = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    const error = await rejection(isolate.eval(`({ list: [1, { it: ${code} }] })`))
    expect(error).toMatchObject({ code: 'ERR_DATA_CLONE', message: `result.list[1].it can't be cloned: #<${name}>` })
  })

  test('a DOMException does, as the error that it is', async () => {
    const isolate = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    expect(await isolate.eval('({ error: new DOMException("why", "AbortError") })')).toMatchObject({ error: { name: 'AbortError', message: 'why' } })
    expect(await rejection(isolate.eval('AbortSignal.abort().throwIfAborted()'))).toMatchObject({ code: 'ERR_GUEST', name: 'AbortError' })
  })

  test('everything else crosses as without the bridge', async () => {
    const isolate = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    const code = '({ a: [1n, new Map([[1, new Set([2])]]), new Date(5), new Uint8Array([1]), new TypeError("t")], b: Object.create({ c: 1 }), d: new (class A { x = 1 })() })'
    const value = await isolate.eval<Record<string, unknown>>(code)
    expect(value).toMatchObject({ a: [1n, new Map([[1, new Set([2])]]), new Date(5), new Uint8Array([1]), { name: 'TypeError', message: 't' }], b: {}, d: { x: 1 } })
  })
})

describe('while a snapshot is built', () => {
  const build = (bundle: string) => buildSnapshot({ bridge: webBridge, bundle: { code: bundle, name: 'bundle.js' } })

  test.each([
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ['setInterval(() => {}, 1)', 'setInterval'],
    ['AbortSignal.timeout(5)', 'AbortSignal.timeout'],
    ['const { port1, port2 } = new MessageChannel(); port1.start(); port2.postMessage(1)', 'MessagePort.postMessage'],
  ])('%s is refused', async (code, path) => {
    const error = await rejection(build(`\n  ${code}`))
    expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_UNSAFE', findings: [{ rule: 'open-timer', path }] })
    expect((error as unknown as { findings: { source: string }[] }).findings[0]!.source).toMatch(/^bundle\.js:2:\d+$/)
  })

  test.each([
    ['globalThis.key = crypto.randomUUID()', 'random-value', 'key'],
    ['globalThis.key = crypto.getRandomValues(new Uint8Array(16))', 'random-value', 'key'],
    ['globalThis.origin = `at ${performance.timeOrigin}`', 'clock-value', 'origin'],
  ])('%s is a warning', async (code, rule, path) => {
    const { info } = await build(`\n  ${code}`)
    expect(info.warnings).toMatchObject([{ rule, path, source: expect.stringMatching(/^bundle\.js:2:\d+$/) as string }])
  })

  test.each([
    'globalThis.at = performance.now()',
    'globalThis.event = new Event("x")',
    'crypto.getRandomValues(new Uint8Array(16)); crypto.randomUUID()',
    'globalThis.mark = performance.mark("m")',
    'globalThis.started = performance.now(); globalThis.since = () => performance.now() - started',
  ])('%s captures nothing', async (code) => {
    expect((await build(code)).info.warnings).toEqual([])
  })

  test('random numbers of a session are its own', async () => {
    const snapshot = await buildSnapshot({ bridge: webBridge })
    const draw = async () => (await open({ snapshot })).eval('[crypto.randomUUID(), String(crypto.getRandomValues(new Uint8Array(16)))]')
    const [one, other] = (await Promise.all([draw(), draw()])) as [string[], string[]]
    expect(one[0]).not.toBe(other[0])
    expect(one[1]).not.toBe(other[1])
  })
})

describe('guests that replace what is there', () => {
  test('globals', async () => {
    const isolate = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    const code = `(async () => {
      const names = ['URL', 'Response', 'Blob', 'ReadableStream', 'AbortController', 'setTimeout', 'structuredClone', 'crypto']
      const mine = Object.fromEntries(names.map((name) => [name, globalThis[name]]))
      const all = Object.getOwnPropertyNames(globalThis).filter((name) => !['globalThis', 'mine'].includes(name) && Object.getOwnPropertyDescriptor(globalThis, name).configurable)
      for (const name of all) globalThis[name] = undefined
      const controller = new mine.AbortController()
      let aborted = 0
      controller.signal.addEventListener('abort', () => aborted++)
      controller.abort()
      return [new mine.URL('?a', 'http://h').href, await new mine.Response('text').text(), await new mine.Response(new mine.Blob(['b']).stream()).text(),
        mine.structuredClone(new mine.Blob(['c'])).size, aborted, mine.crypto.randomUUID().length]
    })()`
    expect(await isolate.eval(code)).toEqual(['http://h/?a', 'text', 'b', 1, 1, 36])
  })

  test('methods of the bridge\'s own classes', async () => {
    const isolate = await open({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    const code = `(async () => {
      for (const each of [URL, Headers, Blob, Event, EventTarget, AbortSignal, MessagePort, TextDecoder, TextEncoder, URLSearchParams, FormData]) {
        for (const key of Object.getOwnPropertyNames(each.prototype)) {
          if (Object.getOwnPropertyDescriptor(each.prototype, key).configurable) Object.defineProperty(each.prototype, key, { value() { throw new Error('replaced') } })
        }
      }
      const text = await new Response('text', { headers: { a: 'b' } }).text()
      const chunks = []
      for await (const chunk of ReadableStream.from(['x']).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())) chunks.push(chunk)
      const controller = new AbortController()
      const request = new Request('http://h/x', { method: 'POST', body: new FormData(), signal: controller.signal })
      return [text, chunks, request.url]
    })()`
    expect(await isolate.eval(code)).toEqual(['text', ['x'], 'http://h/x'])
  })
})
