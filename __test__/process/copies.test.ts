import { testScenarios } from './scenarios.js'

testScenarios('copies.mjs', [
  'two copies',
  'a copy beside the package itself',
  'a copy that only a Worker loads',
  'the same file, loaded twice',
  'by require and by import',
])
