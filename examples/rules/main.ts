// A rules engine: the library of the rules is in a snapshot, the rules are a map of modules. Thousands of
// evaluations run beside one another in a few isolates; a rule that hangs is stopped, and the rest goes on.
// Run it with `npm run examples rules`.
import assert from 'node:assert/strict'
import { IsoseedError, buildSnapshot, createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'

const ORDERS = 2000
const ISOLATES = 3
/** For one rule and one order. */
const TIMEOUT_MS = 100
/** A rule that was stopped so often is not asked any more. */
const MOST_STRIKES = 3

interface Order {
  id: number
  country: string
  items: { sku: string; cents: number; quantity: number }[]
}

interface Verdict {
  rule: string
  discountCents: number
  reason: string
}

interface Api {
  evaluate(rule: string, order: Order): Verdict | null
}

// What rules have in common: evaluated once, when the snapshot is built.
const library = `
  export const total = ({ items }) => items.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0)
  export const percent = (cents, rate) => Math.round(cents * rate / 100)
  export const euro = (cents) => (cents / 100).toFixed(2)`

// What calls a rule, in every isolate. Rules are loaded when they are first asked for.
const engine = `
  globalThis.evaluate = async (name, order) => {
    const { default: rule } = await import('rules/' + name + '.js')
    const verdict = rule(order)
    return verdict ? { rule: name, ...verdict } : null
  }`

// What the users of the engine write.
const rules: Record<string, string> = {
  'rules/large.js': `
    import { euro, percent, total } from 'lib/rules.js'
    export default (order) => total(order) >= 20_000 && { discountCents: percent(total(order), 5), reason: 'more than ' + euro(20_000) }`,
  'rules/three.js': `
    import { percent } from 'lib/rules.js'
    export default ({ items }) => {
      const triple = items.find(({ quantity }) => quantity >= 3)
      return triple && { discountCents: percent(triple.cents, 50), reason: 'three of ' + triple.sku }
    }`,
  // Looks for a number in a way that does not end for some orders.
  'rules/lucky.js': `
    import { total } from 'lib/rules.js'
    export default (order) => {
      let number = order.id
      while (number % 1000 !== 0) number = number % 97 === 0 ? number : number - 1
      return total(order) > 0 && { discountCents: 100, reason: 'down to ' + number }
    }`,
  'rules/broken.js': 'export default (order) => order.customer.name',
}

const orders = Array.from({ length: ORDERS }, (_, index): Order => {
  const id = index + 1
  const items = [
    { sku: 'BK-101', cents: 1250 + (id % 7) * 100, quantity: 1 + (id % 4) },
    { sku: 'TL-007', cents: 4999, quantity: id % 5 },
  ]
  return { id, country: id % 2 === 0 ? 'FI' : 'PT', items }
})

const snapshot = await buildSnapshot({
  bridge: { code: engine, name: 'engine.js' },
  bundle: { code: library, name: 'lib/rules.js', type: 'module' },
})
await snapshot.prewarm(ISOLATES, { memoryLimitMb: 32 })

const verdicts: Verdict[] = []
const strikes = new Map<string, number>()
let [evaluations, threw, skipped] = [0, 0, 0]

const open = (): Promise<Isolate<Api>> => createIsolate<Api>({ snapshot, modules: rules, memoryLimitMb: 32, timeoutMs: TIMEOUT_MS })

/** The isolate for the next evaluation: another one, if V8 could not stop a rule in time. */
async function evaluate(isolate: Isolate<Api>, rule: string, order: Order): Promise<Isolate<Api>> {
  if ((strikes.get(rule) ?? 0) >= MOST_STRIKES) {
    skipped += 1
    return isolate
  }
  try {
    const verdict = await isolate.api.evaluate(rule, order)
    if (verdict !== null) verdicts.push(verdict)
  } catch (error) {
    const code = error instanceof IsoseedError ? error.code : undefined
    if (code === 'ERR_GUEST') {
      threw += 1
    } else if (code === 'ERR_TIMEOUT' || code === 'ERR_ISOLATE_LOST') {
      strikes.set(rule, (strikes.get(rule) ?? 0) + 1)
    } else if (code === 'ERR_DISPOSED') {
      await isolate.dispose()
      return evaluate(await open(), rule, order)
    } else {
      throw error
    }
  }
  evaluations += 1
  return isolate
}

/** Works off its share of the orders, one rule after the other: a deadline counts from the call on. */
async function work(share: Order[]): Promise<void> {
  let isolate = await open()
  for (const order of share) {
    for (const rule of ['large', 'three', 'lucky', 'broken']) isolate = await evaluate(isolate, rule, order)
  }
  await isolate.dispose()
}

const started = performance.now()
await Promise.all(Array.from({ length: ISOLATES }, (_, index) => work(orders.filter(({ id }) => id % ISOLATES === index))))
const elapsed = performance.now() - started
await snapshot.prewarm(0)

// The same in plain JavaScript, for the rules that are sound.
const total = ({ items }: Order): number => items.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0)
const byRule = (name: string): Verdict[] => verdicts.filter(({ rule }) => rule === name)
assert.equal(byRule('large').length, orders.filter((order) => total(order) >= 20_000).length)
assert.equal(byRule('three').length, orders.filter(({ items }) => items.some(({ quantity }) => quantity >= 3)).length)
assert(byRule('large').every(({ reason }) => reason === 'more than 200.00'))
assert.equal(threw, ORDERS, 'the broken rule threw for every order')
const hung = strikes.get('lucky') ?? 0
// Each isolate may have one more evaluation under way when the last strike comes.
assert(hung >= MOST_STRIKES && hung < MOST_STRIKES + ISOLATES, `${hung} strikes`)
assert(skipped > 0)
assert.equal(evaluations + skipped, ORDERS * 4)

console.log(`${evaluations} evaluations of 4 rules in ${ISOLATES} isolates: ${elapsed.toFixed(0)} ms`)
console.log(`large: ${byRule('large').length}, three: ${byRule('three').length}, lucky: ${byRule('lucky').length} until it was stopped ${hung} times; broken threw ${threw} times`)
