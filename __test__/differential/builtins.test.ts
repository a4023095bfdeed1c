import { beforeAll, describe, expect, it } from 'vitest'
import { buildSnapshot } from '../../index.js'
import type { Snapshot } from '../../index.js'
import { BUILTIN_DIFFERENCES } from './differences.js'
import { isolates, node, snapshots } from './engines.js'

describe('built-ins', () => {
  let seeds: [string, Snapshot][]
  beforeAll(async () => {
    seeds = Object.entries(await snapshots())
  })

  it('are the same in seeded isolates as in a blank one', async () => {
    const blank = await isolates().builtins()
    const names = namesIn(blank)
    expect(blank.length).toBeGreaterThan(2000)
    for (const [name, snapshot] of seeds) {
      const seeded = await isolates(snapshot).builtins(names)
      const same = await isolates().builtins(names)
      const changes = { missing: difference(same, seeded), new: difference(seeded, same) }
      expect({ name, ...changes }).toEqual({ name, missing: [], new: [] })
    }
  })

  it('are what plain Node.js has, where its V8 knows them', async () => {
    const names = namesIn(await isolates().builtins())
    const ours = await isolates().builtins(names)
    const missing = difference(await node.builtins(names), ours)
    expect(missing.filter((line) => !BUILTIN_DIFFERENCES.some((listed) => listed.line.test(line)))).toEqual([])
  })

  it('a change to one of them is seen', async () => {
    const blank = await isolates().builtins()
    const changed = await isolates(await buildSnapshot({ bundle: 'Array.prototype.at.extra = 1' })).builtins()
    expect(difference(changed, blank)).toContain('.Array.prototype.at.extra wec 1')
  })
})

const namesIn = (lines: string[]): string[] =>
  lines.map((line) => /^\.([\w$]+) /.exec(line)?.[1]).filter((name) => name !== undefined)

const difference = (lines: string[], others: string[]): string[] => {
  const known = new Set(others)
  return lines.filter((line) => !known.has(line))
}
