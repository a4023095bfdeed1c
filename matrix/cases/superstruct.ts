import { array, assert, coerce, create, date, defaulted, define, number, object, optional, refine, string, StructError, trimmed, union, literal } from 'superstruct'

const Even = define<number>('Even', (value) => typeof value === 'number' && value % 2 === 0)
const Article = object({
  id: coerce(number(), string(), Number),
  title: trimmed(refine(string(), 'short', (text) => text.length < 20 || 'too long')),
  state: defaulted(union([literal('draft'), literal('live')]), 'draft'),
  marks: optional(array(Even)),
  at: coerce(date(), string(), (text) => new Date(text)),
})

export const input = [
  { id: '7', title: '  Hello ', at: '2024-05-06T00:00:00Z', marks: [2, 4] },
  { id: 'x', title: 'A title that is much longer than that', at: 'never', marks: [2, 3] },
]

export function answer(articles: typeof input) {
  return articles.map((article) => {
    try {
      const made = create(article, Article)
      assert(made, Article)
      return made
    } catch (error) {
      if (!(error instanceof StructError)) throw error
      return error.failures().map(({ path, type, message }) => ({ path, type, message }))
    }
  })
}
