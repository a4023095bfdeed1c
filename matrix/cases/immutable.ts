import { List, Map, OrderedSet, Range, Record, Seq, Set, fromJS, is } from 'immutable'

const Point = Record({ x: 0, y: 0 }, 'Point')

export const input = { list: [{ id: 2, tags: ['a'] }, { id: 1, tags: ['b', 'a'] }], nested: { deep: { n: 1 } } }

export function answer(data: typeof input) {
  const state = fromJS(data) as any
  const next = state.updateIn(['nested', 'deep', 'n'], (n: number) => n + 1).setIn(['list', 0, 'tags', 3], 'z')
  let many = Map<number, number>().asMutable()
  for (let n = 0; n < 1000; n += 1) many = many.set(n, n * n)
  return {
    next: next.toJS(),
    shared: next.getIn(['list', 1]) === state.getIn(['list', 1]),
    equal: is(Map({ a: List([1]) }), Map({ a: List([1]) })),
    hash: Map({ a: 1, b: List([2]) }).hashCode(),
    sorted: state.get('list').sortBy((item: any) => item.get('id')).map((item: any) => item.get('id')).toJS(),
    lazy: Seq(Range(1, Infinity)).filter((n) => n % 7 === 0).map((n) => n * n).take(3).toArray(),
    point: String(new Point({ x: 3 }).set('y', 4)),
    union: OrderedSet(['b', 'a']).union(['c', 'a']).toArray(),
    sum: many.asImmutable().reduce((total, value) => total + value, 0),
    groups: Set([1, 2, 3, 4]).groupBy((n) => n % 2).map((group) => group.size).toJS(),
  }
}
