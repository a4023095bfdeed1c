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
 * A message as it may cross.
 *
 * @param moved what moves beside it, in bytes
 * @param list whether the message is a list of values of the user's
 * @param nesting the native side's count
 * @param deepPath finds the first value that is nested deeper than this
 * @throws `IsoseedError` with `ERR_DATA_CLONE`
 */
export function checkLimits(
  bytes: Uint8Array,
  { depth, bytes: largest }: Limits,
  label: string,
  { moved = 0, list = false, nesting, deepPath }: { moved?: number; list?: boolean; nesting: (bytes: Uint8Array) => number; deepPath: (depth: number) => string },
): void {
  if (bytes.byteLength + moved > largest) {
    throw new IsoseedError('ERR_DATA_CLONE', `${label} can't be cloned: encoded it is larger than ${largest} bytes`)
  }
  if (depth === undefined) return
  const deepest = depth + (list ? 1 : 0)
  if (nesting(bytes) <= deepest) return
  throw new IsoseedError('ERR_DATA_CLONE', `${deepPath(deepest)} can't be cloned: it is nested deeper than ${depth}`)
}
