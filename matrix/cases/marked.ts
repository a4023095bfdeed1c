import { Marked } from 'marked'

export const input = '# Title *em*\n\n- [x] done\n- [ ] open\n\n| a | b |\n|---|--:|\n| 1 | **2** |\n\n> quote\n> > deeper\n\n```ts\nlet x: number\n```\n\n:smile: <https://example.com> ~~no~~\n'

export async function answer(text: string) {
  const marked = new Marked({ gfm: true, async: true }, {
    extensions: [{ name: 'emoji', level: 'inline', start: (src) => src.indexOf(':'), tokenizer(src) { const [raw, name] = /^:(\w+):/.exec(src) ?? []; return raw ? { type: 'emoji', raw, name } : undefined }, renderer: ({ name }) => `<i>${name}</i>` }],
    renderer: { heading({ tokens, depth }) { return `<h${depth} id="h">${this.parser.parseInline(tokens)}</h${depth}>` } },
  })
  return { html: await marked.parse(text), tokens: marked.lexer(text).map(({ type, raw }) => [type, raw.length]) }
}
