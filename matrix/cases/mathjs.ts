import { all, create } from 'mathjs'

const math = create(all!, {})
const big = create(all!, { number: 'BigNumber', precision: 40 })
math.import({ triple: (n: number) => n * 3 })

export const input = [
  '5.08 cm + 2 inch to mm', '9 / 3 + 2i * (1 - i)', 'det([-1, 2; 3, 1])', 'inv([4, 7; 2, 6]) * [1; 0]', 'sqrt(-4)', 'triple(simplify("1 + 1").evaluate())',
  'f(x, y) = x ^ y; f(2, 10)', '90 km/h to m/s', 'std([2, 4, 4, 4, 5, 5, 7, 9])', 'fraction(1, 3) + fraction(1, 6)', 'gcd(84, 36) + combinations(10, 3)', 'unequal(1, 2) ? bin(10) : 0',
]

export function answer(expressions: typeof input) {
  return {
    values: expressions.map((expression) => math.format(math.evaluate(expression), { precision: 12 })),
    derivative: math.derivative('x^3 * sin(x)', 'x').toString(),
    simplified: math.simplify('3 * x + 2 * x - (y - y)').toString(),
    tex: math.parse('sqrt(x / 2) + alpha_1').toTex(),
    precise: big.format(big.evaluate('1 / 3 + sqrt(2)')),
    lup: math.format(math.lusolve([[2, 1], [1, 3]], [3, 5]), 10),
    scope: (() => { const scope = new Map<string, unknown>([['a', 3]]); math.evaluate('b = a * 2', scope); return scope.get('b') })(),
  }
}
