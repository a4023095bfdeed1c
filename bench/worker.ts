// A Worker thread that evaluates the bundle, for each first result.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { Contender } from './contender.ts'
import type { Work } from './work.ts'

const AROUND = `
const { parentPort, workerData } = require('node:worker_threads')
parentPort.postMessage(shop.processOrder(workerData))
parentPort.on('message', () => parentPort.postMessage(shop.visit()))
`

export async function makeWorker({ bundleFile, order }: Work): Promise<Contender> {
  const code = (await readFile(bundleFile, 'utf8')) + AROUND
  const start = (): Worker => new Worker(code, { eval: true, workerData: order })
  return {
    async firstResult() {
      const started = performance.now()
      const worker = start()
      const [answer] = (await once(worker, 'message')) as unknown[]
      const ms = performance.now() - started
      await worker.terminate()
      return { ms, answer }
    },
    async roundTrip(calls) {
      const worker = start()
      await once(worker, 'message')
      let resolve: (answer: number) => void
      worker.on('message', (answer: number) => resolve(answer))
      const visit = (): Promise<number> =>
        new Promise((settle) => {
          resolve = settle
          worker.postMessage(undefined)
        })
      await visit()
      const started = performance.now()
      let last = 0
      for (let count = 0; count < calls; count += 1) last = await visit()
      const ms = (performance.now() - started) / calls
      await worker.terminate()
      if (last !== calls + 1) throw new Error(`wrong answer: ${last}`)
      return ms
    },
  }
}
