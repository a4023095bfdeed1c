// Where and how a run was made: what anyone needs to judge its figures.
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { contenderNames, flagsOf, labelOf } from './contenders.ts'

export interface Circumstances {
  date: string
  command: string
  isoseed: string
  commit: string
  node: string
  machine: string
  load: string
  flags: Record<string, string>
}

export async function circumstances(args: readonly string[]): Promise<Circumstances> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  const processors = cpus()
  const flags = contenderNames.flatMap((name) => (flagsOf(name).length > 0 ? [[labelOf(name), flagsOf(name).join(' ')] as const] : []))
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    isoseed: version,
    commit: commit(),
    node: `${process.versions.node} with V8 ${process.versions.v8}${process.execArgv.length > 0 ? `, ${process.execArgv.join(' ')}` : ''}${process.env['NODE_OPTIONS'] ? `, NODE_OPTIONS=${process.env['NODE_OPTIONS']}` : ''}`,
    machine: `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}`,
    load: loads(),
    flags: Object.fromEntries(flags),
  }
}

/** The system's load over the last 1, 5 and 15 minutes. */
export function loads(): string {
  return loadavg().map((load) => load.toFixed(2)).join(' ')
}

/** The source that was measured; a mark where it is not as committed. */
function commit(): string {
  const ask = (...args: string[]): string => spawnSync('git', args, { encoding: 'utf8' }).stdout?.trim() ?? ''
  const hash = ask('rev-parse', '--short=12', 'HEAD')
  if (hash === '') return 'unknown'
  return ask('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}, changed`
}
