import { JSONPath } from 'jsonpath-plus'

export const input = { store: { books: [{ title: 'A', price: 8.95, isbn: '1' }, { title: 'B', price: 12.99 }, { title: 'C', price: 22.99, isbn: '3' }], bike: { price: 19.95 } } }

export function answer(json: typeof input) {
  const ask = (path: string, resultType: 'value' | 'path' | 'pointer' = 'value') => JSONPath({ path, json, resultType, wrap: true }) as unknown
  return {
    prices: ask('$..price'),
    cheap: ask('$.store.books[?(@.price < 20 && @.isbn)].title'),
    last: ask('$.store.books[-1:]', 'path'),
    slices: ask('$.store.books[0:3:2].title', 'pointer'),
    parents: ask('$..[?(@.isbn)]^', 'path'),
    keys: ask('$.store.*~'),
  }
}
