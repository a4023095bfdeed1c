// The example of an agent's notebook, as its README shows it: two processes, and a state that the second goes on with.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test("an agent's notebook is there in another process: tables, classes, functions and variables", { timeout: 120_000 }, async () => {
  // It checks itself what it shows, and rejects here with what is not so.
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/run.mjs', 'examples/scratchpad/main.ts'])
  expect(stdout).toContain('--- tomorrow')
  expect(stdout).toContain('revision 6')
})
