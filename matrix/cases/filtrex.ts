import { compileExpression } from 'filtrex'

export const input = [{ name: 'Ada', age: 36, kind: 'a' }, { name: 'Robert', age: 17, kind: 'b' }, { name: 'Cyd', age: 70, kind: 'c' }]

export function answer(rows: typeof input) {
  const wanted = compileExpression('(age >= 18 and kind in ("a", "b")) or strlen(name) * 2 ^ 3 mod 5 == 4', { extraFunctions: { strlen: (text: string) => text.length } })
  const missing = compileExpression('height > 1')(rows[0]!) as Error
  let wrong = ''
  try {
    compileExpression('age >>> 1')
  } catch (error) {
    wrong = (error as Error).name
  }
  return { rows: rows.map((row) => Boolean(wanted(row))), missing: missing.message, wrong }
}
