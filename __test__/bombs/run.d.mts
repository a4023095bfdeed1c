export interface Report {
  name: string
  outcome: string
  message?: string
  after?: string
  cause?: string
  /** Above an idle process with two isolates. */
  peakMb?: number
  /** Half a second after the isolate was disposed; V8 keeps freed pages of the heap for eight to sixteen seconds. */
  keptMb?: number
  /** Its thread is parked for good. */
  isParked?: boolean
  ms?: number
  /** The slowest answer of the other isolate meanwhile. */
  slowestMs?: number
  stderr: string
}

export interface RunOptions {
  limitMb: number
  mostMb?: number
  mostMs?: number
  onReport?: (report: Report) => void
}

export function runBombs(names: string[], options: RunOptions): Promise<Report[]>
