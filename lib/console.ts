import { Console } from 'node:console'
import { formatBounded, inspectBounded, isSmallTable } from './bounded-inspect.js'
import { ConsoleValues } from './console-values.js'
import type { ConsoleEntry, ConsoleLevel, ConsoleMethod } from './observe-types.js'

/** The JSON of a console report, see `src/engine/observe/console.rs`. */
interface Described {
  method: ConsoleMethod
  depth: number
  time: number
  args?: unknown[]
  stack?: string
  label?: string
  count?: number
  ms?: number
  problem?: 'unknown' | 'exists' | 'labels'
}

const LEVELS: Readonly<Partial<Record<ConsoleMethod, ConsoleLevel>>> = {
  assert: 'error',
  debug: 'debug',
  error: 'error',
  info: 'info',
  trace: 'trace',
  warn: 'warn',
}

/** Deeper than this `console.dir` does not go, whatever it is told: so deep its argument is there. */
const DEEPEST = 12

/** The entry for a console report of the native side. */
export function toEntry(json: string): ConsoleEntry {
  const described = JSON.parse(json) as Described
  const { method, depth, time, stack } = described
  const values = new ConsoleValues()
  const args = (described.args ?? []).map((argument) => values.revive(argument))
  const text = textOf(described, args)
  values.finish()
  const level = described.problem === undefined ? (LEVELS[method] ?? 'log') : 'warn'
  return { level, method, text, args, depth, time, ...(stack === undefined ? {} : { stack }) }
}

/** The entry that stands for entries that were dropped. */
export function droppedEntry(dropped: number): ConsoleEntry {
  const text = `${dropped} console ${dropped === 1 ? 'entry was' : 'entries were'} dropped: the host took none for a second`
  return { level: 'warn', text, args: [], depth: 0, time: Date.now(), dropped }
}

/** Prints an entry with the host's own console, as one argument that is not looked at for placeholders. */
export function print({ level, method, text, depth }: ConsoleEntry): void {
  const indented = depth === 0 ? text : text.replaceAll(/^/gm, ' '.repeat(depth * 2))
  // The host's own `trace` would add the host's frames; Node prints it as an error.
  // oxlint-disable-next-line no-console -- what `'inherit'` asks for
  console[method === 'trace' ? 'error' : level]('%s', indented)
}

function textOf(described: Described, args: unknown[]): string {
  const { method, label = '', stack = '' } = described
  if (described.problem !== undefined) return problemText(described.problem, method, label)
  switch (method) {
    case 'count':
      return `${label}: ${described.count}`
    case 'timeEnd':
      return `${label}: ${duration(described.ms ?? 0)}`
    case 'timeLog':
      return `${label}: ${duration(described.ms ?? 0)}${args.length === 0 ? '' : ` ${format(args)}`}`
    case 'assert':
      return typeof args[0] === 'string'
        ? format([`Assertion failed: ${args[0]}`, ...args.slice(1)])
        : format(['Assertion failed', ...args])
    case 'trace':
      return `Trace${args.length === 0 ? '' : `: ${format(args)}`}${stack === '' ? '' : `\n${stack}`}`
    case 'dir':
      return inspectBounded(args[0], dirDepth(args[1]))
    case 'table':
      return isSmallTable(args[0]) ? guard(() => table(args), args) : format(args)
    default:
      return format(args)
  }
}

function problemText(problem: 'unknown' | 'exists' | 'labels', method: ConsoleMethod, label: string): string {
  if (problem === 'labels') return `console.${method}() keeps no more than 1000 labels, '${label}' is not one of them`
  if (problem === 'exists') return `Label '${label}' already exists for console.time()`
  return method === 'countReset' ? `Count for '${label}' does not exist` : `No such label '${label}' for console.${method}()`
}

function format(args: unknown[]): string {
  return guard(() => formatBounded(args), args)
}

/** Placeholders convert what they stand for: `%d` of an object with a `valueOf` that is none throws. */
function guard(make: () => string, args: unknown[]): string {
  try {
    return make()
  } catch {
    return args.map((argument) => (typeof argument === 'string' ? argument : inspectBounded(argument))).join(' ')
  }
}

function dirDepth(options: unknown): number {
  const depth: unknown = typeof options === 'object' && options !== null && 'depth' in options ? options.depth : undefined
  if (depth === null || depth === Infinity) return DEEPEST
  return typeof depth === 'number' && depth >= 0 ? Math.min(depth, DEEPEST) : 2
}

/** As Node's console does it, which has no function for it alone. */
function table(args: unknown[]): string {
  let text = ''
  // All that a `Console` asks of its stream.
  const stream = { write: (chunk: string) => (text += chunk), on() {}, once() {}, removeListener() {}, listenerCount: () => 0 }
  const columns = Array.isArray(args[1]) ? args[1].filter((column) => typeof column === 'string') : undefined
  new Console({ stdout: stream as unknown as NodeJS.WritableStream, colorMode: false }).table(args[0], columns)
  return text.replace(/\n$/, '')
}

const MS = 1
const SECOND = 1000 * MS
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** As Node prints the time of a timer. */
function duration(ms: number): string {
  if (ms >= HOUR) return `${Math.floor(ms / HOUR)}:${padded(ms / MINUTE)}:${padded(ms / SECOND)} (h:mm:ss)`
  if (ms >= MINUTE) return `${Math.floor(ms / MINUTE)}:${((ms % MINUTE) / SECOND).toFixed(3).padStart(6, '0')} (m:ss.mmm)`
  if (ms >= SECOND) return `${(ms / SECOND).toFixed(3)}s`
  return `${Number(ms.toFixed(3))}ms`
}

function padded(count: number): string {
  return String(Math.floor(count % 60)).padStart(2, '0')
}
