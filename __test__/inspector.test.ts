// How clients reach an isolate's inspector: the endpoint, sessions, their end. What they do there: `debugger.test.ts`.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Inspector } from 'isoseed'
import type { InspectOptions } from 'isoseed'
import { WebSocket } from 'ws'
import { describe, expect, test } from 'vitest'
import { SocketClient, fetchFrom, place, sessionClient } from './support/cdp.js'
import { SHOP, inspected, open, passing } from './support/inspected.js'
import { codeOf } from './support/rejection.js'

describe('the endpoint', () => {
  test('is found as that of Node itself', async () => {
    const isolate = await open()
    const inspector = await isolate.inspect({ title: 'tenant 7' })
    expect(inspector).toBeInstanceOf(Inspector)
    const id = new URL(inspector.url).pathname.slice(1)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/)
    const address = new URL(inspector.url).host
    expect(inspector.url).toBe(`ws://${address}/${id}`)
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(inspector.devtoolsUrl).toBe(`devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=${address}/${id}`)
    const listed = { id, title: 'tenant 7', type: 'node', webSocketDebuggerUrl: inspector.url, devtoolsFrontendUrl: inspector.devtoolsUrl }
    for (const path of ['/json', '/json/', '/json/list', '/json/list?x']) {
      const { status, body } = await fetchFrom(inspector, path)
      expect(status).toBe(200)
      expect(JSON.parse(body)).toMatchObject([listed])
    }
    expect(JSON.parse((await fetchFrom(inspector, '/json/version')).body)).toMatchObject({ Browser: expect.stringMatching(/^isoseed\/\d/), 'Protocol-Version': '1.3' })
    expect(await fetchFrom(inspector, '/')).toMatchObject({ status: 404 })
    expect(await fetchFrom(inspector, '/json', { method: 'POST' })).toMatchObject({ status: 405 })
  })

  test('describes the protocol that V8 speaks', async () => {
    const { inspector, client } = await inspected()
    const { version, domains } = JSON.parse((await fetchFrom(inspector, '/json/protocol')).body)
    expect(version).toEqual({ major: '1', minor: '3' })
    const known = await client.post('Schema.getDomains')
    expect(domains.map(({ domain }: { domain: string }) => domain)).toEqual(expect.arrayContaining(known.domains.map(({ name }: { name: string }) => name)))
    const debug = domains.find(({ domain }: { domain: string }) => domain === 'Debugger')
    expect(debug.commands).toContainEqual(expect.objectContaining({ name: 'setBreakpointByUrl', parameters: expect.arrayContaining([{ name: 'lineNumber', type: 'integer' }]) }))
  })

  test.each([
    ['a name that points here', 'rebound.example', 400],
    ['a name with a port', 'rebound.example:9229', 400],
    ['a name that looks like an address', '127.0.0.1.example', 400],
    ['localhost', 'LOCALHOST:9229', 200],
    ['an address', '127.0.0.1', 200],
    ['an address of IPv6', '[::1]:9229', 200],
  ])('answers a page only under its own address: %s', async (_, host, status) => {
    const inspector = await (await open()).inspect()
    expect(await fetchFrom(inspector, '/json', { headers: { host } })).toMatchObject({ status })
    const socket = new WebSocket(inspector.url, { headers: { host } })
    const outcome = await Promise.race([once(socket, 'open').then(() => 200), once(socket, 'unexpected-response').then(([, response]) => response.statusCode)])
    expect(outcome).toBe(status)
    socket.on('error', () => undefined)
    socket.terminate()
  })

  test('is not there for who does not know the path', async () => {
    const inspector = await (await open()).inspect()
    for (const path of ['/', '/json', '/00000000-0000-4000-8000-000000000000']) {
      await expect(SocketClient.connect(new URL(path, inspector.url).href)).rejects.toThrow('404')
    }
  })

  test('lists all isolates under one port, and ends with the last', async () => {
    const [one, other] = [await open(), await open()]
    const first = await one.inspect()
    const second = await other.inspect()
    expect(new URL(second.url).port).toBe(new URL(first.url).port)
    const client = await SocketClient.connect(second.url)
    await first.close()
    expect(first.close()).toBe(first.close())
    const { body } = await fetchFrom(second, '/json')
    expect(JSON.parse(body)).toMatchObject([{ webSocketDebuggerUrl: second.url }])
    await expect(SocketClient.connect(first.url)).rejects.toThrow('404')
    expect(await client.evaluate('1 + 1')).toBe(2)
    await second.close()
    await expect(fetchFrom(second, '/json')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    // The port is free again.
    const third = await one.inspect({ port: Number(new URL(first.url).port) })
    expect(new URL(third.url).port).toBe(new URL(first.url).port)
  })

  test('listens where it is told to', async () => {
    const isolate = await open()
    expect((await isolate.inspect({ host: '127.0.0.2' })).url).toMatch(/^ws:\/\/127\.0\.0\.2:/)
    expect((await isolate.inspect({ host: 'localhost' })).url).toMatch(/^ws:\/\/(?:127\.0\.0\.1|\[::1\]):/)
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    await expect(isolate.inspect({ port: (taken.address() as AddressInfo).port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    taken.close()
  })

  test.each([
    [{ host: '0.0.0.0' }, 'host'],
    [{ host: '::' }, 'host'],
    [{ host: '192.168.0.1' }, 'host'],
    [{ host: 'example.com' }, 'host'],
    [{ host: '' }, 'host'],
    [{ host: '127.1' }, 'host'],
    [{ port: -1 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ port: '9229' }, 'port'],
    [{ waitForDebugger: 1 }, 'waitForDebugger'],
    [{ title: '' }, 'title'],
    [{ signal: {} }, 'signal'],
    [{ break: true }, '"break"'],
    [null, 'options'],
  ])('refuses %o at once', async (options, named) => {
    const isolate = await open()
    expect(() => isolate.inspect(options as InspectOptions)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }))
  })

  test('ends with its isolate, and by its signal', async () => {
    const { isolate, client } = await inspected()
    await isolate.dispose()
    expect(await client.closed).toEqual([1001, expect.any(String)])
    expect(await codeOf(isolate.inspect())).toBe('ERR_DISPOSED')

    const abort = new AbortController()
    const second = await inspected({}, { signal: abort.signal })
    abort.abort()
    expect(await second.client.closed).toEqual([1001, expect.any(String)])
    expect(await second.isolate.eval('1')).toBe(1)
    await expect(second.isolate.inspect({ signal: abort.signal })).rejects.toBe(abort.signal.reason)
  })

  test('can not be made by new', () => {
    expect(() => new (Inspector as unknown as new (parts: unknown) => unknown)({})).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  })
})

describe('clients', () => {
  test('of one isolate each have a session, up to sixteen', async () => {
    const { isolate, inspector, client } = await inspected()
    const others = await Promise.all(Array.from({ length: 15 }, () => SocketClient.connect(inspector.url)))
    await expect(SocketClient.connect(inspector.url)).rejects.toThrow('503')
    const all = [client, ...others]
    await Promise.all(all.map((one) => one.enable()))
    const pauses = all.map((one) => one.next('Debugger.paused'))
    const call = isolate.eval('debugger; 1')
    await Promise.all(pauses)
    // It stands as long as anybody wants it to.
    for (const other of others) other.socket.terminate()
    await Promise.all(others.map(({ closed }) => closed))
    expect(await client.evaluate('2')).toBe(2)
    await client.post('Debugger.resume')
    expect(await call).toBe(1)
    const again = await SocketClient.connect(inspector.url)
    expect(await again.evaluate('3')).toBe(3)
  })

  test('that send garbage are told so', async () => {
    const { client } = await inspected()
    const garbage = ['', 'x', '[]', '{}', '{"id":1}', '{"id":"1","method":"Debugger.enable"}', '{"id":9999999999,"method":"Debugger.enable"}', '{'.repeat(1e5), `{"id":1,"method":"Debugger.enable","params":${'['.repeat(2000)}${']'.repeat(2000)}}`]
    for (const message of garbage) client.socket.send(message)
    expect(await client.post('No.such')).toMatchObject({ error: { code: -32601 } })
    expect(await client.post('Debugger.enable', [] as object)).toMatchObject({ error: { code: expect.any(Number) } })
    expect(await client.post('Debugger.setBreakpoint', { location: { scriptId: 1 } })).toMatchObject({ error: { code: expect.any(Number) } })
    expect(client.errors.map(({ code }) => code)).toEqual(garbage.map(() => -32700))
    expect(await client.evaluate('"\u{1f600}é"')).toBe('\u{1f600}é')
  })

  test('whose messages are too large, or no text, are cut off', async () => {
    const { inspector, client } = await inspected()
    client.socket.send(Buffer.from('{}'))
    expect(await client.closed).toEqual([1003, expect.any(String)])
    const other = await SocketClient.connect(inspector.url)
    other.socket.send('x'.repeat(64 * 1024 * 1024 + 1))
    expect((await other.closed)[0]).toBe(1009)
    expect(await (await SocketClient.connect(inspector.url)).evaluate('1')).toBe(1)
  })

  test('that pause in what they evaluate themselves and go leave nothing behind', async () => {
    const { isolate, client } = await inspected()
    await client.enable()
    const pause = client.next('Debugger.paused')
    void client.post('Runtime.evaluate', { expression: 'debugger; globalThis.done = 1' })
    await pause
    client.socket.terminate()
    expect(await isolate.eval('done')).toBe(1)
    expect(await isolate.eval('debugger; 2')).toBe(2)
  })
})

describe('a session without a socket', () => {
  test('speaks the protocol', async () => {
    const { isolate, inspector } = await inspected()
    const client = await sessionClient(inspector)
    expect(await client.enable()).toEqual([])
    const pause = client.next('Debugger.paused')
    const call = isolate.eval({ code: 'debugger; 1', name: 'x.js' })
    await pause
    client.close()
    expect(await call).toBe(1)
    await client.closed
    client.close()
  })

  test('ends with its isolate, and with its inspector', async () => {
    const { isolate, inspector } = await inspected()
    const client = await sessionClient(inspector)
    const other = await sessionClient(await isolate.inspect())
    await inspector.close()
    await client.closed
    await isolate.dispose()
    await other.closed
    expect(await codeOf(inspector.connect(() => undefined))).toBe('ERR_DISPOSED')
  })

  test('takes strings only', async () => {
    const { inspector } = await inspected()
    expect(() => inspector.connect(null as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
    using session = await inspector.connect(() => undefined)
    expect(() => session.send({} as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  })
})

describe('in a process of its own', () => {
  test('an isolate is debugged, profiled and its heap written all the same', async () => {
    const { isolate, client } = await inspected({ process: true, timeoutMs: 500, fallback: { bundle: { code: SHOP, name: 'shop.js' } } })
    await client.enable()
    await client.post('Debugger.setBreakpointByUrl', { url: 'shop.js', lineNumber: 3 })
    const pause = client.next('Debugger.paused')
    const call = isolate.call('total', [[1, 2]])
    expect(place(await pause)).toBe('total:3')
    await passing(700)
    await client.post('Debugger.resume')
    expect(await call).toBe(3)
    expect((await isolate.cpuProfile(() => isolate.eval('for (let i = 0; i < 1e7; i++); 0'))).nodes.length).toBeGreaterThan(1)
    let bytes = 0
    for await (const chunk of await isolate.heapSnapshot()) bytes += chunk.length
    expect(bytes).toBeGreaterThan(100_000)
    await isolate.dispose()
    expect(await client.closed).toEqual([1001, expect.any(String)])
  })
})
