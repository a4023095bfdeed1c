// What the demo's snapshot is built from, and an order to try it with. The bench uses the same.
import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import type { Order, Processed } from './guest.ts'

export interface GuestSources {
  bridge: { name: string; code: string }
  bundle: { name: string; code: string }
  warmup: { name: string; code: string }
}

/** Bundles the guest and its libraries into one script. */
export async function guestSources(): Promise<GuestSources> {
  const { outputFiles } = await build({
    entryPoints: ['demo/guest.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  })
  return {
    bridge: { name: 'bridge.js', code: await readFile('demo/bridge.js', 'utf8') },
    bundle: { name: 'guest.js', code: outputFiles[0]!.text },
    // What the first call needs is compiled while the snapshot is built, the invoice's template too.
    warmup: { name: 'warmup.js', code: `shop.processOrder(${JSON.stringify(orderNumber(0))})` },
  }
}

/** An order, different for each number. */
export function orderNumber(number: number): Order {
  return {
    id: 1000 + number,
    customer: { name: `Customer ${number}`, email: `customer${number}@example.com` },
    lines: [
      { sku: 'BK-101', category: 'books', quantity: 1 + (number % 3), unitCents: 1250 },
      { sku: 'MU-202', category: 'music', quantity: 2, unitCents: 899 + number },
      { sku: 'BK-103', category: 'books', quantity: 1, unitCents: 2300 },
    ],
  }
}

/** What `processOrder` must answer, worked out without the libraries. */
export function expectedAnswer(order: Order): Processed {
  const totals: Record<string, number> = {}
  for (const line of order.lines) totals[line.category] = (totals[line.category] ?? 0) + line.quantity * line.unitCents
  const money = (cents: number): string => `${(cents / 100).toFixed(2)} EUR`
  const rows = Object.entries(totals).map(([category, cents]) => `  ${category}: ${money(cents)}\n`)
  const total = Object.values(totals).reduce((sum, cents) => sum + cents, 0)
  return {
    totals,
    invoice: `Invoice ${order.id} for ${order.customer.name}\n${rows.join('')}Total: ${money(total)}\n`,
  }
}
