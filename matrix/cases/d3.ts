import * as d3 from 'd3'

export const input = [{ day: '2024-01-01', kind: 'a', n: 3 }, { day: '2024-01-02', kind: 'b', n: 8 }, { day: '2024-01-03', kind: 'a', n: 5 }, { day: '2024-01-05', kind: 'b', n: 1 }]

export function answer(rows: typeof input) {
  const x = d3.scaleUtc(d3.extent(rows, ({ day }) => new Date(day)) as [Date, Date], [0, 300])
  const y = d3.scaleLinear([0, d3.max(rows, ({ n }) => n)!], [100, 0]).nice()
  const line = d3.line<(typeof rows)[0]>(({ day }) => x(new Date(day)), ({ n }) => y(n)).curve(d3.curveMonotoneX)
  const tree = d3.tree().size([10, 10])(d3.hierarchy({ name: 'r', children: [{ name: 'a' }, { name: 'b', children: [{ name: 'c' }] }] }))
  return {
    path: line(rows),
    ticks: x.ticks(4).map(x.tickFormat(4)),
    sums: d3.rollup(rows, (group) => d3.sum(group, ({ n }) => n), ({ kind }) => kind),
    pie: d3.pie<(typeof rows)[0]>().value(({ n }) => n)(rows).map(({ startAngle, endAngle }) => [startAngle.toFixed(6), endAngle.toFixed(6)]),
    color: d3.interpolateLab('red', '#00f')(0.25),
    nodes: tree.descendants().map((node) => [(node.data as { name: string }).name, node.x, node.y]),
    format: [d3.format('$,.2f')(1234567.891), d3.format('.3s')(42e6)],
    csv: d3.csvParse('a,b\n1,"x,y"\n').map(({ a, b }) => [a, b]),
    hull: d3.polygonHull([[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]]),
    contour: d3.contours().size([3, 3]).thresholds([0.5])([0, 0, 0, 0, 1, 0, 0, 0, 0])[0]!.coordinates,
  }
}
