import { Suspense, createContext, createElement as h, memo, useContext, useId, useMemo, useState } from 'react'
import { renderToStaticMarkup, renderToString } from 'react-dom/server'

const Theme = createContext('light')
const Row = memo(({ item }: { item: { id: number; name: string; price: number } }) => {
  const theme = useContext(Theme)
  const [open] = useState(() => item.id === 2)
  return h('li', { className: `row ${theme}`, 'data-id': item.id, style: { marginTop: item.id * 2, '--x': 'y' }, hidden: open }, item.name, ': ', item.price.toFixed(2))
})
function List({ items }: { items: typeof input.items }) {
  const id = useId()
  const total = useMemo(() => items.reduce((sum, { price }) => sum + price, 0), [items])
  return h('section', { 'aria-labelledby': id }, h('h1', { id }, 'Items ', items.length), h('ul', null, items.map((item) => h(Row, { key: item.id, item }))), h('p', { dangerouslySetInnerHTML: { __html: `<b>${total}</b>` } }))
}
function Broken(): never {
  throw new Error('broken')
}

export const input = { items: [{ id: 1, name: 'Tea & <milk>', price: 1.5 }, { id: 2, name: 'Ice', price: 2 }] }

export function answer({ items }: typeof input) {
  const app = h(Theme, { value: 'dark' }, h(Suspense, { fallback: 'wait' }, h(List, { items })), h('input', { defaultValue: '"', disabled: true }), h('svg', { viewBox: '0 0 1 1' }, h('path', { strokeWidth: 2 })))
  let error = ''
  try {
    renderToStaticMarkup(h(Broken))
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return { hydratable: renderToString(app), markup: renderToStaticMarkup(app), error }
}
