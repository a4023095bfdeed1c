import { LineCounter, parseAllDocuments, parseDocument, stringify } from 'yaml'
import type { Document } from 'yaml'

export const input = `# settings
base: &base { retries: 3, on: [a, b] }
prod:
  <<: *base
  text: >-
    folded
    lines
  block: |
    kept
      as is
  when: 2024-02-29T10:00:00Z
  set: !!set { x, y }
  big: 0x1F
---
- second
- ? [complex, key]
  : value
`

export function answer(text: string) {
  const documents = parseAllDocuments(text, { merge: true, customTags: ['timestamp', 'set'] }) as Document[]
  const counter = new LineCounter()
  const wrong = parseDocument('a: [1, 2\nb: }', { lineCounter: counter })
  const edited = documents[0]!
  edited.setIn(['prod', 'retries'], 5)
  return {
    values: documents.map((document) => document.toJS({ mapAsMap: true }) as unknown),
    edited: String(edited),
    errors: wrong.errors.map(({ code, pos }) => [code, counter.linePos(pos[0])]),
    text: stringify({ a: 'x: y', b: [null, true, '0x1'], c: { d: new Date(0) } }, { indent: 4 }),
  }
}
