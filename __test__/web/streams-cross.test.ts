import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { CreateIsolateOptions, Isolate, Snapshot } from 'isoseed'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { all } from '../support/all.js'
import { deferred, rejection } from '../support/rejection.js'

const opened: Isolate[] = []
let snapshot: Snapshot

beforeAll(async () => {
  snapshot = await buildSnapshot({ bridge: webBridge.pick(['streams', 'encoding', 'fetch']) })
})

afterEach(() => Promise.all(opened.splice(0).map((isolate) => isolate.dispose())))

async function open(options: CreateIsolateOptions = {}): Promise<Isolate> {
  const isolate = await createIsolate({ snapshot, timeoutMs: 5000, ...options })
  opened.push(isolate)
  return isolate
}

test("the bridge's ReadableStream is the host's own class, item by item", async () => {
  const isolate = await open()
  const stream = await isolate.eval<ReadableStream<{ n: number }>>('new ReadableStream({ start(c) { for (let n = 0; n < 3; n++) c.enqueue({ n }); c.close() } })')
  expect(stream).toBeInstanceOf(ReadableStream)
  expect(await all(stream as unknown as AsyncIterable<{ n: number }>)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
})

test('nothing is read ahead of the host, and its cancel reaches the source with the reason', async () => {
  const isolate = await open()
  const stream = await isolate.eval<ReadableStream<number>>(
    'globalThis.pulls = 0; new ReadableStream({ pull(c) { c.enqueue(pulls++) }, cancel(reason) { globalThis.reason = reason } }, { highWaterMark: 0 })',
  )
  expect(await isolate.eval('pulls')).toBe(0)
  const reader = stream.getReader()
  expect(await reader.read()).toEqual({ done: false, value: 0 })
  expect(await reader.read()).toEqual({ done: false, value: 1 })
  expect(await isolate.eval('pulls')).toBe(2)
  await reader.cancel('enough')
  expect(await isolate.eval('reason')).toBe('enough')
})

test("its error is the reader's", async () => {
  const isolate = await open()
  const stream = await isolate.eval<ReadableStream<number>>('new ReadableStream({ pull(c) { c.error(new RangeError("dry")) } })')
  expect(await rejection(stream.getReader().read())).toMatchObject({ name: 'RangeError', message: 'dry' })
})

test("a stream of the host's is the bridge's class in the guest, pipes through its transforms, and is cancelled from there", async () => {
  const cancelled = deferred<unknown>()
  const isolate = await open()
  await isolate.eval(`globalThis.read = async (stream) => {
    if (!(stream instanceof ReadableStream)) return 'another class'
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (let n = 0; n < 2; n++) text += (await reader.read()).value
    await reader.cancel('full')
    return text
  }; 0`)
  const bytes = new TextEncoder().encode('grün')
  let at = 0
  // In the middle of the ü.
  const parts = [bytes.subarray(0, 3), bytes.subarray(3)]
  const source = new ReadableStream(
    {
      pull: (controller) => (at < 2 ? controller.enqueue(parts[at++]) : undefined),
      cancel: (reason) => cancelled.resolve(reason),
    },
    { highWaterMark: 0 },
  )
  expect(await isolate.call('read', [source])).toBe('grün')
  expect(await cancelled.promise).toBe('full')
})

test('the body of a Response, made in the guest from what the host streams, comes back whole', async () => {
  const isolate = await open()
  await isolate.eval('globalThis.echo = async (body) => new Response(body).body; 0')
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
  const source = new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 10_000) controller.enqueue(bytes.slice(at, at + 10_000))
      controller.close()
    },
  })
  const back = await isolate.call<ReadableStream<Uint8Array>>('echo', [source])
  const received = await all(back as unknown as AsyncIterable<Uint8Array>)
  expect(Buffer.concat(received).equals(bytes)).toBe(true)
})
