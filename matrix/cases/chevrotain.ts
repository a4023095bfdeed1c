import { CstParser, Lexer, createToken } from 'chevrotain'

const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED })
const Number_ = createToken({ name: 'Number', pattern: /\d+(\.\d+)?/ })
const Plus = createToken({ name: 'Plus', pattern: /[+-]/ })
const Times = createToken({ name: 'Times', pattern: /[*/]/ })
const Open = createToken({ name: 'Open', pattern: /\(/ })
const Close = createToken({ name: 'Close', pattern: /\)/ })
const tokens = [Space, Number_, Plus, Times, Open, Close]
const lexer = new Lexer(tokens)

class Arithmetic extends CstParser {
  declare sum: () => any
  declare product: () => any
  declare atom: () => any
  constructor() {
    super(tokens, { recoveryEnabled: true })
    const $ = this as any
    $.RULE('sum', () => {
      $.SUBRULE($.product, { LABEL: 'left' })
      $.MANY(() => {
        $.CONSUME(Plus)
        $.SUBRULE2($.product, { LABEL: 'right' })
      })
    })
    $.RULE('product', () => {
      $.SUBRULE($.atom, { LABEL: 'left' })
      $.MANY(() => {
        $.CONSUME(Times)
        $.SUBRULE2($.atom, { LABEL: 'right' })
      })
    })
    $.RULE('atom', () => {
      $.OR([
        { ALT: () => $.CONSUME(Number_) },
        { ALT: () => { $.CONSUME(Open); $.SUBRULE($.sum); $.CONSUME(Close) } },
      ])
    })
    this.performSelfAnalysis()
  }
}
const parser = new Arithmetic()

class Evaluator extends parser.getBaseCstVisitorConstructor() {
  constructor() {
    super()
    this.validateVisitor()
  }
  sum({ left, right = [], Plus: signs = [] }: any): number {
    return right.reduce((total: number, node: any, i: number) => (signs[i].image === '+' ? total + this.visit(node) : total - this.visit(node)), this.visit(left))
  }
  product({ left, right = [], Times: signs = [] }: any): number {
    return right.reduce((total: number, node: any, i: number) => (signs[i].image === '*' ? total * this.visit(node) : total / this.visit(node)), this.visit(left))
  }
  atom({ Number: number, sum }: any): number {
    return number ? Number(number[0].image) : this.visit(sum)
  }
}
const evaluator = new Evaluator()

export const input = ['1 + 2 * (3 - 4.5) / 5', '2 * (3 + )', '7 $ 8']

export function answer(texts: typeof input) {
  return texts.map((text) => {
    const { tokens: read, errors } = lexer.tokenize(text)
    parser.input = read
    const tree = parser.sum()
    const wrong = [...errors.map(({ message }) => message), ...parser.errors.map(({ name, message }) => `${name}: ${message}`)]
    return wrong.length > 0 ? wrong : evaluator.visit(tree)
  })
}
