import postcss from 'postcss'

export const input = 'a { color: red; &:hover { color: blue } }\n@media print { .b { width: 10rem; height: 2.5rem !important } }'

export async function answer(css: string) {
  const rem = {
    postcssPlugin: 'rem-to-px',
    Declaration(node: postcss.Declaration) {
      node.value = node.value.replaceAll(/([\d.]+)rem/g, (_, n: string) => `${Number(n) * 16}px`)
    },
    AtRule: { media: (node: postcss.AtRule) => void (node.prev()?.type === "comment" || node.before(postcss.comment({ text: `media ${node.params}` }))) },
  }
  const result = await postcss([rem, { postcssPlugin: 'warner', OnceExit: (root, { result: all }) => void root.walkDecls('color', (node) => void node.warn(all, `color ${node.value}`)) } satisfies postcss.Plugin]).process(css, { from: undefined })
  let error = ''
  try {
    postcss.parse('a { color: red; } }')
  } catch (thrown) {
    error = (thrown as postcss.CssSyntaxError).reason
  }
  return { css: result.css, warnings: result.warnings().map(({ line, column, text }) => `${line}:${column} ${text}`), error }
}
