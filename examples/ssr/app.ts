// What is rendered: components of preact, bundled into the snapshot. Runs in isolates only.
import { h } from 'preact'
import { useMemo } from 'preact/hooks'
import { renderToString } from 'preact-render-to-string'

export interface Product {
  name: string
  cents: number
}

export interface Tenant {
  name: string
  colour: string
  currency: string
}

/** The tenant's own: a global of each session. */
declare const tenant: Tenant
/** The tenant's own data: a function of each session's host. */
declare function loadProducts(category: string): Promise<Product[]>

/** State of the module, as real libraries have it. It must never be seen by another tenant. */
const rendered: string[] = []

function Price({ cents }: { cents: number }) {
  const text = useMemo(() => `${(cents / 100).toFixed(2)} ${tenant.currency}`, [cents])
  return h('span', { class: 'price' }, text)
}

function Page({ title, products }: { title: string; products: Product[] }) {
  return h('main', { style: { color: tenant.colour } }, [
    h('h1', null, `${tenant.name}: ${title}`),
    h('ul', null, products.map(({ name, cents }) => h('li', { key: name }, name, ' ', h(Price, { cents })))),
  ])
}

/** Renders a page of the session's tenant. */
export async function render(title: string, category: string): Promise<string> {
  rendered.push(`${tenant.name}/${title}`)
  return renderToString(h(Page, { title, products: await loadProducts(category) }))
}

/** What this session has rendered so far. */
export function history(): string[] {
  return rendered
}

/** Renders without a tenant or a host, so that a warm-up can call it. */
export function rehearse(): string {
  return renderToString(h('ul', null, [1, 2, 3].map((n) => h('li', { key: n }, String(n)))))
}
