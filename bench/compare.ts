// A comparison: several contenders, one kind of turn. In each round all take one turn, in random order, so that what
// disturbs the machine disturbs all. What counts are the ratios of the same round, not the times.
import { labelOf, startContender } from './contenders.ts'
import type { ContenderName } from './contenders.ts'
import { Skipped } from './processes.ts'
import type { ContenderProcess } from './processes.ts'
import type { Census, Request, Turn } from './protocol.ts'
import { bootstrapRatio, isControlled, median, quantile, shuffled } from './statistics.ts'
import type { Ratio } from './statistics.ts'

/** A row: a contender, and what it does where that is not what the others do. */
export interface Entrant {
  name: ContenderName
  label?: string
  request?: Request
  workFile?: string
  /** What its samples are multiplied by, where its task has another unit. */
  times?: number
}

export interface Comparison {
  title: string
  unit: string
  /** Whether a smaller figure is the better one. */
  less: boolean
  workFile: string
  request: Request
  entrants: readonly (ContenderName | Entrant)[]
  rounds: number
  /** A further figure of the turns, by its name, and the head of its column. */
  figures?: Readonly<Record<string, string>>
  /** What else there is to know. */
  notes?: readonly string[]
  /** Whether the A/A control decides on the run; not where a round is too long to have many. */
  controlled?: boolean
}

export interface Row {
  contender: ContenderName
  label: string
  version?: string
  /** Why it did not take part, or why it failed while it did. */
  skipped?: string
  failed?: string
  p50?: number
  p95?: number
  p99?: number
  toIsoseed?: Ratio
  toFloor?: Ratio
  /** Medians of the further figures. */
  figures?: Record<string, number>
  /** The median of each round's samples. */
  rounds?: number[]
  census?: Census[][]
}

export interface Result {
  title: string
  unit: string
  less: boolean
  rounds: number
  figures: Readonly<Record<string, string>>
  notes?: readonly string[]
  /** What the A/A control came to, and whether the figures may be used. */
  control?: Ratio
  void: boolean
  rows: Row[]
}

interface Running {
  entrant: Entrant
  process?: ContenderProcess
  turns: Turn[]
  row: Row
}

/** Runs it; with a filter only those whose names it has take part. */
export async function compare(comparison: Comparison, only: ReadonlySet<string> | undefined): Promise<Result> {
  const { rounds, request, workFile } = comparison
  const running = comparison.entrants
    .map((entrant): Entrant => (typeof entrant === 'string' ? { name: entrant } : entrant))
    .filter(({ name }) => only === undefined || only.has(name))
    .map((entrant): Running => ({ entrant, turns: [], row: { contender: entrant.name, label: entrant.label ?? labelOf(entrant.name) } }))
  try {
    for (const one of running) {
      await attempt(one, async () => {
        one.process = await startContender(one.entrant.name, one.entrant.workFile ?? workFile)
        one.row.version = one.process.version
      })
    }
    // The first round is not counted: the contenders' own code is compiled there, their files come into memory. Long
    // turns, of which there are few, do that on their own.
    for (let round = comparison.controlled === false ? 0 : -1; round < rounds; round += 1) {
      for (const one of shuffled(running)) {
        await attempt(one, async () => {
          const turn = await one.process!.turn(one.entrant.request ?? request)
          const samples = turn.samples.map((sample) => sample * (one.entrant.times ?? 1))
          if (round >= 0) one.turns.push({ ...turn, samples })
        })
      }
    }
  } finally {
    await Promise.all(running.map((one) => one.process?.end()))
  }
  return summary(comparison, running)
}

/** One turn of a contender; one that fails takes no further turn. */
async function attempt({ row }: Running, turn: () => Promise<void>): Promise<void> {
  if (row.failed !== undefined || row.skipped !== undefined) return
  try {
    await turn()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    row[error instanceof Skipped ? 'skipped' : 'failed'] = reason
  }
}

function summary({ title, unit, less, rounds, figures = {}, notes = [], controlled = true }: Comparison, running: readonly Running[]): Result {
  const sound = (name: ContenderName): number[] | undefined => {
    const found = running.find(({ entrant }) => entrant.name === name)
    return found?.row.failed === undefined && found?.row.skipped === undefined ? found?.turns.map(figureOf) : undefined
  }
  // So many of the samples are at least as good.
  const good = (samples: readonly number[], share: number): number => quantile(samples, less ? share : 1 - share)
  const [isoseed, floor] = [sound('isoseed'), sound('floor')]
  for (const { row, turns } of running) {
    if (row.failed !== undefined || row.skipped !== undefined) continue
    const samples = turns.flatMap((turn) => turn.samples)
    const own = turns.map(figureOf)
    Object.assign(row, { p50: median(samples), p95: good(samples, 0.95), p99: good(samples, 0.99), rounds: own })
    if (isoseed !== undefined) row.toIsoseed = bootstrapRatio(own, isoseed)
    if (floor !== undefined) row.toFloor = bootstrapRatio(own, floor)
    const names = Object.keys(turns[0]?.figures ?? {})
    if (names.length > 0) row.figures = Object.fromEntries(names.map((name) => [name, median(turns.map((turn) => turn.figures![name]!))]))
    if (turns.some((turn) => turn.census !== undefined)) row.census = turns.map((turn) => turn.census!)
  }
  const control = running.find(({ entrant }) => entrant.name === 'isoseed-control')?.row.toIsoseed
  const isVoid = controlled && control !== undefined && !isControlled(control)
  return { title, unit, less, rounds, figures, notes, void: isVoid, ...(control && { control }), rows: running.map(({ row }) => row) }
}

function figureOf(turn: Turn): number {
  return median(turn.samples)
}
