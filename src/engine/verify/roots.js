// Evaluated in the session: what is reachable from syntax but from no global.
(() => [
  ['globalThis', globalThis],
  ['%GeneratorFunction%', function* () {}],
  ['%AsyncFunction%', async () => {}],
  ['%AsyncGeneratorFunction%', async function* () {}],
  ['%ArrayIterator%', [][Symbol.iterator]()],
  ['%MapIterator%', new Map()[Symbol.iterator]()],
  ['%SetIterator%', new Set()[Symbol.iterator]()],
  ['%StringIterator%', ''[Symbol.iterator]()],
  ['%RegExpStringIterator%', ''.matchAll(/x/g)],
  ['%TypedArray%', Object.getPrototypeOf(Int8Array)],
])()
