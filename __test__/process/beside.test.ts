import { describe } from 'vitest'
import { testScenarios } from './scenarios.js'

describe("Node's own V8 beside ours", () => {
  testScenarios('beside.mjs', ['all', 'flags'])
})

describe("ours under the pressure of Node's heap", () => {
  testScenarios('pressure.mjs', ['at 64 MiB'], { execArgv: ['--max-old-space-size=64'] })
})
