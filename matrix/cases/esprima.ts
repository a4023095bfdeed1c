import { parseModule, parseScript, tokenize } from 'esprima'

export const input = 'const f = async ({ a = 1 }, ...rest) => { for (const [k, v] of Object.entries(rest)) await k`x${v}` }\nlabel: while (1) { break label }'

export function answer(code: string) {
  const types: string[] = []
  const tree = parseScript(code, { loc: true, range: true, comment: true }, (node, meta) => types.push(`${node.type}@${meta.start.line}:${meta.start.column}`))
  let error = ''
  try {
    parseModule('import {a b} from "c"')
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return { types, range: tree.range, tokens: tokenize('x = /a/g ? "s" : 0b11').map(({ type, value }) => `${type} ${value}`), error }
}
