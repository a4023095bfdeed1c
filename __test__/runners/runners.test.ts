// The message of an expectation is what the runner said.
/* oxlint-disable vitest/valid-expect */
// isoseed inside of the test runners that people use: each run is a process of its own.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { isolateProcessesOf, run } from '../process/run.js'
import type { Run } from '../process/run.js'

const folder = fileURLToPath(new URL('./fixtures', import.meta.url))
const TIMEOUT = { timeout: 180_000 }

/** A command of a package, run by this Node.js in a folder of the fixtures. */
async function command(name: string, cwd: string, args: string[]): Promise<Run> {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> }
  const script = join(dirname(manifest), typeof bin === 'string' ? bin : (bin[name] as string))
  const env = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0', CI: '1' }
  return run(script, { args, cwd: join(folder, cwd), env, timeoutMs: 150_000 })
}

function said({ stdout, stderr }: Run): string {
  return `${stdout}\n${stderr}`
}

describe('vitest', () => {
  test.each(['threads', 'forks', 'vmThreads', 'vmForks'])('with the pool %s', TIMEOUT, async (pool) => {
    const ended = await command('vitest', 'vitest', ['run', '--pool', pool, '--reporter', 'json'])
    expect(ended, said(ended)).toMatchObject({ code: 0, signal: null })
    expect(JSON.parse(ended.stdout.slice(ended.stdout.indexOf('{')))).toMatchObject({ success: true, numPassedTests: 6 })
    expect(isolateProcessesOf(ended.pid)).toEqual([])
  })

  test('in one thread that serves all files', TIMEOUT, async () => {
    const ended = await command('vitest', 'vitest', ['run', '--pool', 'threads', '--no-isolate', '--no-file-parallelism', '--reporter', 'json'])
    expect(ended, said(ended)).toMatchObject({ code: 0, signal: null })
    expect(JSON.parse(ended.stdout.slice(ended.stdout.indexOf('{')))).toMatchObject({ success: true, numPassedTests: 6 })
  })
})

describe('jest', () => {
  const ways: [string, ...string[]][] = [
    ['in one process', '--runInBand'],
    ['in processes', '--maxWorkers=2', '--workerThreads=false'],
    ['in threads', '--maxWorkers=2', '--workerThreads=true'],
  ]
  test.each(ways)('%s', TIMEOUT, async (_, ...options) => {
    const ended = await command('jest', 'jest', ['--json', '--no-cache', ...options])
    expect(ended, said(ended)).toMatchObject({ code: 0, signal: null })
    expect(JSON.parse(ended.stdout)).toMatchObject({ success: true, numPassedTests: 6 })
    // Nothing of ours keeps it from ending.
    expect(ended.stderr).not.toContain('did not exit')
  })
})
