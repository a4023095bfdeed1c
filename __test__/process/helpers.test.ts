import { testScenarios } from './scenarios.js'

testScenarios('helpers.mjs', [
  'success',
  'failure',
  'unsafe',
  'abort',
  'abort at once',
  'timeout',
  'out of memory',
  'deep recursion',
  'SIGKILL of the helper',
  'SIGKILL of the helper at once',
  'SIGSTOP of the helper',
  'two who share a build, one leaves',
  'great noise from the sources',
])
