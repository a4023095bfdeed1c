import Mustache from 'mustache'

export const input = { name: 'A & B', items: [{ n: 1, odd: true }, { n: 2 }], none: [], nested: { deep: { value: 'x' } } }

export function answer(data: typeof input) {
  const view = { ...data, bold: () => (text: string, render: (text: string) => string) => `<b>${render(text)}</b>` }
  return {
    html: Mustache.render('{{name}} {{{name}}} {{#items}}{{>item}}{{/items}}{{^none}}none{{/none}} {{#bold}}{{nested.deep.value}}{{/bold}}{{=<% %>=}}<% name %>{{raw}}', view, { item: '[{{n}}{{#odd}} odd{{/odd}}]' }),
    tokens: Mustache.parse('a {{#b}}{{c}}{{/b}}'),
  }
}
