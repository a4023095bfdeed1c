// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { expect, test } from 'vitest'
import { groups } from './fixtures/attacks.mjs'
import { run } from './run.js'

interface Report {
  outcome: string
  ms: number
  timeoutMs: number
  after: string
  stallMs: number
  spinMs: number
  message?: string
}

/** One test for each attack of a group. */
export function testAttacks(group: keyof typeof groups): void {
  for (const [name, attack] of Object.entries(groups[group])) {
    test.concurrent(name, { timeout: 60_000 }, async () => {
      const maxRssMb = attack.maxRssMb ?? 512
      const ended = await run('attack.mjs', { args: [group, name], timeoutMs: 30_000, maxRssMb: Math.max(2048, maxRssMb) })
      const said = `${ended.stdout.slice(0, 2000)}\n${ended.stderr.slice(0, 2000)}`
      expect(ended, said).toMatchObject({ code: 0, signal: null })
      expect(ended.killed, said).toBeUndefined()
      expect(ended.stdout).toContain('host lives')

      const report = JSON.parse(ended.stdout.slice(0, ended.stdout.indexOf('\n'))) as Report
      expect(attack.expect ?? ['ok'], said).toContain(report.outcome)
      const after = attack.after ?? 'usable'
      if (after !== 'either') expect(report.after, said).toMatch(new RegExp(`^(${after})`))
      expect(report.after, said).toMatch(/^(usable|finished|answers ERR_GUEST|answers ERR_TIMEOUT)/)
      // The time limit, V8's grace, and room for a busy machine.
      expect(report.ms, said).toBeLessThan(report.timeoutMs + 3500)
      expect((ended.maxRssKb ?? 0) / 1024, `resident memory: ${said}`).toBeLessThan(maxRssMb)
      if (attack.hostMade !== true) expect(report.stallMs, `the host's event loop: ${said}`).toBeLessThan(2500)
      expect(report.spinMs, `CPU time after dispose: ${said}`).toBeLessThan(40)
    })
  }
}
