import { expect, test } from 'vitest'
import { run } from './run.js'
import { testScenarios } from './scenarios.js'

testScenarios('web.mjs', [
  'native functions get everything',
  'native functions get objects that run code',
  'native functions while a snapshot is built',
  'long arrays that are empty, and long texts',
  'the same long text many times',
  'buffers that change while they are used',
  'shared memory of WebAssembly',
  'clones of what is deep, wide and large',
  'timers until the memory is full',
  'messages until the memory is full',
  'timers and disposal at any moment',
  'the process ends by itself with timers waiting',
])

// V8 prints what a bare microtask throws to standard output, which is the host's.
test('what a microtask throws is not printed', { timeout: 60_000 }, async () => {
  expect(await run('web.mjs', { args: ['what a microtask throws is not printed'] })).toMatchObject({ code: 0, stdout: 'host lives\n', stderr: '' })
})
