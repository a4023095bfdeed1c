import { describe } from 'vitest'
import { testScenarios } from './scenarios.js'

describe.runIf(process.platform === 'linux')('many isolates in one process', () => {
  testScenarios('scale.mjs', [
    'an idle isolate is small, and the last one costs what the first did',
    'busy isolates get on alike, and the host is free meanwhile',
    'those that wait their turn hear of every stop, and short calls wait for none of them',
    'no thread left: a typed error, and the next one comes when there is one',
    'no thread left for a pool: prewarm says so, and works when there is one',
    'no address space left: a typed error, and the next one comes when there is',
  ])
})
