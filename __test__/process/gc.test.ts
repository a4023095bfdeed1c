import { describe } from 'vitest'
import { testScenarios } from './scenarios.js'

describe('an isolate that nobody holds is disposed', () => {
  testScenarios(
    'gc.mjs',
    [
      'dropped',
      'dropped while it was being made',
      'its bindings refer to it',
      'its console and its callback for lost rejections refer to it',
      'only its api is held',
      'after its memory death',
      'a call is pending',
      'isolates are held ready for a snapshot',
      'isolates are being made ready for a snapshot',
      'a host call is pending',
      'a host call is pending, and the host holds its promise',
    ],
    { execArgv: ['--expose-gc'] },
  )
})
