import jsonata from 'jsonata'

export const input = {
  account: { name: 'Firefly', orders: [
    { id: 'o1', products: [{ name: 'Bowler', price: 34.45, quantity: 2, tags: ['hat'] }, { name: 'Trilby', price: 21.67, quantity: 1, tags: ['hat', 'red'] }] },
    { id: 'o2', products: [{ name: 'Bowler', price: 34.45, quantity: 4, tags: [] }, { name: 'Cloak', price: 107.99, quantity: 1, tags: ['black'] }] },
  ] },
}

export async function answer(data: typeof input) {
  const ask = (text: string) => jsonata(text).evaluate(data) as Promise<unknown>
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown
  return {
    total: await ask('$sum(account.orders.products.(price * quantity))'),
    grouped: plain(await ask('account.orders.products{ name: { "sold": $sum(quantity), "most": $max(price) } }')),
    sorted: plain(await ask('account.orders.products^(>price, name)[price > 30].(name & ": " & $formatNumber(price, "#,##0.00"))')),
    text: await ask('$uppercase($join(account.orders.products.tags ~> $distinct, "-"))'),
    recursive: await ask('( $f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $map([1..6], $f) ) ~> $string()'),
    date: await ask('$fromMillis(1709210096000, "[Y0001]-[M01]-[D01] [FNn] [h#1][P]")'),
  }
}
