import { constants } from 'node:os'
import type { NativeError } from '../../native.js'

/** How a process ended, as the native side reports it. */
export interface ProcessEnd {
  /** Whether it could be started at all. */
  started: boolean
  code: number | null
  /** The number of the signal that ended it. */
  signal: number | null
  /** Why the host ended it, if it did. */
  killed: 'host' | 'memory' | 'frame' | null
  /** With `memory`: by how much it had grown. */
  grownBytes: number | null
  /** What it said last, or why it could not be started. */
  words: string
}

/** What allocators say before they end their process: it had used up its bound, or the system has no more. */
const OUT_OF_MEMORY = /out of memory|memory allocation of \d+ bytes failed|bad_alloc|allocation failed|cannot allocate memory/i

/** What the process itself says when a signal ends it: see `last_words.rs`. */
const GROWN = /isoseed: its memory had grown by bytes: (\d+)/

/** What the end of its process means for an isolate. */
export function endError(end: ProcessEnd, memoryLimitMb: number): NativeError {
  const { words } = end
  if (!end.started) return lost(`its process can't be started: ${words}`)
  if (end.killed === 'memory') {
    return memory(memoryLimitMb, `its process grew by ${Math.round((end.grownBytes ?? 0) / 2 ** 20)} MiB`)
  }
  if (end.killed === 'frame') return lost('its process sent more than any value can be')
  const grownMb = Number(GROWN.exec(words)?.[1] ?? 0) / 2 ** 20
  // What is refused memory often says no more than this.
  if (grownMb > memoryLimitMb || OUT_OF_MEMORY.test(words)) return memory(memoryLimitMb, `its process ended with ${how(end)}: ${words}`)
  const hint = end.signal === constants.signals.SIGKILL && end.killed === null ? ', as the system does when it runs out of memory' : ''
  return lost(`its process ended with ${how(end)}${hint}: ${words}`)
}

function lost(why: string): NativeError {
  return { code: 'ERR_ISOLATE_LOST', message: `the isolate is lost: ${why}` }
}

function memory(limitMb: number, seen: string): NativeError {
  return { code: 'ERR_MEMORY_LIMIT', message: `the isolate passed its memoryLimitMb of ${limitMb}: ${seen}` }
}

/** `signal SIGSEGV` or `exit code 1`. */
function how({ code, signal }: ProcessEnd): string {
  if (signal === null) return `exit code ${code}`
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0]
  return `signal ${name ?? signal}`
}
