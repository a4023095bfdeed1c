// A comparison: several contenders, one kind of turn. In each round all take one turn, in random order, so that what
// disturbs the machine disturbs all. What counts are the ratios of the same round, not the times.
import { labelOf, startContender } from './contenders.ts'
import type { ContenderName } from './contenders.ts'
import { Skipped } from './processes.ts'
import type { ContenderProcess } from './processes.ts'
import type { Census, Request, Turn } from './protocol.ts'
import { bootstrapRatio, isControlled, isKnown, median, quantile, shuffled } from './statistics.ts'
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
  /**
   * Whether the A/A control decides on the run, and rounds are added until it is known well enough, up to four times as
   * many, while the comparison has taken less than three minutes; not where a round is too long to have many.
   */
  controlled?: boolean
}

/** So many times the rounds that were asked for are taken at most. */
const MOST_TIMES = 4

/** No round is added to a comparison that has taken so long. */
const MOST_MS = 180_000

/** After so many more rounds the control is looked at again. */
const ROUNDS_BETWEEN = 5

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
  const { rounds, request, workFile, controlled = true } = comparison
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
    const most = controlled ? MOST_TIMES * rounds : rounds
    const begun = performance.now()
    for (let round = controlled ? -1 : 0; round < most; round += 1) {
      if (round >= rounds && round % ROUNDS_BETWEEN === 0 && (isControlKnown(running) || performance.now() - begun > MOST_MS)) break
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

/** Whether more rounds would tell little more about the control. What it is does not matter. */
function isControlKnown(running: readonly Running[]): boolean {
  const [isoseed, control] = [soundTurns(running, 'isoseed'), soundTurns(running, 'isoseed-control')]
  if (isoseed === undefined || control === undefined) return true
  return isKnown(bootstrapRatio(control, isoseed))
}

/** The figures of a contender's rounds, unless it failed. */
function soundTurns(running: readonly Running[], name: ContenderName): number[] | undefined {
  const found = running.find(({ entrant, row }) => entrant.name === name && row.failed === undefined && row.skipped === undefined)
  return found?.turns.map(figureOf)
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

function summary({ title, unit, less, figures = {}, notes = [], controlled = true }: Comparison, running: readonly Running[]): Result {
  // So many of the samples are at least as good.
  const good = (samples: readonly number[], share: number): number => quantile(samples, less ? share : 1 - share)
  const [isoseed, floor] = [soundTurns(running, 'isoseed'), soundTurns(running, 'floor')]
  const rounds = Math.max(...running.map(({ turns }) => turns.length))
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
