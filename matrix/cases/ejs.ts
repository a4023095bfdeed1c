import ejs from 'ejs'

export const input = { title: '<Shop>', items: [{ name: 'Tea', tags: ['hot'] }, { name: 'Ice', tags: [] }] }

export async function answer(data: typeof input) {
  const templates: Record<string, string> = { item: '<li><%= item.name -%> <% for (const tag of item.tags) { %>#<%= tag %><% } %></li>' }
  const include = (name: string) => ({ template: templates[name]! })
  const template = '<h1><%= title %></h1>\n<%# comment %><% items.forEach((item) => { -%>\n  <%- include("item", { item }) %>\n<% }) -%>\n<%% raw %>'
  const compiled = ejs.compile('<?= n ** 2 ?>', { delimiter: '?' })
  let error = ''
  try {
    ejs.render('<%= missing.x %>', {})
  } catch (thrown) {
    error = (thrown as Error).name
  }
  return { html: ejs.render(template, data, { includer: include }), async: await ejs.render('<%= await later %>', { later: Promise.resolve(7) }, { async: true }), custom: compiled({ n: 9 }), error }
}
