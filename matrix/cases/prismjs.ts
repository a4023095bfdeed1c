import Prism from 'prismjs'
import 'prismjs/components/prism-typescript.js'
import 'prismjs/components/prism-jsx.js'
import 'prismjs/components/prism-python.js'

export const input = { typescript: 'type A<T> = { [K in keyof T]?: T[K] } // c', jsx: 'const a = <b c={`d${e}`}>f</b>', python: 'def f(x: int = 0) -> str:\n  """d"""\n  return f"{x!r}"', css: 'a:hover { color: #fff }' }

export function answer(codes: typeof input) {
  return Object.entries(codes).map(([language, code]) => Prism.highlight(code, Prism.languages[language]!, language))
}
