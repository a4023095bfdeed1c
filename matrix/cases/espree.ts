import { VisitorKeys, parse, tokenize } from 'espree'

export const input = '// first\nexport const App = ({ items }) => <ul className="x">{items?.map((i) => <li key={i.id} {...i}>a &amp; b</li>)}</ul> /* last */'

interface Node { type: string; loc: { start: { line: number; column: number } } }

export function answer(code: string) {
  const options = { ecmaVersion: 'latest', sourceType: 'module', ecmaFeatures: { jsx: true }, loc: true, comment: true } as const
  const tree = parse(code, options) as unknown as Node & { comments: { type: string; value: string }[] }
  const seen: string[] = []
  const visit = (node: Node) => {
    seen.push(`${node.type}@${node.loc.start.column}`)
    for (const key of VisitorKeys[node.type] ?? []) {
      for (const child of [node[key as keyof Node]].flat() as unknown as Node[]) if (child) visit(child)
    }
  }
  visit(tree)
  return { seen, comments: tree.comments.map(({ type, value }) => [type, value]), tokens: tokenize(code, options).length }
}
