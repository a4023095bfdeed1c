// What a debugger does with a guest: breakpoints, pauses, evaluation, limits meanwhile. How it gets there: `inspector.test.ts`.
import { transformSync } from 'esbuild'
import { buildSnapshot } from 'isoseed'
import type { Inspector, Isolate } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { SocketClient, place } from './support/cdp.js'
import { SHOP, inspected, open, passing, paused } from './support/inspected.js'
import { codeOf, deferred, rejection } from './support/rejection.js'

describe('breakpoints', () => {
  test('by URL, in code that an isolate started from: evaluate, step, resume', async () => {
    const { isolate, client } = await inspected({ fallback: { bundle: { code: SHOP, name: 'shop.js' } } })
    expect(await client.enable()).toContain('shop.js')
    const { locations } = await client.post('Debugger.setBreakpointByUrl', { url: 'shop.js', lineNumber: 3 })
    expect(locations).toMatchObject([{ lineNumber: 3 }])
    let pause = client.next('Debugger.paused')
    const call = isolate.call('total', [[1, 2, 3]])
    const at = await pause
    expect(place(at)).toBe('total:3')
    const { result } = await client.post('Debugger.evaluateOnCallFrame', { callFrameId: at.callFrames[0].callFrameId, expression: 'sum * 10' })
    expect(result.value).toBe(60)
    await client.post('Debugger.setVariableValue', { scopeNumber: 0, variableName: 'sum', newValue: { value: 7 }, callFrameId: at.callFrames[0].callFrameId })
    pause = client.next('Debugger.paused')
    await client.post('Debugger.stepOver')
    expect((await pause).reason).toBe('step')
    await client.post('Debugger.resume')
    expect(await call).toBe(7)
  })

  test('in what ran before the first client came, and in what comes later', async () => {
    const isolate = await open({ snapshot: await buildSnapshot({ bundle: { code: SHOP, name: 'shop.js' } }) })
    await isolate.eval({ code: 'function before() {\n  return 1\n}', name: 'before.js' })
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    await client.enable()
    for (const name of ['before', 'after']) {
      await client.post('Debugger.setBreakpointByUrl', { url: `${name}.js`, lineNumber: 1 })
    }
    await isolate.eval({ code: 'function after() {\n  return 2\n}', name: 'after.js' })
    for (const name of ['before', 'after']) {
      const pause = client.next('Debugger.paused')
      const call = isolate.call(name)
      expect(place(await pause)).toBe(`${name}:1`)
      await client.post('Debugger.resume')
      expect(await call).toBeGreaterThan(0)
    }
  })

  test("a snapshot's scripts are there by name, stop at `debugger`, and can be stepped into", async () => {
    const code = `${SHOP}function stop() {\n  debugger\n  return total([1])\n}\n`
    const snapshot = await buildSnapshot({ bridge: { code: 'globalThis.bridge = () => 1', name: 'bridge.js' }, bundle: { code, name: 'shop.js' } })
    const { isolate, client } = await inspected({ snapshot })
    expect(await client.enable()).toEqual(expect.arrayContaining(['bridge.js', 'shop.js']))
    const { scriptId } = client.scripts().find(({ url }) => url === 'shop.js')
    expect(await client.post('Debugger.getScriptSource', { scriptId })).toMatchObject({ scriptSource: code })
    let pause = client.next('Debugger.paused')
    const call = isolate.call('stop')
    expect(place(await pause)).toBe('stop:6')
    const places: string[] = []
    for (const step of ['stepOver', 'stepInto', 'stepOut']) {
      pause = client.next('Debugger.paused')
      await client.post(`Debugger.${step}`)
      places.push(place(await pause))
    }
    expect(places).toEqual(['stop:7', 'total:1', 'stop:7'])
    await client.post('Debugger.resume')
    expect(await call).toBe(1)
  })

  test('by the URL of a file, for sources that are named by absolute paths', async () => {
    const { isolate, client } = await inspected({ fallback: { bundle: { code: SHOP, name: '/srv/a shop/total.js' } } })
    const url = 'file:///srv/a%20shop/total.js'
    expect(await client.enable()).toContain(url)
    await client.post('Debugger.setBreakpointByUrl', { url, lineNumber: 3 })
    const pause = client.next('Debugger.paused')
    const call = isolate.call('total', [[5]])
    expect(place(await pause)).toBe('total:3')
    await client.post('Debugger.resume')
    expect(await call).toBe(5)
  })

  test('source maps reach the client, of the session and of its snapshot', async () => {
    const compile = (sourcefile: string): string =>
      transformSync('globalThis.greet = (name: string): string => `hi ${name}`', { loader: 'ts', sourcefile, sourcemap: 'inline' }).code
    const snapshot = await buildSnapshot({ bundle: { code: compile('src/seed.ts'), name: 'seed.js' } })
    const { isolate, client } = await inspected({ snapshot })
    await isolate.eval({ code: compile('src/session.ts'), name: 'session.js', type: 'commonjs' })
    await client.enable()
    const mapOf = (name: string): any => {
      const { sourceMapURL } = client.scripts().find(({ url }) => url === name)
      expect(sourceMapURL).toMatch(/^data:application\/json/)
      return JSON.parse(Buffer.from(sourceMapURL.split(',')[1], 'base64').toString())
    }
    expect(mapOf('session.js')).toMatchObject({ version: 3, sources: ['src/session.ts'], sourcesContent: [expect.stringContaining('name: string')] })
    expect(mapOf('seed.js')).toMatchObject({ version: 3, sources: ['src/seed.ts'] })
  })

  test.each(['script', 'commonjs', 'module'] as const)('source maps of a fallback reach the client: %s', async (type) => {
    const { code } = transformSync('globalThis.greet = (name: string): string => `hi ${name}`', { loader: 'ts', sourcefile: 'src/seed.ts', sourcemap: 'inline' })
    const { client } = await inspected({ fallback: { bundle: { code, name: 'seed.js', type } } })
    await client.enable()
    expect(client.scripts().find(({ url }) => url === 'seed.js').sourceMapURL).toMatch(/^data:application\/json/)
  })

  test('of exceptions that nobody catches', async () => {
    const { isolate, client } = await inspected()
    await client.enable()
    await client.post('Debugger.setPauseOnExceptions', { state: 'uncaught' })
    expect(await isolate.eval('try { throw new Error("caught") } catch { 1 }')).toBe(1)
    const pause = client.next('Debugger.paused')
    const thrown = client.next('Runtime.exceptionThrown')
    const call = rejection(isolate.eval({ code: '\nthrow new TypeError("not caught")', name: 'thrower.js' }))
    expect(await pause).toMatchObject({ reason: 'exception', data: { className: 'TypeError' } })
    await client.post('Debugger.resume')
    expect(await call).toMatchObject({ name: 'TypeError', message: 'not caught' })
    expect((await thrown).exceptionDetails).toMatchObject({ text: 'Uncaught', lineNumber: 1, url: 'thrower.js', exception: { className: 'TypeError' } })
  })
})

describe('at a breakpoint', () => {
  test('no time runs, neither for the call nor for those behind it', async () => {
    const { isolate, client, call } = await paused({ timeoutMs: 150 })
    const behind = [isolate.eval('1'), isolate.call('eval', ['2'])]
    await passing(400)
    expect(await client.evaluate('1 + 1')).toBe(2)
    await client.post('Debugger.resume')
    expect(await call).toBe(42)
    expect(await Promise.all(behind)).toEqual([1, 2])
    // And it runs again afterwards.
    expect(await codeOf(isolate.eval('for (;;);'))).toBe('ERR_TIMEOUT')
  })

  test('time that ran before counts', async () => {
    const { isolate, client } = await inspected()
    await client.enable()
    const pause = client.next('Debugger.paused')
    const call = codeOf(isolate.eval('const end = Date.now() + 100; while (Date.now() < end); debugger; for (;;);', { timeoutMs: 600 }))
    await pause
    await passing(700)
    const resumed = performance.now()
    await client.post('Debugger.resume')
    expect(await call).toBe('ERR_TIMEOUT')
    expect(performance.now() - resumed).toBeLessThan(595)
  })

  test.each<[string, (parts: Awaited<ReturnType<typeof paused>>) => unknown, unknown]>([
    ['its client says so', ({ client }) => client.post('Debugger.resume'), 42],
    ['its client switches debugging off', ({ client }) => client.post('Debugger.disable'), 42],
    ['its client is gone', ({ client }) => client.socket.terminate(), 42],
    ['its client says goodbye', ({ client }) => client.socket.close(), 42],
    ['the inspector is closed', ({ inspector }) => inspector.close(), 42],
    ['the isolate is disposed', ({ isolate }) => isolate.dispose(), 'ERR_DISPOSED'],
    ['the client terminates it', ({ client }) => client.post('Debugger.resume', { terminateOnResume: true }), 'ERR_GUEST'],
  ])('it goes on at once when %s', async (_, end, outcome) => {
    const parts = await paused()
    const started = performance.now()
    await end(parts)
    expect(await parts.call.catch((error: { code: string }) => error.code)).toBe(outcome)
    expect(performance.now() - started).toBeLessThan(900)
  })

  test('an aborted call ends', async () => {
    const { isolate, client } = await inspected()
    await client.enable()
    const pause = client.next('Debugger.paused')
    const abort = new AbortController()
    const call = isolate.eval('debugger; 1', { signal: abort.signal })
    await pause
    abort.abort()
    await expect(call).rejects.toBe(abort.signal.reason)
    expect(await isolate.eval('2')).toBe(2)
  })

  test('an evaluation in the frame without end can be stopped, by its own limit and by dispose', async () => {
    const { isolate, client, call, at } = await paused()
    const loop = { callFrameId: at.callFrames[0].callFrameId, expression: 'for (;;);' }
    expect(await client.post('Debugger.evaluateOnCallFrame', { ...loop, timeout: 20 })).toMatchObject({ error: { message: 'Execution was terminated' } })
    void client.post('Debugger.evaluateOnCallFrame', loop)
    const started = performance.now()
    await isolate.dispose()
    expect(performance.now() - started).toBeLessThan(900)
    expect(await codeOf(call)).toBe('ERR_DISPOSED')
  })

  test('one in a getter of a result is one like any other', async () => {
    const { isolate, client } = await inspected({ memoryLimitMb: 16 })
    await client.enable()
    const pause = client.next('Debugger.paused')
    const call = isolate.eval('({ get slow() { debugger; return 1 } })')
    const { callFrames } = await pause
    const { result } = await client.post('Debugger.evaluateOnCallFrame', { callFrameId: callFrames[0].callFrameId, expression: '"x".repeat(1e6)', returnByValue: true })
    expect(result.value).toHaveLength(1e6)
    await client.post('Debugger.resume')
    expect(await call).toEqual({ slow: 1 })
  })

  test('the other isolates go on', async () => {
    const { client } = await paused()
    expect(await (await open()).eval('1 + 1')).toBe(2)
    await client.post('Debugger.resume')
  })

  test('the heap limit holds', async () => {
    const { client, call, at } = await paused({ memoryLimitMb: 32 })
    void client.post('Debugger.evaluateOnCallFrame', { callFrameId: at.callFrames[0].callFrameId, expression: 'globalThis.all = []; for (;;) all.push(new Array(1e4).fill({}))' })
    expect(await codeOf(call)).toBe('ERR_MEMORY_LIMIT')
    expect(await client.closed).toEqual([1001, expect.any(String)])
  })
})

describe('while the guest runs', () => {
  test('a client attaches to an endless loop, stops it and looks into it', async () => {
    const started = deferred()
    const isolate = await open({ bindings: { started: () => started.resolve() } })
    const call = isolate.eval({ code: 'function spin(turns) {\n  for (;;) turns.count++\n}\nstarted(); spin({ count: 0 })', name: 'spin.js' })
    await started.promise
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    expect(await client.enable()).toContain('spin.js')
    const pause = client.next('Debugger.paused')
    await client.post('Debugger.pause')
    const at = await pause
    expect(place(at)).toBe('spin:1')
    const { result } = await client.post('Debugger.evaluateOnCallFrame', { callFrameId: at.callFrames[0].callFrameId, expression: 'turns.count' })
    expect(result.value).toBeGreaterThan(0)
    const ended = rejection(call)
    await client.post('Debugger.resume')
    await client.post('Runtime.terminateExecution')
    expect(await ended).toMatchObject({ code: 'ERR_GUEST', message: 'terminated by the debugger' })
    expect(await isolate.eval('1')).toBe(1)
  })

  test('what a client evaluates ends with the call that it interrupted', async () => {
    const started = deferred()
    const { isolate, client } = await inspected({ bindings: { started: () => started.resolve() } })
    const call = codeOf(isolate.eval('started(); for (;;);', { timeoutMs: 500 }))
    await started.promise
    const evaluated = client.post('Runtime.evaluate', { expression: 'for (;;);' })
    expect(await call).toBe('ERR_TIMEOUT')
    expect(await evaluated).toMatchObject({ error: { message: 'Execution was terminated' } })
    expect(await isolate.eval('1')).toBe(1)
  })

  test("a getter in the place of `console` that never returns has the isolate's time limit", async () => {
    const isolate = await open({ timeoutMs: 200 })
    await isolate.eval('Object.defineProperty(globalThis, "console", { get() { for (;;); } }); 0')
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    expect(await client.evaluate('1 + 1')).toBe(2)
    expect(await isolate.eval('2')).toBe(2)
  })

  test('a guest that has replaced everything is debugged all the same', async () => {
    const isolate = await open()
    await isolate.eval(`
      for (const name of Object.getOwnPropertyNames(globalThis)) if (!['globalThis', 'undefined', 'NaN', 'Infinity'].includes(name)) {
        try { Object.defineProperty(globalThis, name, { get() { throw new Error(name) } }) } catch {}
      }
      0`)
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    await client.enable()
    const pause = client.next('Debugger.paused')
    const call = isolate.eval('let here = 3; debugger; here')
    const { callFrames } = await pause
    expect(await client.post('Debugger.evaluateOnCallFrame', { callFrameId: callFrames[0].callFrameId, expression: 'here' })).toMatchObject({ result: { value: 3 } })
    await client.post('Runtime.getProperties', { objectId: callFrames[0].scopeChain.at(-1).object.objectId })
    await client.post('Debugger.resume')
    expect(await call).toBe(3)
  })
})

describe('while nothing runs', () => {
  test('clients evaluate, wait for promises, and see the console', async () => {
    const { isolate, client } = await inspected({ bindings: { ask: async (name: string) => `hi ${name}` } })
    await client.enable()
    expect(await client.evaluate('ask("Ada")', { awaitPromise: true })).toBe('hi Ada')
    const called = client.next('Runtime.consoleAPICalled')
    await isolate.eval('console.warn("careful", 1); 0')
    const { type, args, timestamp } = await called
    expect([type, args.map(({ value }: { value: unknown }) => value)]).toEqual(['warning', ['careful', 1]])
    expect(Math.abs(timestamp - Date.now())).toBeLessThan(60_000)
  })

  test("an evaluation has the isolate's limits", async () => {
    const hurried = await inspected({ timeoutMs: 100 })
    expect(await hurried.client.post('Runtime.evaluate', { expression: 'for (;;);' })).toMatchObject({ error: { message: 'Execution was terminated' } })
    expect(await hurried.isolate.eval('1')).toBe(1)
    const { isolate, client } = await inspected({ memoryLimitMb: 32 })
    void client.post('Runtime.evaluate', { expression: 'globalThis.all = []; for (;;) all.push(new Array(1e4).fill({}))' })
    await client.closed
    expect(await rejection(isolate.eval('1'))).toMatchObject({ code: 'ERR_DISPOSED', cause: { code: 'ERR_MEMORY_LIMIT' } })
  })

  test('switching the debugger on lifts no limit', async () => {
    const { isolate, client } = await inspected({ memoryLimitMb: 32 })
    await client.enable()
    expect(await codeOf(isolate.eval('const all = []; for (;;) all.push(new Array(1e4).fill({}))'))).toBe('ERR_MEMORY_LIMIT')
    expect(client.events.filter(({ method }) => method === 'Debugger.paused')).toEqual([])
  })
})

describe('waitForDebugger', () => {
  test('lets a client set breakpoints before the first line, however long it takes', async () => {
    const { isolate, client } = await inspected({ timeoutMs: 150 }, { waitForDebugger: true })
    const call = isolate.eval({ code: 'let step = 1\nstep = 2\nstep', name: 'first.js' })
    await passing(300)
    await client.enable()
    await client.post('Debugger.setBreakpointByUrl', { url: 'first.js', lineNumber: 1 })
    const pause = client.next('Debugger.paused')
    await client.post('Runtime.runIfWaitingForDebugger')
    expect((await pause).callFrames[0].location.lineNumber).toBe(1)
    await client.post('Debugger.resume')
    expect(await call).toBe(2)
    expect(await isolate.eval('3')).toBe(3)
  })

  test.each<[string, (parts: { isolate: Isolate; inspector: Inspector; abort: AbortController }) => unknown, unknown]>([
    ['its own signal', ({ abort }) => abort.abort(), 'AbortError'],
    ['the end of the inspector', ({ inspector }) => inspector.close(), 1],
    ['dispose', ({ isolate }) => isolate.dispose(), 'IsoseedError'],
  ])('a call that waits is ended by %s', async (_, end, outcome) => {
    const { isolate, inspector } = await inspected({}, { waitForDebugger: true })
    const abort = new AbortController()
    const call = isolate.eval('1', { signal: abort.signal }).catch((error: Error) => error.name)
    await end({ isolate, inspector, abort })
    expect(await call).toBe(outcome)
  })

  test('holds until the last that asked for it lets go', async () => {
    const isolate = await open()
    const first = await isolate.inspect({ waitForDebugger: true })
    const second = await isolate.inspect({ waitForDebugger: true })
    let ran = false
    const call = isolate.eval('1').then(() => (ran = true))
    await first.close()
    const client = await SocketClient.connect(second.url)
    expect(await client.evaluate('1 + 1')).toBe(2)
    expect(ran).toBe(false)
    await second.close()
    await call
  })
})
