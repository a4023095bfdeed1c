import { describe } from 'vitest'
import { testScenarios } from './scenarios.js'

describe('what a guest says, and what it does not catch, never ends the host', () => {
  testScenarios('observe.mjs', [
    'endless logs of four isolates',
    'a host that hears nothing',
    'a million rejections',
    'rejections until the memory is full',
    'rejections of large errors in every turn',
    'logs at the end of the stack',
    'logs when the memory is full',
    'every kind of value',
    'a console that the guest has broken',
    'disposed from its own sink',
    'disposed while the guest waits for its host',
    'the process exits while a guest logs',
    'a Worker ends while its guest logs',
    'nothing keeps the process alive',
  ])
})
