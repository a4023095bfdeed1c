import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../index.js'
import { isolates, node, nodeKnows, snapshots } from './engines.js'
import { DIFFERENCES } from './differences.js'

interface Program {
  code: string
  /** What Node.js must know to be asked, too. */
  needs: string | undefined
}

const folder = join(__dirname, 'programs')

function programsOf(file: string): Program[] {
  const programs: Program[] = []
  let needs: string | undefined
  for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
    if (line === '') needs = undefined
    else if (line.startsWith('@needs ')) needs = line.slice('@needs '.length)
    else if (!line.startsWith('# ')) programs.push({ code: line, needs })
  }
  return programs
}

const files = readdirSync(folder).map((file) => ({ file, programs: programsOf(file) }))

describe('a program answers in a seeded isolate as in a blank one, and as in Node.js', () => {
  let seeds: [string, Snapshot][]
  beforeAll(async () => {
    seeds = Object.entries(await snapshots())
  })

  it('there are programs enough, none twice', () => {
    const all = files.flatMap(({ programs }) => programs.map(({ code }) => code))
    expect(all.length).toBeGreaterThan(500)
    expect(all.filter((code, index) => all.indexOf(code) !== index)).toEqual([])
  })

  it('every difference from Node.js that is listed is one of these programs', () => {
    const all = new Set(files.flatMap(({ programs }) => programs.map(({ code }) => code)))
    expect(Object.keys(DIFFERENCES).filter((code) => !all.has(code))).toEqual([])
  })

  for (const { file, programs } of files) {
    it(`in ${file}`, async () => {
      const blank = isolates()
      const wrong: object[] = []
      for (const { code, needs } of programs) {
        const expected = await blank.run(code)
        for (const [name, snapshot] of seeds) {
          const { answer } = await isolates(snapshot).run(code)
          if (answer !== expected.answer) wrong.push({ code, in: name, seeded: answer, blank: expected.answer })
        }
        if (needs !== undefined && !nodeKnows(needs)) continue
        const theirs = await node.run(code)
        if (expected.withoutMessages === theirs.withoutMessages || code in DIFFERENCES) continue
        wrong.push({ code, isolate: expected.answer, node: theirs.answer })
      }
      expect(wrong).toEqual([])
    }, 120_000)
  }
})
