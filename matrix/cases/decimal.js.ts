import { Decimal } from 'decimal.js'

const Money = Decimal.clone({ precision: 50, rounding: Decimal.ROUND_HALF_EVEN })

export const input = ['0.1', '0.2', '1e-30', '123456789.987654321']

export function answer(texts: typeof input) {
  return {
    sum: Money.sum(...texts).toString(),
    roots: texts.map((text) => new Money(text).sqrt().toSignificantDigits(30).toString()),
    pi: Decimal.acos(-1).toString(),
    pow: new Money(2).pow('0.5').toFixed(45),
    hex: new Decimal(255.5).toHexadecimal(),
    fraction: new Decimal('3.14159').toFraction(1000).map(String),
    nan: new Decimal('-Infinity').plus(Infinity).isNaN(),
  }
}
