// What is debugged: TypeScript, bundled with its source map.
interface Item {
  price: number
  quantity: number
}

export function total(items: Item[], discount: number): number {
  let sum = 0
  for (const { price, quantity } of items) sum += price * quantity
  const reduced = sum * (1 - discount)
  return Math.round(reduced * 100) / 100
}
