// The bench's own arithmetic, pictures and command line: a wrong figure looks like any other.
import { describe, expect, test } from 'vitest'
import type { Metric } from '../../bench/bench.js'
import { svg } from '../../bench/chart.js'
import type { Result } from '../../bench/compare.js'
import { codeOfSize, heapOfRecords, jitProgram } from '../../bench/generated.js'
import { optionsFrom } from '../../bench/options.js'
import { markdown, number, tableOf } from '../../bench/report.js'
import { CONTROL_MARGIN, bootstrapRatio, isControlled, isKnown, median, pairedRatio, quantile, shuffled, slope } from '../../bench/statistics.js'
import { records } from '../../bench/tasks.js'

/** A generator of the same numbers in every run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state / 2 ** 32
  }
}

describe('statistics', () => {
  test.each([
    [[3], 0.5, 3],
    [[1, 2, 3, 4], 0.5, 2.5],
    [[4, 1, 3, 2], 0, 1],
    [[4, 1, 3, 2], 1, 4],
    [[0, 10], 0.95, 9.5],
  ])('of %j, the quantile %d is %d', (values, share, expected) => expect(quantile(values, share)).toBeCloseTo(expected))

  test('a quantile leaves the values as they were', () => {
    const values = [3, 1, 2]
    expect(median(values)).toBe(2)
    expect(values).toEqual([3, 1, 2])
  })

  test('a ratio is of rounds, not of medians: what disturbs a round disturbs both', () => {
    expect(pairedRatio([2, 20, 200], [1, 10, 100])).toBe(2)
    expect(pairedRatio([1, 100, 4], [1, 50, 1])).toBe(2)
  })

  test('rounds that are not pairs are refused', () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow(RangeError)
    expect(() => bootstrapRatio([], [])).toThrow(RangeError)
  })

  test('the interval holds the median, is wider for noisier rounds, and nothing for equal ones', () => {
    const random = generator(1)
    const base = Array.from({ length: 40 }, () => 1)
    const noisy = (spread: number): number[] => base.map(() => 2 + spread * (random() - 0.5))
    const [calm, wild] = [bootstrapRatio(noisy(0.1), base, random), bootstrapRatio(noisy(1), base, random)]
    for (const { median: middle, low, high } of [calm, wild]) {
      expect(low).toBeLessThanOrEqual(middle)
      expect(high).toBeGreaterThanOrEqual(middle)
    }
    expect(wild.high - wild.low).toBeGreaterThan(calm.high - calm.low)
    expect(bootstrapRatio([3, 6], [1, 2])).toEqual({ median: 3, low: 3, high: 3 })
  })

  test('the interval holds the true ratio about 95 times of 100', () => {
    const random = generator(7)
    let held = 0
    for (let trial = 0; trial < 200; trial += 1) {
      const base = Array.from({ length: 30 }, () => 1 + random())
      // Symmetric in its logarithm: the median of the ratios is 1.5.
      const values = base.map((value) => value * 1.5 * Math.exp(random() - 0.5))
      const { low, high } = bootstrapRatio(values, base, random)
      if (low <= 1.5 && high >= 1.5) held += 1
    }
    expect(held / 200).toBeGreaterThan(0.9)
  })

  test.each([
    [1, true],
    [1 + CONTROL_MARGIN - 0.001, true],
    [1 - CONTROL_MARGIN - 0.001, false],
    [1.04, false],
  ])('a control of %d is trusted: %s', (ratio, expected) => expect(isControlled({ median: ratio, low: 0, high: 2 })).toBe(expected))

  test.each([
    [0.975, 1.03, true],
    [1.5, 1.55, true],
    [0.96, 1.04, false],
  ])('from %d to %d is known well enough: %s', (low, high, expected) => expect(isKnown({ median: 1, low, high })).toBe(expected))

  test('the slope is that of the line through the points', () => {
    expect(slope([[50, 150], [100, 250], [200, 450]])).toBeCloseTo(2)
    expect(slope([[0, 1], [1, 1], [2, 4]])).toBeCloseTo(1.5)
    expect(() => slope([[1, 2], [1, 3]])).toThrow(RangeError)
  })

  test('shuffling keeps every item, and every item comes first as often as the others', () => {
    const random = generator(3)
    const firsts = new Map<string, number>()
    for (let round = 0; round < 3000; round += 1) {
      const order = shuffled(['a', 'b', 'c'], random)
      expect(order.toSorted()).toEqual(['a', 'b', 'c'])
      firsts.set(order[0]!, (firsts.get(order[0]!) ?? 0) + 1)
    }
    for (const count of firsts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

describe('the report', () => {
  const result: Result = {
    title: 'A metric',
    unit: 'ms',
    less: true,
    rounds: 30,
    figures: { openMs: 'open, ms' },
    void: false,
    rows: [
      { contender: 'isoseed', label: 'isoseed', p50: 1.234, p95: 12.34, p99: 123.4, toIsoseed: { median: 1, low: 1, high: 1 }, figures: { openMs: 0.5 } },
      { contender: 'quickjs', label: 'quickjs', skipped: 'not installed' },
      { contender: 'vm', label: 'vm', failed: 'wrong answer: a|b' },
    ],
  }

  test('shows who did not take part, and why', () => {
    const text = markdown(tableOf(result))
    expect(text).toContain('| isoseed |')
    expect(text).toMatch(/\| quickjs +\| +skipped \|/)
    expect(text).toContain('quickjs skipped: not installed')
    expect(text).toMatch(/\| vm +\| +FAILED \|/)
    expect(text).toContain('vm FAILED: wrong answer: a|b')
    expect(text).not.toContain('VOID')
  })

  test('says that a run is void when its control is', () => {
    const text = markdown(tableOf({ ...result, void: true, control: { median: 1.08, low: 1.01, high: 1.2 } }))
    expect(text).toMatch(/VOID: the A\/A control is 1\.08 \(1\.01–1\.20\)/)
  })

  test.each([
    [undefined, '-'], [NaN, '-'], [0, '0'], [0.01234, '0.012'], [1.234, '1.23'], [12.34, '12.3'], [123.4, '123'], [4, '4'],
  ])('%s is written as %s', (value, expected) => expect(number(value)).toBe(expected))
})

describe('charts', () => {
  const series = [{ name: 'a <b>', points: [[1, 2], [10, 20], [100, 0], [1000, NaN]] as const }]

  test('are well-formed, with names escaped and points that a logarithm can not show left out', () => {
    const text = svg({ title: 'T & U', subtitle: 's', x: { label: 'x', logarithmic: true }, y: { label: 'y', logarithmic: true }, series })
    expect(text).toContain('T &amp; U')
    expect(text).toContain('a &lt;b&gt;')
    expect(text.match(/<circle/g)).toHaveLength(2)
    expect(text).not.toMatch(/NaN|Infinity/)
  })

  test('of lines begin at zero and hold a single point', () => {
    const text = svg({ title: 'T', subtitle: '', x: { label: 'x' }, y: { label: 'y' }, series: [{ name: 'a', points: [[3, 0]] }] })
    expect(text).toContain('>0</text>')
    expect(text).not.toMatch(/NaN|Infinity/)
  })

  test('without a point are refused', () => {
    expect(() => svg({ title: 'T', subtitle: '', x: { label: 'x' }, y: { label: 'y' }, series: [] })).toThrow('"T"')
  })
})

describe('the command line', () => {
  const metric = (name: string, quick: boolean): Metric => ({ name, title: name, quick, run: () => Promise.resolve() })
  const all = [metric('blank', true), metric('churn', false)]
  const names = (args: string[]): string[] => optionsFrom(args, all)!.metrics.map(({ name }) => name)

  test('without arguments it is a quick pass of at least 30 rounds that overwrites no published results', () => {
    const { extent, rounds, results } = optionsFrom([], all)!
    expect({ extent, results }).toEqual({ extent: 'quick', results: 'target/bench/results' })
    expect(rounds).toBeGreaterThanOrEqual(30)
    expect(names([])).toEqual(['blank'])
  })

  test('--full runs every metric, a name runs that one', () => {
    expect(names(['--full'])).toEqual(['blank', 'churn'])
    expect(optionsFrom(['--full'], all)!.results).toBe('bench/results')
    expect(names(['churn'])).toEqual(['churn'])
    expect(optionsFrom(['--list'], all)).toBeUndefined()
  })

  test.each([[['nothing']], [['--rounds', '0']], [['--rounds', 'many']], [['--only', 'isoseed,nobody']], [['--fast']]])('%j is refused', (args) => {
    expect(() => optionsFrom(args, all)).toThrow(TypeError)
  })
})

describe('generated programs', () => {
  test.each([10_000, 200_000])('code of %d bytes has about that length, is the same each time, and answers', (bytes) => {
    const code = codeOfSize(bytes)
    expect(Math.abs(code.length - bytes)).toBeLessThan(3000)
    expect(codeOfSize(bytes)).toBe(code)
    expect(answerOf(code)).toHaveLength(24)
  })

  test('a heap of records and a program for the compiler answer', () => {
    expect(answerOf(heapOfRecords(1000))).toHaveLength(20)
    expect(answerOf(jitProgram(100))).toMatchObject({ primes: 367 })
  })

  test.each([1024, 100 * 1024])('records of %d bytes are about that long as JSON', (size) => {
    const { length } = JSON.stringify(records(size))
    expect(Math.abs(length - size) / size).toBeLessThan(0.1)
  })
})

function answerOf(code: string): unknown {
  const realm = {} as { matrix: { answer: (input: unknown) => unknown; input: unknown } }
  new Function('globalThis', code)(realm)
  return realm.matrix.answer(realm.matrix.input)
}
