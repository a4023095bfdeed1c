// Evaluated in the session: what is reachable from syntax but from no global, and what V8 keeps besides. A
// bundle may have taken or replaced any built-in, so each is tried for itself.
(() => {
  const roots = [['globalThis', globalThis]]
  const root = (name, make) => {
    try {
      roots[roots.length] = [name, make()]
    } catch {}
  }
  root('%RegExp%', () => {
    const constructor = /x/.constructor
    return { __proto__: null, $1: constructor.$1, $2: constructor.$2, $3: constructor.$3, $4: constructor.$4, $5: constructor.$5, $6: constructor.$6, $7: constructor.$7, $8: constructor.$8, $9: constructor.$9, input: constructor.input, lastMatch: constructor.lastMatch, lastParen: constructor.lastParen, leftContext: constructor.leftContext, rightContext: constructor.rightContext }
  })
  root('%GeneratorFunction%', () => function* () {})
  root('%AsyncFunction%', () => async () => {})
  root('%AsyncGeneratorFunction%', () => async function* () {})
  root('%ArrayIterator%', () => [][Symbol.iterator]())
  root('%MapIterator%', () => new Map()[Symbol.iterator]())
  root('%SetIterator%', () => new Set()[Symbol.iterator]())
  root('%StringIterator%', () => ''[Symbol.iterator]())
  root('%RegExpStringIterator%', () => ''.matchAll(/x/g))
  root('%TypedArray%', () => Object.getPrototypeOf(Int8Array))
  return roots
})()
