import { testScenarios } from './scenarios.js'

testScenarios('loaded.mjs', ['endless loops that V8 stops late', 'endless loops in small functions', 'an isolate that is disposed in such a loop'])
