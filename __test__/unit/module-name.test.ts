import { expect, test } from 'vitest'
import { moduleKey, resolveName } from '../../lib/module-name.js'
import table from '../support/module-names.json' with { type: 'json' }

test.each(table as [string, string, string][])('%j from %j is %j', (specifier, referrer, expected) => {
  expect(resolveName(specifier, referrer)).toBe(expected)
  expect(moduleKey(expected)).toBe(expected)
})
