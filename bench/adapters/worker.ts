// A Worker thread for each session: it evaluates the bundle, with V8's code cache or without.
import { readFile } from 'node:fs/promises'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import type { Work } from '../protocol.ts'
import type { Contender } from './adapter.ts'

/**
 * Runs in the worker. The first message may be waiting before the bundle was evaluated. There is no `process`, as in
 * the others: a library that finds one takes itself to be in Node, and requires its modules.
 */
const AROUND = `
const { parentPort, workerData: { code, cachedData } } = require('node:worker_threads')
const vm = require('node:vm')
globalThis.process = undefined
if (code !== '') new vm.Script(code, { filename: 'bundle.js', ...(cachedData && { cachedData }) }).runInThisContext()
parentPort.on('message', ({ script, name, argument, move }) => {
  if (script !== undefined) return parentPort.postMessage(vm.runInThisContext(script))
  const result = globalThis[name](argument)
  parentPort.postMessage(result, move ? [result.buffer] : [])
})
`

export async function worker(work: Work, cached: boolean): Promise<Contender> {
  const code = work.bundleFile === undefined ? '' : await readFile(work.bundleFile, 'utf8')
  const cachedData = cached ? madeOnce(work, code) : undefined
  return {
    version: `Node ${process.versions.node}, V8 ${process.versions.v8}`,
    async open() {
      const thread = new Worker(AROUND, { eval: true, workerData: { code, cachedData }, resourceLimits: { maxOldGenerationSizeMb: work.memoryLimitMb } })
      const waiting: { resolve: (value: unknown) => void; reject: (reason: unknown) => void }[] = []
      thread.on('message', (value) => waiting.shift()?.resolve(value))
      thread.on('error', (error) => waiting.splice(0).forEach(({ reject }) => reject(error)))
      const ask = (message: object, transfer: ArrayBuffer[] = []): Promise<unknown> =>
        new Promise((resolve, reject) => {
          waiting.push({ resolve, reject })
          thread.postMessage(message, transfer)
        })
      return {
        eval: (script) => ask({ script }),
        bind: async (name) => (argument) => ask({ name, argument }),
        move: {
          in: (name, bytes) => ask({ name, argument: bytes }, [bytes.buffer]),
          out: (name, argument) => ask({ name, argument, move: true }),
        },
        async dispose() {
          await thread.terminate()
        },
      }
    },
  }
}

/** The cache in memory that all workers share. */
function madeOnce(work: Work, code: string): Uint8Array {
  const script = new vm.Script(code, { filename: 'bundle.js' })
  const context = vm.createContext()
  script.runInContext(context)
  vm.runInContext(work.call, context)
  const data = script.createCachedData()
  const shared = new Uint8Array(new SharedArrayBuffer(data.byteLength))
  shared.set(data)
  return shared
}
