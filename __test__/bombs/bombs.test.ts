// Every kind of bomb at one limit, and those that need most at others, in child processes. The figures are
// printed by `npm run bombs`.
// The message of an expectation is what the child said.
/* oxlint-disable vitest/valid-expect, vitest/valid-title */
import { describe, expect, test } from 'vitest'
import { bombs } from './corpus.mjs'
import { faults } from './judge.mjs'
import { runBombs } from './run.mjs'
import type { Report } from './run.mjs'

/** A child takes some time to start, and one that has kept a bomb's memory leaves the rest to another. */
const IN_ONE_TEST = 16

function testBombs(names: string[], limitMb: number): void {
  const parts = Array.from({ length: Math.ceil(names.length / IN_ONE_TEST) }, (_, part) => names.slice(part * IN_ONE_TEST, (part + 1) * IN_ONE_TEST))
  test.concurrent.each(parts.map((part) => [`${part[0]} ... ${part.at(-1)}`, part] as const))('%s', { timeout: 600_000 }, async (_, part) => {
    const reports: Report[] = await runBombs(part, { limitMb })
    expect(reports.map(({ name }) => name)).toEqual(part)
    const wrong = reports.flatMap((report) => faults(bombs[report.name]!, report, limitMb).map((fault) => `${report.name}: ${fault}`))
    expect(wrong, JSON.stringify(reports, null, 1)).toEqual([])
  })
}

describe.runIf(process.platform === 'linux')('memory bombs', () => {
  const names = Object.keys(bombs)
  const heavy = names.filter((name) => bombs[name]!.isHeavy === true)

  test('there are more than sixty kinds', () => {
    expect(names.length).toBeGreaterThan(200)
    expect(heavy.length).toBeGreaterThan(40)
  })
  describe('each kind at 48 MiB', () => {
    testBombs(names, 48)
  })
  describe('the heavy ones at 16 MiB', () => {
    testBombs(heavy, 16)
  })
  describe('the heavy ones at 128 MiB', () => {
    testBombs(heavy, 128)
  })
})
