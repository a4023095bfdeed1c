// The library matrix: each library bundled, snapshotted, restored and asked something, and compared with Node.
//   npm run matrix [-- --only zod,lodash] [--rounds 9] [--write]
// One process a library, one after the other. With --write, the table goes into docs/libraries.md, the figures
// into matrix/results.json. A library that fails stays in the table, and makes the exit status 1.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installLibraries, versionOf } from './install.ts'
import { libraries } from './libraries.ts'
import type { Library } from './libraries.ts'
import type { Failed, Result } from './measure.ts'
import { markdown, plain, withTable } from './table.ts'
import type { About, Row } from './table.ts'

const { values } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '9' }, write: { type: 'boolean', default: false } },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)
const chosen = values.only === undefined ? libraries : values.only.split(',').map(named)
if (values.write && chosen.length < libraries.length) throw new TypeError('--write is for the whole table, without --only')

await installLibraries()
const rows: Row[] = []
for (const library of chosen) {
  const row = { ...library, version: (await versionOf(library.name))!, result: await inOwnProcess(library) }
  rows.push(row)
  console.log(plain(row))
}

const failed = rows.filter(({ result }) => 'failed' in result)
console.log(`\n${rows.length - failed.length} of ${rows.length} libraries answer as in Node, from a snapshot and from a blank isolate`)
if (values.write) {
  const about = await circumstances()
  await writeFile('matrix/results.json', `${JSON.stringify({ about, rows }, null, 2)}\n`)
  await writeFile('docs/libraries.md', withTable(await readFile('docs/libraries.md', 'utf8'), 'matrix', markdown(about, rows)))
  console.log('written to docs/libraries.md and matrix/results.json')
}
if (failed.length > 0) process.exitCode = 1

function named(name: string): Library {
  const library = libraries.find((candidate) => candidate.name === name)
  if (library === undefined) throw new TypeError(`--only: there is no ${name} in the matrix; there are ${libraries.map((one) => one.name).join(', ')}`)
  return library
}

async function inOwnProcess({ name }: Library): Promise<Result | Failed> {
  // Beside this module, as scripts/run.mjs makes them.
  const child = fork(fileURLToPath(new URL('one.mjs', import.meta.url)), [name, String(rounds)])
  let result: Result | Failed | undefined
  child.once('message', (message) => void (result = message as Result | Failed))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return result ?? { name, failed: { code: 'crashed', message: `its process ended with ${signal ?? `exit code ${code}`}` } }
}

async function circumstances(): Promise<About> {
  const processors = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, ${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    rounds,
  }
}
