import { sessions } from '../../index.js'
import type { RevisionMeta, SessionInspection, StateEntry, StateOverview, Store } from '../../index.js'
import { present } from '../arguments.js'
import type { Arguments } from '../arguments.js'
import { EXIT, Failure } from '../command.js'
import type { Command } from '../command.js'
import { count, formatBytes, table } from '../format.js'
import { visible } from '../terminal.js'
import type { Output } from '../terminal.js'
import { STATE_OPTIONS, limitsOf, readKeys, withStore } from './access.js'
import { isoTime } from './ls.js'

/** Revisions that are listed. */
const MOST_REVISIONS = 20
/** Paths of code that are listed; `--json` has more. */
const MOST_CODE = 20
/** The widest name in a table. */
const WIDEST_NAME = 32

/** `isoseed session show`. */
export const show: Command = {
  options: { ...STATE_OPTIONS, state: { type: 'string' }, revision: { type: 'string' } },
  async run({ args, out }) {
    const id = args.single('<id>')
    const options = { ...(await readKeys(args)), ...limitsOf(args), ...present({ state: args.string('state'), revision: revisionOf(args) }) }
    const { inspection, revisions } = await withStore(args, false, async (store) => {
      const found = await sessions.inspect(store, id, options)
      if (found === undefined) throw await nothingThere(store, id, revisionOf(args))
      return { inspection: found, revisions: await store.history(id, MOST_REVISIONS) }
    })
    if (args.flag('json')) out.json({ ok: true, session: inspection, history: revisions })
    else print(out, inspection, revisions)
    return EXIT.ok
  },
}

/** The revision that was asked for. */
export function revisionOf(args: Arguments): number | undefined {
  return args.integer('revision', [1, Number.MAX_SAFE_INTEGER])
}

/** Why there is nothing to show or to export. */
export async function nothingThere(store: Store, id: string, revision: number | undefined): Promise<Failure> {
  const isThere = revision !== undefined && (await store.find(id)) !== undefined
  return new Failure(`there is no session ${JSON.stringify(id)}${isThere ? ` with a revision ${revision}` : ''} in the store`, 'ERR_SESSION_NOT_FOUND')
}

function print(out: Output, { id, createdAt, lease, revisions: kept, storedBytes, encrypted, newest, state }: SessionInspection, revisions: readonly RevisionMeta[]): void {
  out.line(out.style('bold', visible(id)))
  const shown = state?.revision ?? newest
  const rows: [string, string][] = [['created', isoTime(createdAt)]]
  if (shown !== undefined) {
    rows.push(['revision', `${shown.revision}, made ${isoTime(shown.createdAt)}`])
    rows.push(['schema', String(shown.schema)])
    if (shown.snapshotKey !== '') rows.push(['snapshot', visible(shown.snapshotKey)])
    rows.push(['size', state === undefined ? formatBytes(shown.bytes) : `${formatBytes(state.bytes)}, ${count(state.objects, 'object')}`])
  }
  rows.push(['stored', `${formatBytes(storedBytes)} in ${count(kept, 'revision')}${encrypted ? ', encrypted' : ''}`])
  if (state !== undefined) rows.push(['hash', state.hash])
  if (lease !== undefined) rows.push(['held by', `${visible(lease.holder)} until ${isoTime(lease.expiresAt)}`])
  for (const row of table(rows)) out.line(row)
  if (state?.recovered !== undefined) {
    out.line()
    out.line(`${out.style('yellow', 'damaged')}: revision ${state.recovered.revision} can't be read, and an older one was taken`)
    for (const reason of state.recovered.reasons) out.line(`  ${visible(reason)}`)
  }
  if (state === undefined) out.line(`\n${encrypted ? 'The state is encrypted: with its key, this command shows what is in it.' : 'There is no state.'}`)
  else printState(out, state)
  if (revisions.length > 1) printHistory(out, revisions)
}

function printState(out: Output, { variables, properties, code, omitted }: StateOverview): void {
  printEntries(out, 'globals', variables, omitted.variables)
  printEntries(out, 'properties of the state', properties, omitted.properties)
  if (code.length === 0) return
  heading(out, 'code of the snapshot')
  for (const path of code.slice(0, MOST_CODE)) out.line(`  ${visible(path)}`)
  more(out, omitted.code + Math.max(0, code.length - MOST_CODE))
}

function printEntries(out: Output, title: string, entries: readonly StateEntry[], omitted: number): void {
  if (entries.length === 0) return
  heading(out, title)
  const cells = entries.map(({ name, type, bytes, preview }) => [visible(name) || "''", visible(type), formatBytes(bytes), visible(preview)] as const)
  const width = (column: 0 | 1 | 2): number => Math.min(WIDEST_NAME, Math.max(...cells.map((row) => row[column].length)))
  const widths = [width(0), width(1), width(2)] as const
  for (const [name, type, size, preview] of cells) {
    const line = `  ${name.padEnd(widths[0])}  ${type.padEnd(widths[1])}  ${size.padStart(widths[2])}  ${preview}`
    // On a terminal a row is a line; elsewhere nothing is cut.
    out.line(out.isTerminal && line.length > out.width ? `${[...line].slice(0, out.width - 1).join('')}…` : line)
  }
  more(out, omitted)
}

function printHistory(out: Output, revisions: readonly RevisionMeta[]): void {
  heading(out, 'revisions')
  for (const { revision, createdAt, schema, bytes, storedBytes } of revisions) {
    out.line(`  ${String(revision).padStart(6)}  ${isoTime(createdAt)}  schema ${schema}  ${formatBytes(bytes).padStart(10)}  ${formatBytes(storedBytes).padStart(10)} new`)
  }
}

function heading(out: Output, title: string): void {
  out.line()
  out.line(out.style('bold', title))
}

function more(out: Output, omitted: number): void {
  if (omitted > 0) out.line(`  and ${omitted} more`)
}
