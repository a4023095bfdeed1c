import { BigNumber } from 'bignumber.js'

const Precise = BigNumber.clone({ DECIMAL_PLACES: 40, FORMAT: { groupSeparator: '.', decimalSeparator: ',', groupSize: 3 } })

export const input = ['255', '0.1', '-98765432109876543210.123']

export function answer(texts: typeof input) {
  return texts.map((text) => {
    const n = new Precise(text)
    return { format: n.toFormat(2), hex: n.integerValue().toString(16), third: n.div(3).toString(), square: n.pow(2).toFixed(), mod: n.mod(7).toString(), root: n.abs().sqrt().toString(), fraction: n.toFraction(100).map(String) }
  })
}
