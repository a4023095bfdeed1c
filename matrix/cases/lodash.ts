import _ from 'lodash'

export const input = [
  { name: 'Ada', team: 'core', points: [3, 5, 8], joined: '2019-04-01' },
  { name: 'Bob', team: 'docs', points: [1, 1], joined: '2021-11-20' },
  { name: 'Cyd', team: 'core', points: [13], joined: '2018-02-11' },
]

export function answer(people: typeof input) {
  const totals = _(people).groupBy('team').mapValues((team) => _.sumBy(team, ({ points }) => _.sum(points))).value()
  const copy = _.cloneDeep({ people, seen: new Map([['a', new Set([1])]]) })
  const compiled = _.template('<% _.forEach(people, (p) => { %><li><%- p.name %>: <%= p.points.length %></li><% }) %>')
  return {
    totals,
    copy: _.isEqual(copy.people, people) && copy.people !== people,
    seen: copy.seen,
    html: compiled({ people: [...people, { name: '<script>', points: [] }] }),
    order: _.map(_.orderBy(people, ['team', 'joined'], ['asc', 'desc']), 'name'),
    words: _.startCase('fooBar--baz_QUX été'),
    deep: _.set({}, 'a[0].b.c', 4),
    chunks: _.chunk(_.range(1, 8), 3),
  }
}
