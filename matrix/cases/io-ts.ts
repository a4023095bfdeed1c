import { isRight } from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { PathReporter } from 'io-ts/lib/PathReporter.js'

interface Positive { readonly Positive: unique symbol }
const Positive = t.brand(t.number, (n): n is t.Branded<number, Positive> => n > 0, 'Positive')
const DateFromText = new t.Type<Date, string, unknown>('DateFromText', (u): u is Date => u instanceof Date, (u, context) => {
  const date = new Date(String(u))
  return Number.isNaN(date.getTime()) ? t.failure(u, context) : t.success(date)
}, (date) => date.toISOString())
interface Tree { value: number; children: Tree[] }
const Tree: t.Type<Tree> = t.recursion('Tree', () => t.type({ value: t.number, children: t.array(Tree) }))
const Order = t.intersection([t.type({ id: Positive, at: DateFromText, tree: Tree }), t.partial({ kind: t.keyof({ a: null, b: null }) })])

export const input = [
  { id: 3, at: '2024-01-01T00:00:00Z', tree: { value: 1, children: [{ value: 2, children: [] }] }, kind: 'a' },
  { id: -3, at: 'then', tree: { value: 1, children: [{ value: '2', children: [] }] }, kind: 'c' },
]

export function answer(orders: typeof input) {
  return orders.map((order) => {
    const decoded = Order.decode(order)
    return isRight(decoded) ? Order.encode(decoded.right) : PathReporter.report(decoded)
  })
}
