import { isIPv4 } from 'node:net'
import { Given, checkPath, wrong } from './checks.js'

const PORT_RANGE = [0, 65535] as const
/** Below it V8 spends more time on sampling than the guest has; past a second there is nothing to see. */
const INTERVAL_RANGE = [50, 1_000_000] as const

/** What `isolate.inspect` needs. */
export interface InspectRequest {
  port: number
  host: string
  title: string | undefined
  waitForDebugger: boolean
  signal: AbortSignal | undefined
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkInspect(options: unknown): InspectRequest {
  const given = new Given('isolate.inspect', options === undefined ? {} : options, ['port', 'host', 'title', 'waitForDebugger', 'signal'])
  const host = given.get('host') ?? '127.0.0.1'
  if (!isLoopback(host)) throw given.fail('host', 'localhost or an address of the loopback')
  return {
    port: given.integer('port', PORT_RANGE, 0),
    host,
    title: given.fileName('title'),
    waitForDebugger: given.boolean('waitForDebugger', false),
    signal: given.signal('signal'),
  }
}

function isLoopback(host: unknown): host is string {
  if (typeof host !== 'string') return false
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** What `isolate.cpuProfile` needs. */
export interface CpuProfileRequest {
  work: () => unknown
  samplingIntervalUs: number
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkCpuProfile(work: unknown, options: unknown): CpuProfileRequest {
  const given = new Given('isolate.cpuProfile', options === undefined ? {} : options, ['samplingIntervalUs'])
  if (typeof work !== 'function') throw wrong(given.where, 'work', 'a function', work)
  return { work: work as () => unknown, samplingIntervalUs: given.integer('samplingIntervalUs', INTERVAL_RANGE, 1000) }
}

/** What `isolate.heapSnapshot` needs. */
export interface HeapSnapshotRequest {
  path: string | undefined
  signal: AbortSignal | undefined
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkHeapSnapshot(options: unknown): HeapSnapshotRequest {
  const given = new Given('isolate.heapSnapshot', options === undefined ? {} : options, ['path', 'signal'])
  const path = given.get('path')
  return { path: path === undefined ? undefined : checkPath(given.where, 'path', path), signal: given.signal('signal') }
}
