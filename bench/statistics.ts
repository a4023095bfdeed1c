// The figures that the bench prints are made here.

/** The value below which this share of the values lies, between neighbours if need be. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The median of the ratios that two contenders had in the same round. */
export function pairedRatio(values: readonly number[], base: readonly number[]): number {
  return median(ratiosOf(values, base))
}

/** A ratio, and the interval that holds it with 95 % confidence. */
export interface Ratio {
  median: number
  low: number
  high: number
}

const RESAMPLES = 2000

/**
 * The paired ratio with its bootstrap interval: the rounds are drawn again and again, with replacement, and the
 * interval is what 95 % of their medians lie in. `random` is like `Math.random`.
 */
export function bootstrapRatio(values: readonly number[], base: readonly number[], random: () => number = Math.random): Ratio {
  const ratios = ratiosOf(values, base)
  const medians = Array.from({ length: RESAMPLES }, () => median(ratios.map(() => ratios[Math.floor(random() * ratios.length)]!)))
  return { median: median(ratios), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

function ratiosOf(values: readonly number[], base: readonly number[]): number[] {
  if (values.length !== base.length || values.length === 0) throw new RangeError(`${values.length} and ${base.length} rounds can't be paired`)
  return values.map((value, round) => value / base[round]!)
}

/** How far the ratio of two identical contenders may be from one. */
export const CONTROL_MARGIN = 0.03

/** Whether the A/A control says that the run can be trusted. */
export function isControlled({ median: ratio }: Ratio): boolean {
  return Math.abs(ratio - 1) <= CONTROL_MARGIN
}

/** Whether a ratio's interval is no wider than what that of identical contenders must lie in. */
export function isKnown({ low, high }: Ratio): boolean {
  return high - low <= 2 * CONTROL_MARGIN
}

/** How much `y` grows for each `x`: the least squares' line through the points. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  if (squares === 0) throw new RangeError('a slope needs two different x')
  return points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / squares
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The items in random order. */
export function shuffled<T>(items: readonly T[], random: () => number = Math.random): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1))
    const item = result[last]!
    result[last] = result[other]!
    result[other] = item
  }
  return result
}
