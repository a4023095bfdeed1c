import { testScenarios } from './process/scenarios.js'

testScenarios('pollution.mjs', [
  'results with keys that the host traps',
  'errors with parts that the host traps',
  'arguments of bindings',
  'keys that name prototypes',
  'keys that name prototypes, into a guest',
  'symbols, functions, proxies and getters of the guest',
  "getters of the host run for the host's own values, traps of a Proxy do not",
])
