class Point { constructor(x, y) { this.x = x; this.y = y } length() { return Math.hypot(this.x, this.y) } }
globalThis.Point = Point
class Hidden { constructor(n) { this.n = n } }
const shapes = { Circle: class Circle extends Point { radius = 1 }, nested: { make: () => new Hidden(7) } }
globalThis.shapes = shapes
class Cache extends Map { hits = 0 }
class Tags extends Set {}
class List extends Array {}
class Failure extends RangeError { constructor(message, code) { super(message); this.code = code } }
class Bytes extends Uint8Array {}
class Moment extends Date {}
class Pattern extends RegExp {}
const mark = Symbol('mark')
globalThis.marks = { mark, [Symbol('key')]: 1 }
class Money {
  #cents
  constructor(cents) { this.#cents = cents }
  get cents() { return this.#cents }
  static [Symbol.for('isoseed.state')] = {
    toState: (money) => ({ cents: money.cents }),
    fromState: (form) => new Money(form.cents),
  }
}
class Wallet {
  #money
  constructor(money) { this.#money = money }
  get money() { return this.#money }
  static [Symbol.for('isoseed.state')] = {
    toState: (wallet) => [wallet.money],
    fromState: ([money]) => new Wallet(money),
  }
}
class Secret { #value; constructor(value) { this.#value = value } get value() { return this.#value } }
class Guarded { #check() { return 1 } get ok() { return this.#check() } }
class Broken { static [Symbol.for('isoseed.state')] = { toState: () => { throw new Error('no') }, fromState: () => 1 } }
globalThis.helpers = { twice: (n) => n * 2, get current() { return 1 } }
class Nested { constructor(value) { this.value = value } static [Symbol.for('isoseed.state')] = { toState: (nested) => nested.value, fromState: (value) => new Nested(value) } }
class Endless { static [Symbol.for('isoseed.state')] = { toState: () => new Endless(), fromState: () => new Endless() } }
class Picky {
  constructor(value) { this.value = value }
  static [Symbol.for('isoseed.state')] = {
    toState: (picky) => picky.value,
    fromState: (value) => {
      if (value === 'throws') throw new RangeError('not that one')
      return value === 'gives a number' ? 1 : new Picky(value)
    },
  }
}
