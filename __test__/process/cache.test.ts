import { testScenarios } from './scenarios.js'

testScenarios('cache.mjs', [
  'eight processes build one key at once',
  'another process only loads',
  'eight processes with a damaged file',
  'SIGKILL in the middle of a build',
  'SIGKILL in the middle of a write',
  'the one who builds is stopped',
  'who waits for another process may leave',
  'Workers share builds, memory and failures',
])
