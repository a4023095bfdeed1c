// Evaluated in the session: what is reachable from syntax but from no global, and what V8 keeps besides.
// The last is the function whose scopes are those of all scripts.
(() => {
  const statics = { __proto__: null }
  for (const name of ['$1', '$2', '$3', '$4', '$5', '$6', '$7', '$8', '$9', 'input', 'lastMatch', 'lastParen', 'leftContext', 'rightContext']) {
    try {
      statics[name] = /x/.constructor[name]
    } catch {}
  }
  return [
    ['globalThis', globalThis],
    ['%RegExp%', statics],
    ['%GeneratorFunction%', function* () {}],
    ['%AsyncFunction%', async () => {}],
    ['%AsyncGeneratorFunction%', async function* () {}],
    ['%ArrayIterator%', [][Symbol.iterator]()],
    ['%MapIterator%', new Map()[Symbol.iterator]()],
    ['%SetIterator%', new Set()[Symbol.iterator]()],
    ['%StringIterator%', ''[Symbol.iterator]()],
    ['%RegExpStringIterator%', ''.matchAll(/x/g)],
    ['%TypedArray%', Object.getPrototypeOf(Int8Array)],
  ]
})()
