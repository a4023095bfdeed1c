// The results as lines for a terminal and as a table for docs/libraries.md.
import type { SnapshotFinding, SnapshotWarning } from 'isoseed'
import type { Library } from './libraries.ts'
import type { Failed, Result } from './measure.ts'

export interface Row extends Library {
  version: string
  result: Result | Failed
}

export interface About {
  date: string
  machine: string
  node: string
  rounds: number
}

/** One library as a line; what went wrong, with its findings, as more lines. */
export function plain({ name, version, result }: Row): string {
  const title = `${name} ${version}`.padEnd(28)
  if ('failed' in result) {
    const { code, message, findings = [] } = result.failed
    return [`${title} FAILED: ${code}: ${message}`, ...findings.map(note)].join('\n')
  }
  const { buildMs, fileBytes, warnings, snapshotMs, warmMs, blankMs, ratio, warmRatio } = result
  const first = `first result ${ms(snapshotMs)} ms, warmed up ${ms(warmMs)} ms, without a snapshot ${ms(blankMs)} ms`
  const line = `${title} ok  build ${ms(buildMs)} ms, ${mib(fileBytes)} MiB; ${first}: ${times(ratio)}, ${times(warmRatio)}`
  return [line, ...warnings.map(note)].join('\n')
}

/** A finding or a warning as a line below its library. */
function note({ rule, path = '', source, message }: SnapshotFinding | SnapshotWarning): string {
  return `    ${rule}: ${path}${source === undefined ? '' : ` (${source})`}: ${message}`
}

/** The whole table, with what it was measured on. */
export function markdown({ date, machine, node, rounds }: About, rows: readonly Row[]): string {
  const passed = rows.filter(({ result }) => !('failed' in result)).length
  return [
    `\`npm run matrix -- --write\` on ${date}: ${machine}, Node ${node}; ${passed} of ${rows.length} libraries answer as in Node, median of ${rounds} rounds.`,
    '',
    '| | library | answer | build ms | file MiB | without ms | snapshot ms | warmed up ms | faster | warmed up |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map((row, index) => `| ${row.kind === rows[index - 1]?.kind ? '' : row.kind} | ${row.entry ?? row.name} ${row.version} | ${cells(row.result)} |`),
  ].join('\n')
}

function cells(result: Result | Failed): string {
  if ('failed' in result) {
    const { code, message, findings = [] } = result.failed
    const why = findings.length > 0 ? findings.map(({ rule, path }) => `${rule} \`${path}\``).join(', ') : message.split('\n')[0]!
    return `**${code}**: ${why.replaceAll('|', '\\|')} | | | | | | |`
  }
  const { buildMs, fileBytes, warnings, snapshotMs, warmMs, blankMs, ratio, warmRatio } = result
  const answer = warnings.length === 0 ? 'ok' : `ok, ${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`
  return [answer, ms(buildMs), mib(fileBytes), ms(blankMs), ms(snapshotMs), ms(warmMs), times(ratio), times(warmRatio)].join(' | ')
}

/** A text in which what is between `<!-- name -->` and `<!-- /name -->` is another table. */
export function withTable(text: string, name: string, table: string): string {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const begin = text.indexOf(opening)
  const end = text.indexOf(closing)
  if (begin < 0 || end < begin) throw new Error(`there is no place for the table: ${opening} and ${closing} must be there, in this order`)
  return `${text.slice(0, begin + opening.length)}\n${table}\n${text.slice(end)}`
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0)
}

function times(ratio: number): string {
  return `${ratio.toFixed(1)} x`
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
