// A few libraries of the matrix, the ones that are among the project's own packages. `npm run matrix` does all.
import { expect, test } from 'vitest'
import { libraries } from '../matrix/libraries.ts'
import { measure } from '../matrix/measure.ts'

const few = libraries.filter(({ name }) => ['handlebars', 'lodash', 'typescript', 'zod'].includes(name))

// The compiler takes its time.
const LIMIT_MS = 120_000

test.each(few)('$name answers from a snapshot as in Node', async (library) => {
  expect(few).toHaveLength(4)
  const result = await measure(library, 1)
  expect(result).toMatchObject({ name: library.name, ratio: expect.any(Number) })
}, LIMIT_MS)
