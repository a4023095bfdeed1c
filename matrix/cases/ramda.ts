import * as R from 'ramda'

export const input = { items: [{ id: 1, tags: ['a', 'b'], price: 10 }, { id: 2, tags: ['b'], price: 30 }, { id: 3, tags: [], price: 5 }] }

export function answer({ items }: typeof input) {
  const price = R.lensPath([1, 'price'])
  const mean = R.converge(R.divide, [R.sum, R.length])
  return {
    byTag: R.pipe(R.chain((item: { id: number; tags: string[] }) => R.map((tag) => [tag, item.id] as const, item.tags)), R.groupBy(([tag]) => tag), R.map(R.pluck(1)))(items),
    mean: mean(R.pluck('price', items)),
    raised: R.over(price, R.multiply(2), items)[1],
    transduced: R.into([], R.compose(R.filter((n: number) => n % 2 === 1), R.map((n: number) => n * n), R.take(3)), R.range(1, 100)),
    curried: R.curry((a: number, b: number, c: number) => a - b - c)(R.__, 2, R.__)(10)(3),
    memo: R.uniqBy(Math.abs, [-1, 1, 2, -3, 3]),
  }
}
