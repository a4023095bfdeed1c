import { Fragment, createContext, h } from 'preact'
import { useContext, useMemo, useReducer } from 'preact/hooks'
import { Suspense, lazy } from 'preact/compat'
import { renderToString, renderToStringAsync } from 'preact-render-to-string'

const Theme = createContext('light')
function Row({ name, price }: { name: string; price: number }) {
  const [count] = useReducer((n: number) => n + 1, price)
  return h('li', { class: useContext(Theme), style: { marginTop: 4 } }, name, ' ', useMemo(() => count * 2, [count]))
}
const Lazy = lazy(async () => ({ default: ({ text }: { text: string }) => h('i', null, text) }))

export const input = [{ name: 'Tea & <milk>', price: 2 }, { name: 'Ice', price: 3 }]

export async function answer(items: typeof input) {
  const list = h(Theme.Provider, { value: 'dark' }, h('ul', { onClick: () => {}, 'data-n': items.length }, items.map((item) => h(Row, { key: item.name, ...item }))), h(Fragment, null, h('br', null), 'x'))
  return { sync: renderToString(list), async: await renderToStringAsync(h(Suspense, { fallback: null }, h(Lazy, { text: 'loaded' }))) }
}
