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
  'chains of imports longer than the stack, linked at once and piece by piece',
  'ten thousand imports, of a map and of a loader',
  'imports in a loop that awaits nothing',
  'modules that are stopped in the middle, and imported again',
  'disposed, collected and left while the host is asked',
  'a bridge that replaced what promises and objects are made of',
  'modules too large for the memory limit',
  'ten thousand modules that come and go in one isolate',
  'a host that imports while a module waits for it',
])
