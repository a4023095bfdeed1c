import * as babel from 'prettier/plugins/babel'
import * as estree from 'prettier/plugins/estree'
import * as html from 'prettier/plugins/html'
import * as markdown from 'prettier/plugins/markdown'
import * as postcss from 'prettier/plugins/postcss'
import * as typescript from 'prettier/plugins/typescript'
import * as yaml from 'prettier/plugins/yaml'
import { formatWithCursor, format } from 'prettier/standalone'

const plugins = [babel, estree, html, markdown, postcss, typescript, yaml]

export const input = {
  typescript: 'export  abstract class A<T extends {a:number}> implements B{ private readonly x?:T[keyof T];@dec() async *m<const U>(this:A<T>,...r:U[]):AsyncGenerator<U>{ for await(const a of r) yield a satisfies U as unknown as U } }\ntype Long = "aaaaaaaaaaaaaaaaaaaaaaaa"|"bbbbbbbbbbbbbbbbbbbbbbbbbbbb"|"cccccccccccccccccccccccccc"',
  css: 'a{color:RED;background:URL(x.png)}@media (max-width:100px){.b>.c,.d~.e{margin:0 0 0 0}}',
  markdown: '* a\n* b\n\n|a|b|\n|-|-|\n|1|22222|\n\n```js\nlet  a=1\n```\n',
  html: '<div class="b   a"><p>text <b>bold</b></p><script>let  a = {b:1}</script><style>a{b:c}</style></div>',
  yaml: 'a:   1\nb: [1,2,   3]\nc:\n    - x\n',
  json: '{"a":[1,2,{"b":null}],"c":"d"}',
}

export async function answer(texts: typeof input) {
  const results: Record<string, string> = {}
  for (const [parser, text] of Object.entries(texts)) results[parser] = await format(text, { parser, plugins, semi: false, singleQuote: true, printWidth: 60 })
  const cursor = await formatWithCursor('let  a  =  1', { parser: 'babel', plugins, cursorOffset: 8 })
  const wrong = await format('let a = (', { parser: 'typescript', plugins }).catch(({ message }: Error) => message)
  return { results, cursor: cursor.cursorOffset, wrong }
}
