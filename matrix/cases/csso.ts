import { minify, syntax } from 'csso'

export const input = '@import url("a.css");\n.a { color: #ff0000; margin: 10px 10px 10px 10px } .b { color: red; margin: 10px } /* x */\n@media (min-width: 10px) { .c > .d::before { content: "\\201C"; padding: 0px; background: rgba(0, 0, 0, 0.50) } .e {} }'

export function answer(css: string) {
  const { css: small } = minify(css, { restructure: true, usage: { blacklist: { classes: ['e'] } } })
  const classes: string[] = []
  syntax.walk(syntax.parse(css), { visit: 'ClassSelector', enter: (node: { name: string }) => void classes.push(node.name) })
  return { small, specificity: classes }
}
