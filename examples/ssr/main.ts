// Server-side rendering for two tenants: preact and the components are evaluated once, in a snapshot. Each request
// gets a session of its own with its tenant's globals and data, and can neither see nor change another's. Run it with
// `node scripts/run.mjs examples/ssr/main.ts`.
import assert from 'node:assert/strict'
import { buildSnapshot, createIsolate, verifyIsolation } from 'isoseed'
import type { Isolate } from 'isoseed'
import { bundle } from 'isoseed/bundle'
import type { Product, Tenant, history, render } from './app.ts'

interface Api {
  app: { render: typeof render; history: typeof history }
}

interface Shop extends Tenant {
  products: Record<string, Product[]>
}

const shops = {
  bakery: { name: 'Brot & Zeit', colour: '#7a4b1e', currency: 'CHF', products: { fresh: [{ name: '<b>Zopf</b>', cents: 650 }, { name: 'Ruchbrot', cents: 480 }] } },
  florist: { name: 'Flor', colour: '#1e7a3c', currency: 'EUR', products: { fresh: [{ name: 'Tulips', cents: 1250 }] } },
} satisfies Record<string, Shop>

const began = performance.now()
const snapshot = await buildSnapshot({
  bundle: await bundle({ entry: './examples/ssr/app.ts', global: 'app' }),
  bindings: ['loadProducts'],
  warmup: 'app.rehearse()',
})
console.log(`A snapshot of preact and the components: ${(snapshot.info.blobBytes / 1024).toFixed(0)} KiB, built in ${(performance.now() - began).toFixed(0)} ms`)

/** A session for one request of a tenant. */
function open({ products, ...tenant }: Shop): Promise<Isolate<Api>> {
  return createIsolate<Api>({
    snapshot,
    globals: { tenant },
    bindings: { loadProducts: async (category: string) => products[category] ?? [] },
    memoryLimitMb: 32,
    timeoutMs: 1000,
  })
}

async function answer(shop: Shop, title: string): Promise<string> {
  await using isolate = await open(shop)
  return await isolate.api.app.render(title, 'fresh')
}

const expected = {
  bakery: '<main style="color:#7a4b1e;"><h1>Brot &amp; Zeit: Today</h1><ul><li>&lt;b>Zopf&lt;/b> <span class="price">6.50 CHF</span></li><li>Ruchbrot <span class="price">4.80 CHF</span></li></ul></main>',
  florist: '<main style="color:#1e7a3c;"><h1>Flor: Today</h1><ul><li>Tulips <span class="price">12.50 EUR</span></li></ul></main>',
}

// Requests of both, all at once.
const started = performance.now()
const pages = await Promise.all(Array.from({ length: 20 }, (_, index) => answer(index % 2 === 0 ? shops.bakery : shops.florist, 'Today')))
console.log(`20 requests, each in a session of its own: ${((performance.now() - started) / 20).toFixed(1)} ms each`)
for (const [index, page] of pages.entries()) assert.equal(page, index % 2 === 0 ? expected.bakery : expected.florist)
console.log(`  ${pages[0]}\n  ${pages[1]}`)

// What one tenant leaves behind stays with it, even in a session that lives on.
await using bakery = await open(shops.bakery)
await using florist = await open(shops.florist)
await bakery.api.app.render('Today', 'fresh')
await bakery.api.app.render('Tomorrow', 'fresh')
await florist.api.app.render('Today', 'fresh')
assert.deepEqual(await bakery.api.app.history(), ['Brot & Zeit/Today', 'Brot & Zeit/Tomorrow'])
assert.deepEqual(await florist.api.app.history(), ['Flor/Today'])
console.log('Two sessions side by side: each has the state of its own tenant only')

// A tenant's own script goes wild: built-ins, the library, everything it can reach.
await bakery.eval(`
  globalThis.stolen = []
  Array.prototype.map = function () { stolen.push(this); return ['hacked'] }
  Object.prototype.name = 'hacked'
  String.prototype.replace = () => 'hacked'
  tenant.name = 'hacked'
  undefined`, { filename: 'theme.js' })
assert.match(await bakery.api.app.render('Today', 'fresh'), /<h1[^>]*>hacked: Today/)
assert.equal(await florist.api.app.render('Today', 'fresh'), expected.florist)
assert.equal(await answer(shops.bakery, 'Today'), expected.bakery)
assert.equal(await florist.eval('typeof stolen'), 'undefined')
console.log('A tenant that breaks everything breaks its own session only')

// The same for everything that any session can reach, found and compared by isoseed itself.
const report = await verifyIsolation(snapshot)
for (const { name, ok, detail } of report.checks) console.log(`  ${ok ? 'ok' : 'FAILED'}  ${name}${detail === undefined ? '' : ` (${detail})`}`)
assert.deepEqual(report.leaks, [])
assert.ok(report.ok)

console.log('\nEverything is as it should be.')
