import Handlebars from 'handlebars'

const handlebars = Handlebars.create()
handlebars.registerHelper('money', (cents: number, { hash }) => `${(cents / 100).toFixed(2)} ${hash.currency ?? 'EUR'}`)
handlebars.registerHelper('list', (items: unknown[], { fn, inverse }) => (items.length > 0 ? items.map((item, index) => fn(item, { data: { index } })).join('') : inverse({})))
handlebars.registerPartial('row', '<li>{{@index}} {{name}}: {{money cents currency="USD"}}</li>')
const precompiled = handlebars.compile('{{#with user}}{{first}} {{last}}{{/with}}{{#each lines as |line i|}}\n{{i}}/{{@last}} {{line.name}}{{/each}}')

export const input = { user: { first: 'Ada', last: '<L>' }, lines: [{ name: 'Tea', cents: 199 }, { name: 'Caf\u00e9 & co', cents: 250 }], none: [] }

export function answer(data: typeof input) {
  const late = handlebars.compile('{{#list lines}}{{> row}}{{/list}}{{#list none}}{{else}}empty{{/list}}{{{user.last}}}{{#unless none}}!{{/unless}}{{lookup user "first"}}')
  let error = ''
  try {
    handlebars.compile('{{#if a}}')({})
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return { early: precompiled(data), late: late(data), error }
}
