// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { expect, test } from 'vitest'
import { run } from './run.js'
import type { RunOptions } from './run.js'

/** One test for each scenario of a fixture, which says `host lives` when all is well. */
export function testScenarios(fixture: string, scenarios: readonly string[], options: RunOptions = {}): void {
  test.concurrent.each(scenarios)('%s', { timeout: 60_000 }, async (scenario) => {
    const ended = await run(fixture, { timeoutMs: 45_000, ...options, args: [scenario] })
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0, signal: null })
    expect(ended.killed).toBeUndefined()
    expect(ended.stdout).toContain('host lives')
  })
}
