// The guest: what runs inside every isolate, bundled with its three libraries into one script.
// It has ECMAScript's globals, what the bridge made, and the host function `priceOf`.
import Handlebars from 'handlebars'
import lodash from 'lodash'
import { z } from 'zod'

/** Made by the bridge. */
declare function formatMoney(cents: number): string

/** A host function, captured here while the snapshot is built, called later in a session. */
const priceOf = (globalThis as { priceOf?: (sku: string) => Promise<number> }).priceOf

const Line = z.object({
  sku: z.string().regex(/^[A-Z]{2}-\d{3}$/),
  category: z.enum(['books', 'music', 'tools']),
  quantity: z.number().int().positive(),
  unitCents: z.number().int().nonnegative(),
})

const Order = z.object({
  id: z.number().int(),
  customer: z.object({ name: z.string().min(1), email: z.email() }),
  lines: z.array(Line).min(1),
})

export type Order = z.infer<typeof Order>

export interface Processed {
  totals: Record<string, number>
  invoice: string
}

const invoiceTemplate = Handlebars.compile(
  `Invoice {{id}} for {{customer.name}}
{{#each totals}}
  {{@key}}: {{money this}}
{{/each}}
Total: {{money total}}
`,
  { noEscape: true },
)
Handlebars.registerHelper('money', formatMoney)

// Zod and Handlebars compile on first use. Used once here, the snapshot has it done for every session; what
// a warm-up did would not stay.
Order.safeParse({})
invoiceTemplate({ id: 0, customer: { name: '' }, totals: {}, total: 0 })

let visits = 0

const shop = {
  /** The problems of an order; none if it is valid. */
  validateOrder(order: unknown): string[] {
    const result = Order.safeParse(order)
    return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  },

  /** Cents by category. */
  groupAndSum(order: Order): Record<string, number> {
    const groups = lodash.groupBy(order.lines, 'category')
    return lodash.mapValues(groups, (lines) => lodash.sumBy(lines, (line) => line.quantity * line.unitCents))
  },

  renderInvoice(order: Order): string {
    const totals = shop.groupAndSum(order)
    return invoiceTemplate({ ...order, totals, total: lodash.sum(Object.values(totals)) })
  },

  /** All three libraries in one call: the first call of the comparison. */
  processOrder(order: unknown): Processed {
    const valid = Order.parse(order)
    return { totals: shop.groupAndSum(valid), invoice: shop.renderInvoice(valid) }
  },

  /** Asks the host for a price. */
  async quote(sku: string, quantity: number): Promise<string> {
    if (priceOf === undefined) throw new Error('this host sells nothing')
    return formatMoney((await priceOf(sku)) * quantity)
  },

  /** How often this session was asked: a fresh session begins at 1. */
  visit(): number {
    return (visits += 1)
  },
}

/** The guest's globals, for `createIsolate<Api>()`. */
export interface Api {
  shop: typeof shop
}

Object.assign(globalThis, { shop } satisfies Api)
