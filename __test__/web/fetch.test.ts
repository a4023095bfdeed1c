import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { CreateIsolateOptions, FetchRequest, FetchResponse, Isolate, Snapshot } from 'isoseed'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { deferred } from '../support/rejection.js'

const opened: Isolate[] = []
let snapshot: Snapshot

beforeAll(async () => {
  snapshot = await buildSnapshot({ bridge: webBridge })
})

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

type Fetch = (request: FetchRequest) => FetchResponse | Promise<FetchResponse>

async function open(fetch: Fetch, options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate({ snapshot, bindings: { fetch }, ...options })
  opened.push(isolate)
  return isolate
}

const body = (code: string) => `(async () => { ${code} })()`

describe('fetch over a binding', () => {
  test('the host gets plain data and gives plain data', async () => {
    const asked: FetchRequest[] = []
    const isolate = await open((request) => {
      asked.push(request)
      return { status: 201, statusText: 'Made', headers: [['X-A', '1'], ['x-a', '2']], body: 'answer' }
    })
    const code = body(`
      const response = await fetch('http://h/a?b#c', { method: 'post', headers: { 'X-Q': 'r' }, body: new URLSearchParams('k=v'), redirect: 'manual' })
      return [response instanceof Response, response.status, response.statusText, response.ok, response.type, response.url, response.redirected, [...response.headers], await response.text()]
    `)
    expect(await isolate.eval(code)).toEqual([true, 201, 'Made', true, 'basic', 'http://h/a?b#c', false, [['x-a', '1, 2']], 'answer'])
    expect(asked).toEqual([
      {
        url: 'http://h/a?b#c',
        method: 'POST',
        headers: [['content-type', 'application/x-www-form-urlencoded;charset=UTF-8'], ['x-q', 'r']],
        redirect: 'manual',
        body: new Uint8Array([107, 61, 118]),
      },
    ])
  })

  test('a request without a body has none', async () => {
    const asked: FetchRequest[] = []
    const isolate = await open((request) => {
      asked.push(request)
      return {}
    })
    expect(await isolate.eval(body(`const r = await fetch(new Request('http://h')); return [r.status, r.body, await r.text()]`))).toEqual([200, null, ''])
    expect(Object.keys(asked[0]!)).toEqual(['url', 'method', 'headers', 'redirect'])
  })

  test.each<[string, FetchResponse['body'], number[]]>([
    ['text', '\u00e4', [0xc3, 0xa4]],
    ['bytes', new Uint8Array([1, 2]), [1, 2]],
    ['a buffer', new Uint8Array([3]).buffer, [3]],
    ['none', null, []],
  ])('a body that is %s', async (_, given, expected) => {
    const isolate = await open(() => ({ body: given! }))
    expect(await isolate.eval(body(`return [...new Uint8Array(await (await fetch('a:b')).arrayBuffer())]`))).toEqual(expected)
  })

  test('headers may be an object, a status may have no body', async () => {
    const isolate = await open(() => ({ status: 204, headers: { a: 'b' }, body: 'ignored', url: 'http://other/', redirected: true }))
    expect(await isolate.eval(body(`const r = await fetch('a:b'); return [r.status, r.body, r.headers.get('a'), r.url, r.redirected]`))).toEqual([204, null, 'b', 'http://other/', true])
  })

  test('headers of a response can\'t be changed', async () => {
    const isolate = await open(() => ({}))
    expect(await isolate.eval(body(`try { (await fetch('a:b')).headers.set('a', 'b') } catch (error) { return error.name }`))).toBe('TypeError')
  })

  test('a host\'s exception rejects', async () => {
    const isolate = await open(() => {
      throw Object.assign(new RangeError('no network'), { code: 'ENET' })
    })
    expect(await isolate.eval(body(`try { await fetch('http://h') } catch (error) { return [error.name, error.message, error.code] }`))).toEqual(['RangeError', 'no network', 'ENET'])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['text', 'x'],
    ['a status that is none', { status: 99 }],
    ['a status that is text', { status: '200' }],
    ['a header that is none', { headers: [['a b', 'c']] }],
  ])('an answer that is %s rejects with a TypeError', async (_, answer) => {
    const isolate = await open(() => answer as FetchResponse)
    expect(await isolate.eval(body(`try { await fetch('http://h') } catch (error) { return error.name }`))).toBe('TypeError')
  })

  test('wrong requests never reach the host', async () => {
    let asked = 0
    const isolate = await open(() => {
      asked++
      return {}
    })
    const code = body(`const names = []; for (const args of [[], ['/relative'], ['http://u:p@h/'], ['http://h', { method: 'TRACE' }]]) await fetch(...args).catch((error) => names.push(error.name)); return names`)
    expect(await isolate.eval(code)).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError'])
    expect(asked).toBe(0)
  })

  test('an aborted signal rejects at once', async () => {
    const answer = deferred<FetchResponse>()
    const isolate = await open(() => answer.promise)
    const code = body(`
      const controller = new AbortController()
      const waiting = fetch('http://h', { signal: controller.signal }).catch((error) => error.name)
      setTimeout(() => controller.abort(), 1)
      const early = await fetch('http://h', { signal: AbortSignal.abort('why') }).catch((reason) => reason)
      return [await waiting, early]
    `)
    expect(await isolate.eval(code)).toEqual(['AbortError', 'why'])
    answer.resolve({})
  })

  test('a form arrives as bytes that Node can read', async () => {
    const isolate = await open(async (request) => {
      const form = await new Response(request.body, { headers: request.headers }).formData()
      const file = form.get('f') as File
      return { body: `${String(form.get('a'))} ${file.name} ${await file.text()}` }
    })
    const code = body(`const form = new FormData(); form.append('a', '1'); form.append('f', new Blob(['content']), 'n.txt'); return (await fetch('http://h', { method: 'POST', body: form })).text()`)
    expect(await isolate.eval(code)).toBe('1 n.txt content')
  })

  test('it is a plain function', async () => {
    const isolate = await open(() => ({}))
    expect(await isolate.eval(`[fetch.name, fetch.length, 'prototype' in fetch, Object.getOwnPropertyDescriptor(globalThis, 'fetch').enumerable]`)).toEqual(['fetch', 1, false, true])
  })
})

describe('where fetch comes from', () => {
  test('without a binding there is none', async () => {
    const isolate = await createIsolate({ snapshot })
    opened.push(isolate)
    expect(await isolate.eval('typeof fetch')).toBe('undefined')
  })

  test('without the bridge it is the binding as it is', async () => {
    const isolate = await createIsolate({ bindings: { fetch: (url: string) => ({ url }) } })
    opened.push(isolate)
    expect(await isolate.eval('fetch("x")')).toEqual({ url: 'x' })
  })

  test('a bundle may capture it while building', async () => {
    const captured = await buildSnapshot({ bridge: webBridge, bundle: 'globalThis.get = (url) => fetch(url).then((response) => response.text()); globalThis.same = fetch', bindings: ['fetch'] })
    const isolate = await open(({ url }) => ({ body: url }), { snapshot: captured })
    expect(await isolate.eval('get("http://h/x")')).toBe('http://h/x')
    expect(await isolate.eval('same("http://h/y").then((response) => response.text())')).toBe('http://h/y')
  })

  test('a blank isolate and a fallback wrap it, too', async () => {
    const blank = await open(() => ({ body: 'blank' }), { snapshot: undefined })
    await blank.eval(webBridge)
    await blank.eval(webBridge)
    expect(await blank.eval('fetch("a:b").then((response) => response.text())')).toBe('blank')
    const fallback = await open(() => ({ body: 'fallback' }), { snapshot: '/no such file', fallback: { bridge: webBridge } })
    expect(await fallback.eval('fetch("a:b").then((response) => response.text())')).toBe('fallback')
  })
})
