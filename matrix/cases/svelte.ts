import { compile, parse, preprocess } from 'svelte/compiler'

export const input = '<script lang="ts">\n  let { items = [] }: { items: { id: number; name: string }[] } = $props()\n  let count = $state(0)\n  const double = $derived(count * 2)\n</script>\n{#each items as { id, name } (id)}<li class:odd={id % 2} onclick={() => count++}>{name}: {double}</li>{:else}<p>none</p>{/each}\n<img src="x">\n<style>li { color: red } .unused { top: 0 }</style>'

export async function answer(source: string) {
  const { code } = await preprocess(source, { style: ({ content }) => ({ code: content.replace('red', 'blue') }) })
  const build = (generate: 'client' | 'server') => compile(code, { generate, filename: 'List.svelte', css: 'external', modernAst: true })
  const client = build('client')
  let error = ''
  try {
    compile('{#if x}<p>', {})
  } catch (thrown) {
    error = (thrown as { code: string }).code
  }
  return {
    client: client.js.code,
    css: client.css?.code,
    server: build('server').js.code,
    warnings: client.warnings.map((warning) => [warning.code, warning.start?.line, warning.start?.column]),
    nodes: parse(code, { modern: true }).fragment.nodes.map(({ type }) => type),
    error,
  }
}
