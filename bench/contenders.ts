// Who takes part, and how each is started.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FOLDER } from './adapters/installed.ts'
import { ContenderProcess, Skipped } from './processes.ts'

/** The floor is V8 alone; `isoseed-control` is isoseed once more, for the A/A control; `node` is the main thread itself. */
const labels = {
  floor: 'floor: V8 alone, Rust, no Node',
  isoseed: 'isoseed',
  'isoseed-control': 'isoseed again (A/A control)',
  'isoseed-unwarmed': 'isoseed, without a warm-up',
  'isoseed-ready': 'isoseed, its first call made in the bundle',
  'isoseed-blank': 'isoseed, a blank isolate evaluates the bundle',
  'isolated-vm': 'isolated-vm',
  'isolated-vm-cached': 'isolated-vm with cached data',
  'isolated-vm-snapshot': 'isolated-vm, its own snapshot',
  worker: 'worker_threads',
  'worker-cached': 'worker_threads with cached data',
  vm: 'node:vm (no isolate)',
  'vm-cached': 'node:vm with cached data (no isolate)',
  node: "Node's main thread",
  quickjs: 'quickjs-emscripten',
  jsrun: 'jsrun (Python)',
  'jsrun-snapshot': 'jsrun, its own snapshot (Python)',
  'mini-racer': 'mini-racer (Python)',
} as const

export type ContenderName = keyof typeof labels

export const contenderNames = Object.keys(labels) as ContenderName[]

export function labelOf(name: ContenderName): string {
  return labels[name]
}

/** What the process is started with beside the contender's name and its work. */
export function flagsOf(name: ContenderName): string[] {
  return name.startsWith('isolated-vm') ? ['--no-node-snapshot'] : []
}

/** Starts a contender's process; rejects with `Skipped` if it can't take part here. */
export async function startContender(name: ContenderName, workFile: string): Promise<ContenderProcess> {
  if (name === 'floor') return ContenderProcess.start(await floor(), [workFile])
  if (name.startsWith('jsrun') || name === 'mini-racer') return ContenderProcess.start(python(), [resolve('bench/python/contender.py'), name, workFile])
  // Beside this module, as scripts/run.mjs makes them.
  const program = fileURLToPath(new URL('contender.mjs', import.meta.url))
  const adapter = name === 'isoseed-control' ? 'isoseed' : name
  return ContenderProcess.start(process.execPath, [...flagsOf(name), '--enable-source-maps', program, adapter, workFile])
}

function python(): string {
  const program = process.platform === 'win32' ? join(FOLDER, 'venv', 'Scripts', 'python.exe') : join(FOLDER, 'venv', 'bin', 'python')
  if (existsSync(program)) return program
  throw new Skipped('no Python environment; `npm run bench:install` makes one')
}

let built: Promise<string> | undefined

/** Builds the Rust program, once in a run. */
function floor(): Promise<string> {
  built ??= (async () => {
    const build = spawn(process.execPath, ['scripts/build.mjs', '--floor'], { stdio: 'inherit' })
    const [code] = (await once(build, 'exit')) as [number | null]
    if (code !== 0) throw new Error('it could not be built: see above')
    return resolve('target/bench', process.platform === 'win32' ? 'floor.exe' : 'floor')
  })()
  return built
}
