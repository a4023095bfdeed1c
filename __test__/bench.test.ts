// The bench as it is run, so small that its figures mean nothing: every metric, and what becomes of a contender that
// is not there or that is cut short.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import type { Result } from '../bench/compare.js'
import { metrics } from '../bench/metrics/all.js'

interface Written {
  about: Record<string, unknown>
  comparisons: Result[]
  charts: { name: string }[]
}

async function bench(args: readonly string[], env: Record<string, string> = {}): Promise<{ stdout: string; results: string }> {
  const results = await mkdtemp(join(tmpdir(), 'isoseed-bench-'))
  onTestFinished(() => rm(results, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/run.mjs', 'bench/main.ts', '--tiny', '--results', results, ...args], { env: { ...process.env, ...env }, maxBuffer: 1 << 24 })
  return { stdout, results }
}

const read = async (results: string, name: string): Promise<Written> => JSON.parse(await readFile(join(results, `${name}.json`), 'utf8')) as Written

test('every metric runs with isoseed against itself, answers are right, and figures and charts are written', { timeout: 180_000 }, async () => {
  const { results } = await bench(['--only', 'isoseed,isoseed-control'])
  const files = await readdir(results)
  for (const { name } of metrics) {
    const { about, comparisons, charts } = await read(results, name)
    expect(about).toMatchObject({ node: expect.stringContaining(process.versions.node), machine: expect.any(String), load: expect.any(String), commit: expect.any(String) })
    for (const { rows } of comparisons) {
      expect(rows.length).toBeGreaterThan(0)
      for (const row of rows) {
        expect(row).not.toHaveProperty('failed')
        // The memory that three sessions add can be less than what the process gives back meanwhile.
        expect(row.p50).toSatisfy(Number.isFinite)
        expect(row.toIsoseed?.low).toBeLessThanOrEqual(row.toIsoseed!.high)
      }
    }
    for (const { name: chart } of charts) expect(files).toContain(`${chart}.svg`)
  }
})

test('a contender that is not installed is skipped with its reason, and the others go on', { timeout: 60_000 }, async () => {
  const nowhere = join(tmpdir(), 'isoseed-bench-nowhere')
  const { results, stdout } = await bench(['blank', '--only', 'isoseed,isolated-vm,quickjs,mini-racer,vm'], { ISOSEED_BENCH_CONTENDERS: nowhere })
  const { comparisons: [comparison] } = await read(results, 'blank')
  const outcome = Object.fromEntries(comparison!.rows.map(({ contender, skipped, p50 }) => [contender, skipped ?? typeof p50]))
  expect(outcome).toEqual({ isoseed: 'number', vm: 'number', 'isolated-vm': expect.stringContaining('bench:install'), quickjs: expect.stringContaining('bench:install'), 'mini-racer': expect.stringContaining('bench:install') })
  expect(stdout).toContain('skipped: isolated-vm')
})
