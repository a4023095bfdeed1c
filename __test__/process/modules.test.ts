import { testScenarios } from './scenarios.js'

testScenarios('modules.mjs', [
  'a module that imports itself while it runs',
  'modules that import each other while they run',
  'an import from built-ins that a guest replaced, while modules are linked',
  'modules that throw, again and again',
  'a module that throws, imported by a fallback and by its own import',
  'a top-level await that never ends, disposed',
  'names that mean something elsewhere',
  'specifiers of any length, and objects as specifiers',
])
