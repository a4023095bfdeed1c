// node:vm: a new context that evaluates the bundle from V8's code cache, for each first result.
// It shares thread, heap and limits with its host: the cheapest that Node itself offers, not an isolate.
import { readFile } from 'node:fs/promises'
import vm from 'node:vm'
import type { Api } from '../demo/guest.ts'
import type { Contender } from './contender.ts'
import type { Work } from './work.ts'

export async function makeVm({ bundleFile, order }: Work): Promise<Contender> {
  const code = await readFile(bundleFile, 'utf8')
  const filename = 'bundle.js'

  const script = new vm.Script(code, { filename })
  const context = vm.createContext()
  script.runInContext(context)
  processOrder(context)
  // After the first call, so that the functions it needs are in the cache.
  const cachedData = script.createCachedData()

  function processOrder(inside: vm.Context): unknown {
    return (inside as unknown as Api).shop.processOrder(order)
  }

  return {
    async firstResult() {
      const started = performance.now()
      const cached = new vm.Script(code, { filename, cachedData })
      const fresh = vm.createContext()
      cached.runInContext(fresh)
      const answer = processOrder(fresh)
      const ms = performance.now() - started
      if (cached.cachedDataRejected !== false) throw new Error('V8 rejected the cached data')
      return { ms, answer }
    },
  }
}
