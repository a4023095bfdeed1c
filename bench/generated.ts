// Bundles of any size, made by a rule: the same bytes in every run. Each puts `matrix.answer` and `matrix.input` into
// the global, as the bundled libraries do.

const GLOBAL = 'matrix'

/** Source text of about so many bytes: modules with functions, a class and a table each, of which the answer uses a few. */
export function codeOfSize(bytes: number): string {
  const modules: string[] = []
  let length = 0
  for (let id = 0; length < bytes; id += 1) {
    const text = moduleText(id)
    modules.push(text)
    length += text.length
  }
  return `
globalThis.${GLOBAL} = (() => {
const modules = []
${modules.join('')}
return {
  input: 24,
  answer: (count) => Array.from({ length: count }, (_, i) => modules[Math.floor((i * modules.length) / count)].run(i)),
}
})()
`
}

function moduleText(id: number): string {
  const table = Array.from({ length: 24 }, (_, index) => (id * 131 + index * 977) % 65_521)
  return `
// Module ${id}: what a module of a library has.
modules.push((() => {
  const table = [${table.join(', ')}]
  class Shape${id} {
    #width
    constructor(width, height) { this.#width = width; this.height = height }
    get area() { return this.#width * this.height }
    toString() { return 'shape ${id} of ' + this.area }
  }
  function mix(a, b) {
    let sum = a
    for (const value of table) sum = (sum * 31 + value * b) % 65521
    return sum
  }
  function describe(value, options = {}) {
    if (value === null || value === undefined) throw new TypeError('module ${id}: a value must be given')
    const { prefix = '', suffix = '' } = options
    return prefix + [value.toString(), value.height].join(' x ') + suffix
  }
  function unused${id}(list) {
    const seen = new Map()
    for (const item of list) {
      const key = typeof item === 'object' ? JSON.stringify(item) : String(item)
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
    return [...seen].filter(([, count]) => count > ${id % 7}).map(([key, count]) => ({ key, count, from: 'module ${id}' }))
  }
  return { id: ${id}, describe, unused${id}, run: (n) => describe(new Shape${id}(mix(n, ${id % 13}), n), { suffix: ' (${id})' }) }
})())
`
}

/** A small program that makes a heap of so many records, each of which takes about 150 bytes of a snapshot. */
export function heapOfRecords(count: number): string {
  return `
globalThis.${GLOBAL} = (() => {
const rows = Array.from({ length: ${count} }, (_, id) => ({ id, name: 'row ' + id, tags: ['even', id % 2 === 0], price: id * 1.5 }))
return { input: 7, answer: (step) => rows.filter(({ id }) => id % step === 0).slice(0, 20).map(({ name, price }) => name + ': ' + price) }
})()
`
}

/**
 * What a compiler makes fast: arithmetic, typed arrays, objects, strings and maps. With a size of 100 000 it takes about
 * 40 ms where it is compiled.
 */
export function jitProgram(size: number): string {
  return `
globalThis.${GLOBAL} = (() => {
function bodies(steps) {
  const all = Array.from({ length: 5 }, (_, i) => ({ x: i * 1.7, y: i * 0.3 - 1, z: 2 - i, vx: 0.01 * i, vy: 0.02, vz: -0.01 * i, mass: 1 + i / 10 }))
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < all.length; i++) {
      const a = all[i]
      for (let j = i + 1; j < all.length; j++) {
        const b = all[j]
        const dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z
        const square = dx * dx + dy * dy + dz * dz + 0.01
        const pull = 0.001 / (square * Math.sqrt(square))
        a.vx -= dx * b.mass * pull; a.vy -= dy * b.mass * pull; a.vz -= dz * b.mass * pull
        b.vx += dx * a.mass * pull; b.vy += dy * a.mass * pull; b.vz += dz * a.mass * pull
      }
    }
    for (const body of all) { body.x += body.vx * 0.001; body.y += body.vy * 0.001; body.z += body.vz * 0.001 }
  }
  return all.reduce((sum, { x, y, z }) => sum + Math.abs(x) + Math.abs(y) + Math.abs(z), 0).toFixed(6)
}
function sieve(limit) {
  const composite = new Uint8Array(limit + 1)
  let count = 0
  for (let n = 2; n <= limit; n++) {
    if (composite[n]) continue
    count++
    for (let multiple = n * n; multiple <= limit; multiple += n) composite[multiple] = 1
  }
  return count
}
function words(count) {
  const seen = new Map()
  let state = 7
  for (let i = 0; i < count; i++) {
    state = (state * 1103515245 + 12345) % 2147483648
    const word = 'w' + (state % 500)
    seen.set(word, (seen.get(word) ?? 0) + 1)
  }
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, 3).map(([word, n]) => word + '=' + n).join()
}
return { input: ${size}, answer: (size) => ({ bodies: bodies(size), primes: sieve(size * 25), words: words(size * 2) }) }
})()
`
}
