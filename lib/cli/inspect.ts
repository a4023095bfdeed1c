import { Snapshot } from '../index.js'
import type { SnapshotInfo } from '../index.js'
import { EXIT } from './command.js'
import type { Command, Context } from './command.js'
import { formatBytes, formatDuration, table } from './format.js'
import { printFinding } from './report.js'
import { printable } from './terminal.js'

/** `isoseed inspect`. */
export const inspect: Command = {
  options: { json: { type: 'boolean' } },
  async run(context) {
    const { args, out } = context
    const file = args.single('<file>')
    const info = await Snapshot.inspect(file)
    if (args.flag('json')) out.line(JSON.stringify(info))
    else printInfo(context, file, info)
    return EXIT.ok
  },
}

function printInfo({ out, texts }: Context, file: string, info: SnapshotInfo): void {
  out.line(out.style('bold', file))
  const rows: [string, string][] = [
    ['size', `${formatBytes(info.bytes)}, ${formatBytes(info.blobBytes)} of it V8's heap image${compressed(info)}`],
    ['heap', `${formatBytes(info.heapBytes)} in each isolate`],
    ['V8', `${info.v8Version} for ${info.platform}, format ${info.formatVersion}`],
    ['built', `${info.createdAt} in ${formatDuration(info.buildMs)}`],
    ['key', info.key],
  ]
  if (typeof info.base === 'string') rows.push(['base', info.base])
  for (const { role, name, bytes } of info.sources) rows.push([role, `${printable(name)}  ${formatBytes(bytes)}`])
  if (info.bindings.length > 0) rows.push(['bindings', printable(info.bindings.join(', '))])
  for (const row of table(rows)) out.line(row)
  if (info.warnings.length > 0) out.line()
  for (const warning of info.warnings) printFinding(out, warning, 'yellow', 'warning', texts)
}

function compressed({ compressedBytes }: SnapshotInfo): string {
  return compressedBytes === undefined ? '' : `; ${formatBytes(compressedBytes)} on disk, compressed`
}
