import { computed, createSSRApp, defineComponent, h, provide, inject, ref, watchEffect } from 'vue'
import { renderToString } from 'vue/server-renderer'

const Row = defineComponent({
  props: { item: { type: Object, required: true } },
  setup({ item }) {
    const theme = inject('theme', 'light')
    return () => h('li', { class: ['row', { odd: item.id % 2 }, theme], style: { marginTop: `${item.id}px` } }, [item.name, h('input', { value: item.name, disabled: true })])
  },
})

export const input = [{ id: 1, name: 'Tea & <milk>' }, { id: 2, name: 'Ice' }]

export async function answer(items: typeof input) {
  const count = ref(1)
  const double = computed(() => count.value * 2)
  const seen: number[] = []
  watchEffect(() => void seen.push(double.value), { flush: 'sync' })
  count.value = 5
  const app = createSSRApp({
    async setup() {
      provide('theme', 'dark')
      await Promise.resolve()
      return () => h('ul', { id: 'list' }, [items.map((item) => h(Row, { item, key: item.id })), h('p', { innerHTML: '<b>x</b>' })])
    },
  })
  return { html: await renderToString(app), seen }
}
