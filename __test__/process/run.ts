import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How a fixture's process ended, and what it said. */
export interface Run {
  /** Exit code; null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** Set when the helper had to end it: a test that sees this has failed. */
  killed?: 'time' | 'memory'
  /** Largest resident set seen; absent where the system does not tell. */
  maxRssKb?: number
  /** Wall-clock time, start of the process included. */
  ms: number
  pid: number
}

export interface RunOptions {
  args?: string[]
  /** Options for Node.js itself. */
  execArgv?: string[]
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Past it the process is killed. */
  timeoutMs?: number
  /** Past it the process is killed. A bound on address space is of no use: V8 reserves what it never touches. */
  maxRssMb?: number
  /** The program; Node.js itself otherwise. */
  program?: string
  onStart?: (pid: number) => void
}

const PAGE_KB = 4
const POLL_MS = 10

/** Processes at once, of one test file: more would only make each other late. */
const MOST_AT_ONCE = 3
let running = 0
const waiting: (() => void)[] = []

/** Runs `fixtures/<name>`, or the script with that path, in a process of its own, whatever becomes of it. */
export async function run(name: string, options: RunOptions = {}): Promise<Run> {
  if (running >= MOST_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    return await start(name, options)
  } finally {
    running--
    waiting.shift()?.()
  }
}

function start(name: string, options: RunOptions): Promise<Run> {
  const { args = [], execArgv = [], timeoutMs = 30_000, maxRssMb = 6 * 1024 } = options
  const fixture = isAbsolute(name) ? name : fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
  const env = { ...(options.env ?? process.env) }
  // Vitest's own settings are not the fixture's.
  delete env['VITEST']
  if (options.env === undefined) delete env['NODE_OPTIONS']
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(options.program ?? process.execPath, [...execArgv, fixture, ...args], {
      env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const pid = child.pid ?? 0
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    let killed: Run['killed']
    let maxRssKb: number | undefined
    const end = (why: Run['killed']) => {
      killed ??= why
      child.kill('SIGKILL')
    }
    const timer = setTimeout(() => end('time'), timeoutMs)
    const poll = setInterval(() => {
      const rss = residentKb(pid)
      if (rss === undefined) return
      maxRssKb = Math.max(maxRssKb ?? 0, rss)
      if (rss > maxRssMb * 1024) end('memory')
    }, POLL_MS)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      clearInterval(poll)
      resolve({
        code,
        signal,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        ...(killed === undefined ? {} : { killed }),
        ...(maxRssKb === undefined ? {} : { maxRssKb }),
        ms: performance.now() - started,
        pid,
      })
    })
    options.onStart?.(pid)
  })
}

function residentKb(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_KB
  } catch {
    return undefined
  }
}

/** The pids of living snapshot helpers, zombies too, whose environment carries `mark`. */
export function helpersMarked(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('helper.js')
      } catch {
        return false
      }
    })
    .map(Number)
}

/** The pids of living processes for isolates, stopped ones too, that this process has started. */
export function isolateProcessesOf(host: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [script, parent] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(-3)
        return script?.endsWith('isolate-process.js') === true && parent === String(host)
      } catch {
        return false
      }
    })
    .map(Number)
}
