import { TomlDate, TomlError, parse, stringify } from 'smol-toml'

export const input = { good: 'title = "x\\u00e9"\nwhen = 2024-05-06T07:08:09Z\nday = 2024-05-06\nhex = 0xFF\n[server.\'a.b\']\nports = [ 80, 443 ]\n[[items]]\nname = """\nline 1\nline 2"""\n[[items]]\ninline = { a.b = 1.5e3, c = inf }\n', bad: 'a = 1\na = 2\n' }

export function answer({ good, bad }: typeof input) {
  const parsed = parse(good)
  const dates = Object.fromEntries(Object.entries(parsed).flatMap(([key, value]) => (value instanceof TomlDate ? [[key, value.toISOString()]] : [])))
  const { title, server, items, hex } = parsed
  let error: unknown
  try {
    parse(bad)
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown
    error = [thrown.line, thrown.column, thrown.message.split('\n')[0]]
  }
  return { dates, rest: JSON.parse(JSON.stringify({ title, server, items, hex })) as unknown, error, again: stringify({ title, server, items }) }
}
