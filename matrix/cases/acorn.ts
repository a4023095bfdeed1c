import { parse, tokenizer } from 'acorn'

export const input = {
  code: 'import x from "y";\nexport class A extends x { #p = 1n; static { for await (const a of b) c[a] ??= `t${a}`; } async *m() { yield* /re(?<g>.)/dv } }',
  wrong: 'let a = 1;\nlet a = 2;',
}

export function answer({ code, wrong }: typeof input) {
  const counts: Record<string, number> = {}
  JSON.stringify(parse(code.replace('for await', 'for'), { ecmaVersion: 'latest', sourceType: 'module', locations: true }), (key, value: unknown) => {
    if (key === 'type' && typeof value === 'string') counts[value] = (counts[value] ?? 0) + 1
    return typeof value === 'bigint' ? String(value) : value
  })
  const tokens = [...tokenizer('a => ({ ...a, b: 0x1F })', { ecmaVersion: 2022 })].map(({ type, start, end }) => [type.label, start, end])
  let error: unknown
  try {
    parse(wrong, { ecmaVersion: 2022 })
  } catch (thrown) {
    const { message, loc } = thrown as Error & { loc: { line: number; column: number } }
    error = { message, line: loc.line, column: loc.column }
  }
  return { counts, tokens, error }
}
