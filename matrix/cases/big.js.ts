import Big from 'big.js'

export const input = ['0.1', '0.7', '-1234.5678', '1e21']

export function answer(texts: typeof input) {
  const numbers = texts.map((text) => new Big(text))
  let error = ''
  try {
    new Big('1').div(0)
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return { sum: numbers.reduce((a, b) => a.plus(b)).toFixed(), thirds: numbers.map((n) => n.div(3).round(5, Big.roundHalfEven).toString()), power: new Big('1.01').pow(20).toString(), root: new Big(2).sqrt().toString(), order: numbers.toSorted((a, b) => a.cmp(b)).map(String), error }
}
