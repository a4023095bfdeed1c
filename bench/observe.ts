// What a process can see of itself: its memory, its threads, its main thread's time, how late its event loop is.
import { readFileSync, readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Census } from './protocol.ts'

/** Counts what this process has. Linux tells all of it; elsewhere there is the resident set and nothing else. */
export function census(sessions: number, createMs: number): Census {
  if (process.platform !== 'linux') return { sessions, createMs, pssMb: process.memoryUsage.rss() / 2 ** 20, virtualGb: NaN, mappings: NaN, threads: NaN, files: NaN }
  return {
    sessions,
    createMs,
    pssMb: field('/proc/self/smaps_rollup', 'Pss') / 1024,
    virtualGb: field('/proc/self/status', 'VmSize') / 2 ** 20,
    mappings: readFileSync('/proc/self/maps', 'utf8').split('\n').length - 1,
    threads: readdirSync('/proc/self/task').length,
    files: readdirSync('/proc/self/fd').length,
  }
}

function field(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1])
}

/** Collects Node's garbage: what is left is kept by somebody. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

/** The memory that is of no file. How much of a file's pages counts to a process changes with the processes beside it. */
export function anonymousMb(): number {
  return process.platform === 'linux' ? field('/proc/self/smaps_rollup', 'Pss_Anon') / 1024 : process.memoryUsage.rss() / 2 ** 20
}

/** What the young generation of Node's own heap takes, which Node enlarges as a process goes on. */
export function youngMb(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  return (young?.physical_space_size ?? 0) / 2 ** 20
}

/** CPU time of the main thread; of the process where the system does not tell. */
export function hostCpuMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e3
  }
}

export interface LoopDelay {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** How late the event loop's timers come while `work` goes on. */
export async function loopDelay(work: () => Promise<unknown>): Promise<LoopDelay> {
  const resolution = 1
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  await work()
  histogram.disable()
  // The histogram counts the timer's own period, too.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution)
  return { p50Ms: late(histogram.percentile(50)), p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) }
}
