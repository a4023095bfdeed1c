import type { Bomb } from './corpus.mjs'
import type { Report } from './run.mjs'

export function bound(limitMb: number): number
export function faults(bomb: Bomb, report: Report, limitMb: number): string[]
