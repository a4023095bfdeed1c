import { sessions } from '../../index.js'
import type { SessionRecord } from '../../index.js'
import { UsageError } from '../arguments.js'
import { EXIT } from '../command.js'
import type { Command } from '../command.js'
import { formatBytes } from '../format.js'
import { visible } from '../terminal.js'
import type { Output } from '../terminal.js'
import { STORE_OPTIONS, withStore } from './access.js'

/** Wide enough for what is in most rows: all sessions are never in memory at once. The id comes last. */
const COLUMNS = [
  ['REVISION', 8],
  ['SIZE', 10],
  ['STORED', 10],
  ['UPDATED', 20],
  ['LEASE', 5],
] as const

/** `isoseed session ls`. */
export const ls: Command = {
  options: STORE_OPTIONS,
  async run({ args, out }) {
    const [prefix = '', more] = args.positionals
    if (more !== undefined) throw new UsageError(`only one prefix can be given, got ${JSON.stringify(more)} as well`)
    await withStore(args, false, async (store) => {
      if (args.flag('json')) {
        const all: SessionRecord[] = []
        for await (const record of sessions.list(store, prefix)) all.push(record)
        out.json({ ok: true, sessions: all })
        return
      }
      let count = 0
      for await (const record of sessions.list(store, prefix)) {
        if (count === 0 && out.isTerminal) out.line(out.style('bold', row(COLUMNS.map(([name]) => name), 'ID')))
        count += 1
        printRecord(out, record)
      }
      if (count === 0 && out.isTerminal) out.line('no sessions')
    })
    return EXIT.ok
  },
}

function printRecord(out: Output, { id, newest, storedBytes, lease }: SessionRecord): void {
  const revision = newest === undefined ? '-' : String(newest.revision)
  const updated = newest === undefined ? '-' : isoTime(newest.createdAt)
  const held = lease === undefined ? '-' : 'held'
  if (out.isTerminal) {
    const size = newest === undefined ? '-' : formatBytes(newest.bytes)
    out.line(row([revision, size, formatBytes(storedBytes), updated.replace(/\.\d+Z$/, 'Z'), held], visible(id)))
  } else {
    // For other programs: exact, the id first, a tab between.
    out.line([visible(id), revision, newest?.bytes ?? '-', storedBytes, updated, held].join('\t'))
  }
}

function row(cells: readonly string[], id: string): string {
  return [...cells.map((cell, index) => cell.padStart(COLUMNS[index]?.[1] ?? 0)), id].join('  ')
}

/** A time in ISO 8601, whatever number a store gives. */
export function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}
