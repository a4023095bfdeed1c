import { expect, test } from 'vitest'
import type { NativeEvent } from '../../native.js'
import { Session } from '../../lib/process/session.js'

test('an answer that names its isolate ends the waiting, and arrives under the number that the host knows', () => {
  const delivered: NativeEvent[] = []
  const session = new Session(7, { deliver: (event) => delivered.push(event) }, () => {})
  expect(session.begin(1, 'eval', 50)).toBe(true)
  session.report({ kind: 'done', id: 1, isolate: 99 })
  expect(delivered).toEqual([{ kind: 'done', id: 1, isolate: 7 }])
  // Answered once: of the end of the session only debuggers hear.
  session.finish(undefined, false)
  expect(delivered.slice(1)).toEqual([{ kind: 'inspector', id: 0, isolate: 7 }])
})

test('what the isolate says by itself arrives under that number, too', () => {
  const delivered: NativeEvent[] = []
  const session = new Session(7, { deliver: (event) => delivered.push(event) }, () => {})
  session.report({ kind: 'release', id: 0, isolate: 99, references: [1, 1] })
  expect(delivered).toEqual([{ kind: 'release', id: 0, isolate: 7, references: [1, 1] }])
  session.finish(undefined, false)
  session.report({ kind: 'release', id: 0, isolate: 99, references: [1, 1] })
  expect(delivered.slice(1)).toEqual([{ kind: 'inspector', id: 0, isolate: 7 }])
})
