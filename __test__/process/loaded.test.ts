import { testScenarios } from './scenarios.js'

testScenarios('loaded.mjs', ['endless loops are stopped, and their isolates stay'])
