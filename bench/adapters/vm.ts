// node:vm: a new context that evaluates the bundle. It shares thread, heap and limits with its host: the cheapest
// that Node itself offers, not an isolate. And the host's main thread itself, for how fast a program runs there.
import { readFile } from 'node:fs/promises'
import vm from 'node:vm'
import type { Work } from '../protocol.ts'
import type { Contender, Session } from './adapter.ts'
import { fileKeeper } from './file.ts'

const version = `Node ${process.versions.node}, V8 ${process.versions.v8}`
const filename = 'bundle.js'

/** With V8's code cache, made after the first call so that what it needs is in it, or without. */
export async function nodeVm(work: Work, cached: boolean): Promise<Contender> {
  const code = work.bundleFile === undefined ? '' : await readFile(work.bundleFile, 'utf8')
  const makeCache = (): Buffer => {
    const script = new vm.Script(code, { filename })
    const context = vm.createContext()
    script.runInContext(context)
    vm.runInContext(work.call, context)
    return script.createCachedData()
  }
  const cachedData = cached ? makeCache() : undefined
  return {
    version,
    async open() {
      const script = new vm.Script(code, { filename, ...(cachedData && { cachedData }) })
      if (cached && script.cachedDataRejected !== false) throw new Error('V8 rejected the cached data')
      const context = vm.createContext()
      script.runInContext(context)
      return inContext((source) => vm.runInContext(source, context))
    },
    ...(cached && { build: async () => makeCache().byteLength }),
  }
}

/** No session at all: everything runs in the main thread's own context. */
export async function mainThread(work: Work): Promise<Contender> {
  const code = work.bundleFile === undefined ? '' : await readFile(work.bundleFile, 'utf8')
  vm.runInThisContext(code, { filename })
  return { version, open: async () => inContext((source) => vm.runInThisContext(source)), keep: fileKeeper }
}

function inContext(run: (source: string) => unknown): Session {
  return {
    eval: async (script) => run(script),
    async bind(name) {
      const call = run(name) as (argument?: unknown) => unknown
      return async (argument) => call(argument)
    },
    dispose: () => Promise.resolve(),
  }
}
