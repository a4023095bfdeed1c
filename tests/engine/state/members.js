class Counter {
  #count = 0
  #log = []
  #owner
  constructor(owner) { this.#owner = owner }
  bump() { this.#count++; this.#log.push(this); return this }
  look() { return [this.#count, this.#log.length, this.#log.every((entry) => entry === this), this.#owner] }
  set owner(owner) { this.#owner = owner }
  same(other) { return this.#owner === other.#owner }
  static has(value) { return #count in value && #log in value && #owner in value }
}
class Methods {
  #secret = 6
  #times(n) { return this.#secret * n }
  get #double() { return this.#times(2) }
  set #double(value) { this.#secret = value / 2 }
  run() { this.#double = this.#double + 2; return this.#double }
  static has(value) { return #times in value && #double in value && #secret in value }
}
class OnlyMethods { #check() { return 'checked' } run() { return this.#check() } }
class Statics {
  static #made = 0
  static #next() { return ++Statics.#made }
  #id = Statics.#next()
  get id() { return this.#id }
}
// Fields of the same name at each level, and a level without any.
class Base { #x = 'base'; baseX() { return this.#x } setBase(x) { this.#x = x } #hidden() { return 'b' } hiddenBase() { return this.#hidden() } }
class Middle extends Base { #y = 'middle'; middleY() { return this.#y } }
class Plain extends Middle { open = 1 }
class Leaf extends Plain { #x = 'leaf'; leafX() { return this.#x } #hidden() { return 'l' } hiddenLeaf() { return this.#hidden() } }
// Stamps any object, whatever its prototype.
class Given { constructor(object) { return object } }
class Stamp extends Given {
  #mark
  constructor(object, mark) { super(object); this.#mark = mark }
  static read(object) { return #mark in object ? object.#mark : 'no mark' }
}
class StampMethods extends Given { #m() { return 'stamped' } static run(object) { return object.#m() } static has(object) { return #m in object } }
// Two classes of one text.
const make = () => class { #x = 1; get x() { return this.#x } set x(x) { this.#x = x } static has(o) { return #x in o } }
globalThis.twins = { One: make(), Two: make() }
class Outer {
  #x = 'outer'
  static Inner = class { #x = 'inner'; #y = 2; look() { return [this.#x, this.#y] } }
  static Bare = class { n = 1 }
  look() { return this.#x }
}
class Vault extends Map { #key = { deep: 1 }; get key() { return this.#key } }
class Stack extends Array { #top = 3; get top() { return this.#top } }
class Fault extends Error { #code; constructor(message, code) { super(message); this.#code = code } get code() { return this.#code } }
class Raw extends Uint8Array { #unit = 'px'; get unit() { return this.#unit } }
class Ünïcode { #größe = 1; #名 = 2; #𝒳 = 3; look() { return [this.#größe, this.#名, this.#𝒳] } }
class Eager { #a = globalThis.touched = (globalThis.touched ?? 0) + 1; constructor() { globalThis.touched += 100; Eager.made = (Eager.made ?? 0) + 1 } get a() { return this.#a } }
class Wide { #f = () => 1; run() { return this.#f() } clear() { this.#f = null } }
class Many { #a = 1; #b = 2; #c = 3; #d = 4; sum() { return this.#a + this.#b + this.#c + this.#d } more() { this.#a += 1 } }
// Only its instances lead to it.
globalThis.unnamed = (() => { class Lost { #x = 1 } return { make: () => new Lost(), stamp: (o) => { class L extends Given { #s = 1 } return new L(o) } } })()
class Purse { #coins = 1; get coins() { return this.#coins }; static [Symbol.for('isoseed.state')] = { toState: (p) => p.#coins, fromState: (n) => { const p = new Purse(); p.#coins = n + 1000; return p } } }
class Pouch extends Purse { #more = 2; get more() { return this.#more } }
