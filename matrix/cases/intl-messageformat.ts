import { IntlMessageFormat } from 'intl-messageformat'

// Made while loading, as an application does.
const early = new IntlMessageFormat('{name} has {count, plural, =0 {no files} one {# file} other {# files}} in {place, selectordinal, one {#st} two {#nd} few {#rd} other {#th}} place', 'en')

export const input = { name: 'Ada', counts: [0, 1, 1234], at: Date.UTC(2024, 1, 29, 12) }

export function answer({ name, counts, at }: typeof input) {
  const late = new IntlMessageFormat('{gender, select, female {Sie} other {Es}} zahlt {amount, number, ::currency/EUR} am {at, date, ::yyyyMMMMd} <b>{name}</b>', 'de', undefined, {})
  return {
    early: counts.map((count) => early.format({ name, count, place: count + 2 })),
    late: late.format({ gender: 'female', amount: 1234.5, at, name, b: (chunks) => `[${chunks.join('')}]` }),
    ast: late.getAst().length,
  }
}
