import markdownIt from 'markdown-it'

export const input = '# Title *em*\n\n| a | b |\n|---|:-:|\n| 1 | `x|y` |\n\n1. one\n   - nested https://example.com/ä\n2. two\n\n```js\nconst a = 1 < 2\n```\n\n"quotes" -- and (c) <b>html</b> [ref][r]\n\n[r]: /u "T"\n'

export function answer(text: string) {
  const md = markdownIt({ html: false, linkify: true, typographer: true, highlight: (code, language) => `<pre class="${language}">${code.length}</pre>` })
  return { html: md.render(text), tokens: md.parse(text, {}).map(({ type, map }) => [type, map]), inline: md.renderInline('~~gone~~ **b**') }
}
