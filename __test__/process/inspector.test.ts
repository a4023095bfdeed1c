// The message of an expectation is what the child said.
/* oxlint-disable vitest/valid-expect */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { run } from './run.js'
import { testScenarios } from './scenarios.js'

const folder = mkdtempSync(join(tmpdir(), 'isoseed-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('CPU profiles of both V8s in one process', () => {
  testScenarios('inspector.mjs', [
    "a profile while Node's own runs is refused",
    "Node's own profile inside one of ours",
    "Node's own profile outlives one of ours",
    'many profiles of both, overlapping',
    'process.exit during a profile',
    'guests that profile themselves',
  ])

  test('under `node --cpu-prof`', { timeout: 60_000 }, async () => {
    const ended = await run('inspector.mjs', { args: ['nothing pending, and the process ends'], execArgv: ['--cpu-prof', `--cpu-prof-dir=${folder}`] })
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.stdout).toContain('host lives')
    expect(readdirSync(folder)).toHaveLength(1)
  })
})

describe('hostile guests and clients of the inspector', () => {
  testScenarios('inspector.mjs', [
    'an evaluation that nothing can stop',
    'a guest that writes without end, to a client that does not read',
    'one endless string in the console',
    'disposed at any moment',
    'a client of chaos',
  ])
})

describe('the inspector holds nothing', () => {
  testScenarios(
    'inspector.mjs',
    ['nothing pending, and the process ends', 'process.exit at a breakpoint', 'a Worker ends at a breakpoint', 'isolates are collected once their inspectors are closed'],
    { execArgv: ['--expose-gc'] },
  )
})
