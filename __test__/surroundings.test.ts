// Values of the build that a snapshot holds: each is a warning that names the path to it and who asked for it.
import { buildSnapshot } from 'isoseed'
import { expect, test } from 'vitest'

async function warningsOf(code: string) {
  const snapshot = await buildSnapshot({ bundle: { name: 'app.js', code }, cache: false })
  return snapshot.info.warnings
}

test.each([
  ['clock-value', 'started', 'app.js:1:27', 'globalThis.started = Date.now()'],
  ['clock-value', 'lines[0].at', 'app.js:2:26', 'const lines = []\nconst add = () => ({ at: new Date().toISOString() })\nlines.push(add())\nglobalThis.log = () => lines'],
  ['random-value', 'next.[[Scope]].seed', 'app.js:2:19', 'globalThis.next = (() => {\n  let seed = Math.random()\n  return () => (seed = (seed * 16807) % 1)\n})()'],
  ['random-value', 'ids.get("first")', 'app.js:1:40', 'const id = (name) => name + ":" + Math.random().toString(36)\nglobalThis.ids = new Map([["first", id("a")]])'],
  ['environment-value', 'settings.zone', undefined, 'globalThis.settings = { zone: Intl.DateTimeFormat().resolvedOptions().timeZone }'],
])('%s at %s', async (rule, path, source, code) => {
  const expected = { rule, path, ...(source && { source }), message: expect.stringContaining(path), hint: expect.stringMatching(/./) }
  expect(await warningsOf(code)).toContainEqual(expected)
})

test.each([
  ['a tagged template that is kept', 'const tag = (strings) => () => strings\nglobalThis.keep = tag`a${1}b`'],
  ['what only reads the clock when called', 'globalThis.now = () => Date.now()'],
  ['a random number that is used up', 'globalThis.sides = [1, 2, 3].sort(() => Math.random() - 0.5).length'],
])('no warning for %s', async (_, code) => {
  expect(await warningsOf(code)).toEqual([])
})
