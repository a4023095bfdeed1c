import { readObject, wrong } from './checks.js'
import { IsoseedError } from './errors.js'

/** How large and how deep values may be. */
export interface Limits {
  /** Absent: as deep as the stack allows. */
  depth: number | undefined
  /** At most the memory limit. */
  bytes: number
}

/** More than V8's stack takes anywhere. */
const MAX_DEPTH = 1_000_000

/** More than any message has. */
const MAX_BYTES = 2 ** 40

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkValueLimits(where: string, limits: unknown, memoryLimitMb: number): Limits {
  const memory = memoryLimitMb * 1024 * 1024
  if (limits === undefined) return { depth: undefined, bytes: memory }
  const parts = readObject(where, 'valueLimits', limits, ['depth', 'bytes'])
  const bytes = limit(where, 'bytes', parts.get('bytes'), MAX_BYTES) ?? memory
  return { depth: limit(where, 'depth', parts.get('depth'), MAX_DEPTH), bytes: Math.min(bytes, memory) }
}

function limit(where: string, name: string, value: unknown, most: number): number | undefined {
  if (value === undefined) return undefined
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number
  throw wrong(where, `valueLimits.${name}`, `an integer from 1 to ${most}`, value)
}

/**
 * @param bytes size of the message with all that goes beside it
 * @throws `IsoseedError` with `ERR_DATA_CLONE`
 */
export function checkSize(bytes: number, limits: Limits, label: string): void {
  if (bytes <= limits.bytes) return
  throw new IsoseedError('ERR_DATA_CLONE', `${label} can't be cloned: encoded it is larger than ${limits.bytes} bytes`)
}

/**
 * @param nesting how deep the message is
 * @param list whether it is a list of values of the user's
 * @param deepPath finds the first value that is nested deeper than this
 * @throws `IsoseedError` with `ERR_DATA_CLONE`
 */
export function checkDepth(nesting: number, { depth = Infinity }: Limits, list: boolean, deepPath: (depth: number) => string): void {
  const deepest = list ? depth + 1 : depth
  if (nesting <= deepest) return
  throw new IsoseedError('ERR_DATA_CLONE', `${deepPath(deepest)} can't be cloned: it is nested deeper than ${depth}`)
}
