// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { run } from './run.js'
import type { RunOptions } from './run.js'
import { testScenarios } from './scenarios.js'

const LOADER = fileURLToPath(new URL('./fixtures/loader.mjs', import.meta.url))

async function lives(fixture: string, options: RunOptions = {}) {
  const ended = await run(fixture, options)
  expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0, signal: null })
  expect(ended.stdout).toContain('host lives')
}

describe('options of Node.js', () => {
  const both = [
    ['--max-old-space-size=64'],
    ['--inspect=0'],
    ['--no-warnings'],
    ['--import', LOADER],
    ['--jitless'],
    ['--disable-proto=throw'],
    ['--frozen-intrinsics'],
    ['--enable-source-maps'],
    ['--abort-on-uncaught-exception'],
  ]
  test.concurrent.each(both.map((options) => options.join(' ')))('given as NODE_OPTIONS: %s', { timeout: 60_000 }, (options) =>
    lives('hello.mjs', { env: { ...process.env, NODE_OPTIONS: options } }),
  )
  const argumentsOnly = [['--stack-size=500'], ['--no-opt'], ['--expose-gc', '--stress-compaction'], ['--single-threaded'], ['--no-node-snapshot']]
  test.concurrent.each([...both, ...argumentsOnly])('given as arguments: %s %s', { timeout: 60_000 }, (...options) =>
    lives('hello.mjs', { execArgv: options.filter((option) => option !== undefined) }),
  )
})

describe('the kind of host', () => {
  test.concurrent('CommonJS', { timeout: 60_000 }, () => lives('hello.cjs'))
  test.concurrent('ECMAScript module', { timeout: 60_000 }, () => lives('hello.mjs'))
  test.concurrent('no environment variables at all', { timeout: 60_000 }, () => lives('hello.mjs', { env: {} }))
  test.concurrent('an empty PATH', { timeout: 60_000 }, () => lives('hello.mjs', { env: { ...process.env, PATH: '', NODE_OPTIONS: '' } }))
})

describe('the working directory is', () => {
  testScenarios('cwd.mjs', ['changed', 'deleted'])
})
