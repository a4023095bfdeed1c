import { Fraction } from 'fraction.js'

export const input = ["0.(3)", '1 2/3', '-4.125', '22/7']

export function answer(texts: typeof input) {
  const fractions = texts.map((text) => new Fraction(text))
  return {
    each: fractions.map((fraction) => [fraction.toFraction(true), fraction.toString(), fraction.toLatex(), fraction.toContinued().map(String)]),
    sum: fractions.reduce((a, b) => a.add(b)).toFraction(),
    powers: fractions.map((fraction) => fraction.pow(3)?.toFraction()),
    gcd: fractions[3]!.gcd(fractions[2]!).toFraction(),
    near: new Fraction(Math.PI).simplify(1e-4).toFraction(),
  }
}
