// isolated-vm: isolates of Node's own V8. Its process runs with --no-node-snapshot, as it demands.
import { readFile } from 'node:fs/promises'
import type { Work } from '../protocol.ts'
import type { Contender } from './adapter.ts'
import { installed, versionOf } from './installed.ts'

/** How sessions start: by evaluating the source, with V8's code cache, or from isolated-vm's own snapshot. */
export type Mode = 'source' | 'cached' | 'snapshot'

interface Copy {
  readonly copied: unique symbol
}
interface Reference {
  apply(receiver: undefined, args: readonly unknown[], options: object): Promise<unknown>
}
interface Script {
  cachedData?: Copy & { copy(): ArrayBuffer }
  cachedDataRejected?: boolean
  run(context: Context): Promise<unknown>
}
interface Context {
  eval(code: string, options?: object): Promise<unknown>
  global: { get(name: string, options: object): Promise<Reference> }
}
interface Isolate {
  createContext(): Promise<Context>
  compileScript(code: string, options?: object): Promise<Script>
  dispose(): void
}
interface IsolatedVm {
  Isolate: { new (options: object): Isolate; createSnapshot(scripts: { code: string; filename?: string }[], warmup?: string): Copy & { copy(): ArrayBuffer } }
  ExternalCopy: new (value: unknown, options: object) => { copyInto(options: object): unknown }
}

const filename = 'file:///bundle.js'

export async function isolatedVm(work: Work, mode: Mode): Promise<Contender> {
  const ivm = installed<IsolatedVm>('isolated-vm')
  const code = work.bundleFile === undefined ? '' : await readFile(work.bundleFile, 'utf8')
  const { memoryLimitMb: memoryLimit } = work
  const makeSnapshot = (warmup: string | undefined): Copy & { copy(): ArrayBuffer } => ivm.Isolate.createSnapshot([{ code, filename }], warmup)
  const makeCache = async (): Promise<Copy & { copy(): ArrayBuffer }> => {
    const isolate = new ivm.Isolate({ memoryLimit })
    const script = await isolate.compileScript(code, { filename, produceCachedData: true })
    isolate.dispose()
    return script.cachedData!
  }
  const own = mode === 'snapshot' ? await soundSnapshot(ivm, work, makeSnapshot) : undefined
  const snapshot = own?.snapshot
  const cachedData = mode === 'cached' ? await makeCache() : undefined
  return {
    version: `${await versionOf('isolated-vm')}, V8 ${process.versions.v8}${own !== undefined && own.warmup === undefined ? ', no warm-up' : ''}`,
    async open() {
      const isolate = new ivm.Isolate({ memoryLimit, ...(snapshot && { snapshot }) })
      const context = await isolate.createContext()
      if (code !== '' && snapshot === undefined) {
        const script = await isolate.compileScript(code, { filename, ...(cachedData && { cachedData }) })
        if (script.cachedDataRejected) throw new Error('V8 rejected the cached data')
        await script.run(context)
      }
      const copied = { arguments: { copy: true }, result: { copy: true } }
      const call = async (name: string, argument: unknown): Promise<unknown> => {
        const reference = await context.global.get(name, { reference: true })
        return reference.apply(undefined, [argument], { result: { copy: true } })
      }
      return {
        eval: (script) => context.eval(script),
        async bind(name) {
          const reference = await context.global.get(name, { reference: true })
          return (argument) => reference.apply(undefined, argument === undefined ? [] : [argument], copied)
        },
        move: {
          in: (name, bytes) => call(name, new ivm.ExternalCopy(bytes, { transferOut: true }).copyInto({ release: true, transferIn: true })),
          out: () => Promise.reject(new Error('isolated-vm moves no results')),
        },
        async dispose() {
          isolate.dispose()
        },
      }
    },
    ...(own !== undefined && { build: async () => makeSnapshot(own.warmup).copy().byteLength }),
    ...(mode === 'cached' && { build: async () => (await makeCache()).copy().byteLength }),
  }
}

/** A snapshot with the warm-up, or without it where a session from the warm one gives no right answer. */
async function soundSnapshot(ivm: IsolatedVm, work: Work, make: (warmup: string | undefined) => Copy & { copy(): ArrayBuffer }): Promise<{ snapshot: Copy; warmup: string | undefined }> {
  let reason: unknown
  for (const warmup of work.warmup === undefined ? [undefined] : [work.warmup, undefined]) {
    const snapshot = make(warmup)
    const isolate = new ivm.Isolate({ memoryLimit: work.memoryLimitMb, snapshot })
    try {
      const context = await isolate.createContext()
      if ((await context.eval(work.call)) === work.expected) return { snapshot, warmup }
      reason = new Error('a session from its snapshot gives a wrong answer')
    } catch (error) {
      reason = error
    } finally {
      isolate.dispose()
    }
  }
  throw new Error(`its snapshot does not survive: ${(reason as Error).message}`, { cause: reason })
}
