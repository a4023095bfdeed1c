// The message of an expectation is what the child said; some tests expect in their helper.
/* oxlint-disable vitest/expect-expect, vitest/valid-expect, vitest/no-conditional-expect, vitest/valid-title */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { helpersMarked, run } from './run.js'
import { testScenarios } from './scenarios.js'

testScenarios('workers.mjs', [
  'main and four workers at once',
  'only in a worker',
  'one worker after another',
  'worker ends with idle isolates',
  'worker ends with isolates held ready',
  'five workers hold isolates ready at once',
  'terminated while isolates are made ready',
  'terminated with pending calls',
  'terminated with an endless loop',
  'terminated while host calls fly',
  'terminated while guests wait for the host',
  'terminated with a build',
  'terminated while isolates are created',
  'terminated many times',
  'ten workers with a hundred isolates each',
  'exit in the worker',
  'uncaught exception in the worker',
  'main works on after the worker that loaded the addon',
  'worker with small resource limits',
])

test.concurrent('main exits while workers run', { timeout: 60_000 }, async () => {
  const mark = randomUUID()
  const ended = await run('workers.mjs', { args: ['main exits while workers run'], env: { ...process.env, ISOSEED_MARK: mark, NODE_OPTIONS: '' } })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const left = helpersMarked(mark)
  for (const pid of left) process.kill(pid, 'SIGKILL')
  expect(ended, ended.stderr).toMatchObject({ code: 7, signal: null })
  expect(left, 'helper processes left').toEqual([])
})
