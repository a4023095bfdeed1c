import { createIsolate } from 'isoseed'
import type { CreateIsolateOptions, InspectOptions, Inspector, Isolate } from 'isoseed'
import { afterEach } from 'vitest'
import { SocketClient } from './cdp.js'

/** A function to stop in: `total:3` is where it returns. */
export const SHOP = `function total(prices) {
  let sum = 0
  for (const price of prices) sum += price
  return sum
}
`

const opened: Isolate[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((isolate) => isolate.dispose()))
})

/** An isolate that is disposed when the test ends. */
export async function open(options?: CreateIsolateOptions): Promise<Isolate> {
  const isolate = await createIsolate(options)
  opened.push(isolate)
  return isolate
}

/** One with a client, over a WebSocket. */
export async function inspected(options?: CreateIsolateOptions, how?: InspectOptions): Promise<{ isolate: Isolate; inspector: Inspector; client: SocketClient }> {
  const isolate = await open(options)
  const inspector = await isolate.inspect(how)
  return { isolate, inspector, client: await SocketClient.connect(inspector.url) }
}

/** One that is at `debugger` in a call. */
export async function paused(options?: CreateIsolateOptions): Promise<{ isolate: Isolate; inspector: Inspector; client: SocketClient; call: Promise<unknown>; at: any }> {
  const { isolate, inspector, client } = await inspected(options)
  await client.enable()
  const pause = client.next('Debugger.paused')
  const call = isolate.eval('let answer = 42; debugger; answer')
  call.catch(() => undefined)
  return { isolate, inspector, client, call, at: await pause }
}

export const passing = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
