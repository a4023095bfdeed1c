// What a metric works with: how much is asked for, how to compare, where results go.
import type { Chart } from './chart.ts'
import type { Comparison, Result } from './compare.ts'
import type { Table } from './report.ts'

/** How much is measured: `tiny` only shows that everything works. */
export type Extent = 'tiny' | 'quick' | 'full'

export interface Bench {
  extent: Extent
  /** Rounds of a comparison whose turns are short. */
  rounds: number
  /** Rounds of one whose turns take seconds. */
  fewRounds: number
  /** The contenders that may take part; all if there is no set. */
  only: ReadonlySet<string> | undefined
  /** The cases that metrics with a choice of bundles take; their own if there are none. */
  cases: readonly string[] | undefined
  /** Runs a comparison, prints its table and keeps it with the results. */
  compare(comparison: Comparison): Promise<Result>
  /** Prints a table of another kind and keeps it with what it was made from. */
  table(table: Table, data?: unknown): void
  /** Keeps a chart; the file is named after it. */
  chart(name: string, chart: Omit<Chart, 'subtitle'>): void
}

export interface Metric {
  /** By which it is asked for: `npm run bench -- bundle`. */
  name: string
  title: string
  /** Whether the quick pass has it. */
  quick: boolean
  run(bench: Bench): Promise<void>
}

/** One of the three, by how much is asked for. */
export function pick<T>({ extent }: Bench, choices: Record<Extent, T>): T {
  return choices[extent]
}
