// Sound states and snapshot files as a fuzzer's first inputs: `node fuzz/seeds.mjs`, after the package was built.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { buildSnapshot, openSession } from '../index.js'

const folder = new URL('corpus/', import.meta.url)
for (const name of ['state/', 'container/']) mkdirSync(new URL(name, folder), { recursive: true })

const tests = (name) => readFileSync(new URL(`../tests/engine/state/${name}`, import.meta.url), 'utf8')
const classes = `${tests('classes.js')}

  class C { #x = 1; #m() {}; static [Symbol.for('isoseed.state')] = { toState: (c) => ({ x: c.#x }), fromState: () => new C() } }
  class Private { #a = 1; #b = {}; #m() {} }
  globalThis.C = C; globalThis.lib = { Private, [Symbol('key')]: 1, f: () => 1 }`
const snapshot = await buildSnapshot({ bundle: classes })
const values = tests('values.txt').split('\n').filter(Boolean)
values.push(
  'new C()',
  '[new C(), new C(), new Point(new C())]',
  '[new lib.Private(), new lib.Private(), { private: new lib.Private() }]',
  '[lib.f, Point, Map, Symbol.iterator, Object.getOwnPropertySymbols(lib)[0]]',
  'Array.from({ length: 50 }, (_, i) => ({ i, next: { i } }))',
)
// The mark, the version; the digest.
const [BEFORE, AFTER] = [10, 32]
// One variable, `state` with its length, no attributes.
const VARIABLE = 1 + 6 + 1
const session = await openSession('seeds', { store: 'memory:', snapshot, save: 'manual' })
for (const [index, value] of values.entries()) {
  try {
    await session.eval(`globalThis.state = (${value}); 0`)
    const bytes = await session.exportState({ mode: 'force' })
    const content = bytes.subarray(BEFORE, bytes.length - AFTER)
    writeFileSync(new URL(`state/whole-${index}`, folder), Buffer.concat([Buffer.of(0), content]))
    // The target puts a variable around these.
    for (const way of [1, 2]) writeFileSync(new URL(`state/value-${way}-${index}`, folder), Buffer.concat([Buffer.of(way), content.subarray(VARIABLE)]))
  } catch (error) {
    if (error.code !== 'ERR_STATE_VALUE') throw error
  }
}
await session.close()
const text = Buffer.from(await snapshot.bytes())
writeFileSync(new URL('container/plain', folder), text)
await snapshot.save(new URL('container/zstd', folder).pathname, { compression: 'zstd' })
// A file of a size that a fuzzer gets far with: without the image, which only its digest knows.
writeFileSync(new URL('container/head', folder), text.subarray(0, text.readUInt32LE(12) + 4096))
