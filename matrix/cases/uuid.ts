import { NIL, parse, stringify, v3, v5, validate, version } from 'uuid'

export const input = ['example.com', 'https://example.org/ä?q=1']

export function answer(names: typeof input) {
  return names.map((name) => {
    const id = v5(name, v5.URL)
    const bytes = parse(id)
    return { id, old: v3(name, v3.DNS), version: version(id), bytes: [...bytes], again: stringify(bytes) === id, wrong: validate(`${id}0`), nil: validate(NIL) }
  })
}
