import hljs from 'highlight.js/lib/common'

export const input = { typescript: 'const a: Map<string, number> = new Map([[`x${1}`, 0x1f]]) // c', rust: "fn main<'a>(x: &'a str) -> u8 { println!(\"{x}\"); 1_u8 }", sql: "SELECT count(*) FROM t WHERE a LIKE '%x%'" }

export function answer(codes: typeof input) {
  return Object.entries(codes).map(([language, code]) => [hljs.highlight(code, { language }).value, hljs.highlightAuto(code, ['typescript', 'rust', 'sql']).language])
}
