import { testScenarios } from './scenarios.js'

testScenarios(
  'moves.mjs',
  [
    'a Worker ends while its buffers are on the way',
    'a Worker ends with buffers of guests',
    'the process exits while buffers are on the way',
    'an isolate is disposed while buffers are on the way',
    'what has been read is given back at once',
    'gigabytes both ways leave no memory behind',
  ],
  { execArgv: ['--expose-gc'] },
)
