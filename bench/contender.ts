// One contender in a process of its own, started by main.ts: does one turn for each request.
//   node contender.mjs <contender> <work file>
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Contender } from './adapters/adapter.ts'
import { Missing } from './adapters/adapter.ts'
import { busy } from './busy.ts'
import { keep, resume, visits } from './kept.ts'
import type { Reply, Request, Turn, Work } from './protocol.ts'
import { build, call, churn, first, jit, loop, memory, throughput, values } from './tasks.ts'

// Each module is loaded only in its own process, so that the addon is in no one else's.
const makers: Record<string, (work: Work) => Promise<Contender>> = {
  isoseed: async (work) => (await import('./adapters/isoseed.ts')).isoseed(work, 'warmed'),
  'isoseed-ready': async (work) => (await import('./adapters/isoseed.ts')).isoseed(work, 'ready'),
  'isoseed-unwarmed': async (work) => (await import('./adapters/isoseed.ts')).isoseed(work, 'unwarmed'),
  'isoseed-blank': async (work) => (await import('./adapters/isoseed.ts')).isoseed(work, 'blank'),
  'isolated-vm': async (work) => (await import('./adapters/isolated-vm.ts')).isolatedVm(work, 'source'),
  'isolated-vm-cached': async (work) => (await import('./adapters/isolated-vm.ts')).isolatedVm(work, 'cached'),
  'isolated-vm-snapshot': async (work) => (await import('./adapters/isolated-vm.ts')).isolatedVm(work, 'snapshot'),
  worker: async (work) => (await import('./adapters/worker.ts')).worker(work, false),
  'worker-cached': async (work) => (await import('./adapters/worker.ts')).worker(work, true),
  vm: async (work) => (await import('./adapters/vm.ts')).nodeVm(work, false),
  'vm-cached': async (work) => (await import('./adapters/vm.ts')).nodeVm(work, true),
  node: async (work) => (await import('./adapters/vm.ts')).mainThread(work),
  quickjs: async (work) => (await import('./adapters/quickjs.ts')).quickjs(work),
}

/** In one piece: a line of its own for whoever reads. */
function reply(message: Reply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : `it threw ${JSON.stringify(error)}`
}

const [name, workFile] = process.argv.slice(2) as [string, string]
try {
  const work = JSON.parse(await readFile(workFile, 'utf8')) as Work
  const contender = await makers[name]!(work)
  reply({ kind: 'ready', version: contender.version })
  for await (const line of createInterface(process.stdin)) {
    const turn = await turnOf(JSON.parse(line) as Request, contender, work)
    reply({ kind: 'turn', turn })
  }
} catch (error) {
  reply({ kind: error instanceof Missing ? 'missing' : 'failed', reason: reasonOf(error) })
}
// A session that did not end must not keep the process; what it wrote is out when this is called.
process.stdout.write('', () => process.exit())

function turnOf(request: Request, contender: Contender, work: Work): Promise<Turn> {
  switch (request.task) {
    case 'first': return first(contender, work, request)
    case 'call': return call(contender, request)
    case 'loop': return loop(contender, work, request)
    case 'throughput': return throughput(contender, work, request)
    case 'memory': return memory(contender, work, request)
    case 'build': return build(contender)
    case 'jit': return jit(contender, work)
    case 'values': return values(contender, request)
    case 'churn': return churn(contender, work, request)
    case 'busy': return busy(contender, request)
    case 'keep': return keep(contender, request)
    case 'resume': return resume(contender, request)
    case 'visits': return visits(contender, request)
  }
}
