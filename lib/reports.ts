import type { NativeReport } from '../native.js'
import { inspectBounded } from './bounded-inspect.js'
import { droppedEntry, print, toEntry } from './console.js'
import { toError } from './native-error.js'
import type { ConsoleEntry, ConsoleSink, UnhandledRejection } from './observe-types.js'

/** Who hears what an isolate tells beside answers. */
export interface Listeners {
  console: ConsoleSink
  onUnhandledRejection: ((rejection: UnhandledRejection) => void) | undefined
}

/** What the native side has to tell, so that these listeners hear all that they want. */
export function wanted({ console, onUnhandledRejection }: Listeners): { console: boolean; uncaught: boolean } {
  // What nobody handles goes to the console, unless there is none.
  return { console: console !== 'ignore', uncaught: onUnhandledRejection !== undefined || console !== 'ignore' }
}

/** Tells the listeners; never throws. */
export function deliver(report: NativeReport, listeners: Listeners): void {
  switch (report.kind) {
    case 'console':
      tellConsole(listeners, () => toEntry(report.json as string))
      return
    case 'dropped':
      dropped(report, listeners)
      return
    default: {
      const rejection = toRejection(report)
      const { onUnhandledRejection } = listeners
      if (onUnhandledRejection === undefined) tellConsole(listeners, () => uncaughtEntry(rejection))
      else guarded(() => onUnhandledRejection(rejection))
    }
  }
}

function dropped(report: NativeReport, listeners: Listeners): void {
  const entries = report.entries ?? 0
  const errors = report.more ?? 0
  // Without a console the last that was told is the only place to count them.
  if (entries + errors > 0) tellConsole(listeners, () => droppedEntry(entries + errors))
}

function tellConsole({ console: sink }: Listeners, make: () => ConsoleEntry): void {
  if (sink === 'ignore') return
  guarded(() => (sink === 'inherit' ? print(make()) : sink(make())))
}

/**
 * Whatever one listener throws, the next report is told. As with an
 * `EventTarget`'s listeners in Node, it is an uncaught exception of the host.
 */
function guarded(tell: () => void): void {
  try {
    tell()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

function toRejection(report: NativeReport): UnhandledRejection {
  const { kind, origin, name, more } = report
  return {
    kind: kind as UnhandledRejection['kind'],
    error: report.error === undefined ? undefined : toError(report.error),
    origin: origin as UnhandledRejection['origin'],
    ...(typeof name === 'string' ? { name } : {}),
    more: more ?? 0,
  }
}

function uncaughtEntry({ kind, error, more }: UnhandledRejection): ConsoleEntry {
  const what = kind === 'rejection' ? 'Uncaught (in promise)' : 'Uncaught'
  const rest = more === 0 ? '' : `\n... and ${more} more`
  return { level: 'error', text: `${what} ${shown(error)}${rest}`, args: [error], depth: 0, time: Date.now() }
}

/** As Node prints an error: with the guest's name for it, which `inspect` would replace by `GuestError`. */
function shown(error: unknown): string {
  if (!(error instanceof Error)) return inspectBounded(error)
  const parts = (['errors', 'cause'] as const).filter((key) => Object.hasOwn(error, key))
  const lines = parts.map((key) => `  [${key}]: ${inspectBounded(Reflect.get(error, key)).replaceAll('\n', '\n  ')}`)
  return lines.length === 0 ? String(error.stack) : `${error.stack} {\n${lines.join(',\n')}\n}`
}
