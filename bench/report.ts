// Results as text: Markdown tables, which read well in a terminal, too.
import type { Result, Row } from './compare.ts'
import type { Ratio } from './statistics.ts'

/** A table of a title, heads and rows; every metric makes some. */
export interface Table {
  title: string
  head: readonly string[]
  rows: readonly (readonly string[])[]
  notes?: readonly string[]
}

/** The table of a comparison. */
export function tableOf({ title, unit, less, rounds, figures, notes: more = [], control, void: isVoid, rows }: Result): Table {
  const hasFloor = rows.some(({ toFloor }) => toFloor !== undefined)
  const names = Object.keys(figures).filter((name) => rows.some((row) => row.figures?.[name] !== undefined))
  const head = ['', `p50 ${unit}`, `p95 ${unit}`, `p99 ${unit}`, 'to isoseed (95 %)', ...(hasFloor ? ['to the floor (95 %)'] : []), ...names.map((name) => figures[name]!)]
  const notes = [`${rounds} ${rounds === 1 ? 'round' : 'rounds'}; ${less ? 'less' : 'more'} is better.`, ...more]
  const cells = (row: Row): string[] => {
    const [word, why] = row.skipped === undefined ? ['FAILED', row.failed] : ['skipped', row.skipped]
    if (why !== undefined) {
      notes.push(`${row.label} ${word}: ${short(why)}`)
      return [row.label, word, ...head.slice(2).map(() => '')]
    }
    const ratios = [row.toIsoseed, ...(hasFloor ? [row.toFloor] : [])].map(ratioText)
    return [row.label, number(row.p50), number(row.p95), number(row.p99), ...ratios, ...names.map((name) => number(row.figures?.[name]))]
  }
  if (isVoid) notes.push(`VOID: the A/A control is ${ratioText(control)}, not 1.00 ± 0.03. The machine was not quiet; these figures say nothing.`)
  return { title, head, rows: rows.map(cells), notes }
}

/** As Markdown, with columns of equal width. */
export function markdown({ title, head, rows, notes = [] }: Table): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const [first, ...rest] = all as [string[], ...string[][]]
  return [`### ${title}`, '', line(first), rule, ...rest.map(line), '', ...notes.flatMap((note) => [note, ''])].join('\n')
}

/** With three digits that count, or whole. */
export function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

function ratioText(ratio: Ratio | undefined): string {
  return ratio === undefined ? '-' : `${number(ratio.median)} (${number(ratio.low)}–${number(ratio.high)})`
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}
