// A scratchpad that is there tomorrow: an agent's notebook, whose tables, functions and variables outlive the process.
// Two processes, one after the other, each as an agent has them: the second goes on where the first has ended.
// README.md tells what is to be seen. Run it with `npm run examples scratchpad`.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sessions } from 'isoseed'
import type { Told } from './agent.ts'
import type { Day } from './cells.ts'

const folder = await mkdtemp(join(tmpdir(), 'isoseed-scratchpad-'))
const store = `sqlite:${join(folder, 'notebooks.db')}`

/** Runs a day's cells in a process of its own, and prints them as a notebook does. */
async function run(day: Day): Promise<Told[]> {
  const agent = fileURLToPath(new URL('agent.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--enable-source-maps', agent, day, store, join(folder, 'snapshots')])
  const told = stdout.trim().split('\n').map((line) => JSON.parse(line) as Told)
  console.log(`--- ${day}`)
  for (const { cell, result, error } of told) console.log(`> ${cell}\n${error ?? (result === undefined ? '' : `${JSON.stringify(result)}`)}`)
  return told
}

try {
  const today = await run('today')
  assert.deepEqual(today.slice(0, 5).map(({ result }) => result), [[5, 4], undefined, '€ 274.00', [3, 4], 'Ada'])
  assert.match(today[5]!.error!, /^ERR_GUEST: .*plot is not a function/)
  assert.match(today[6]!.error!, /^ERR_STATE_VALUE: state\.report\.refresh /)
  assert.equal(today[7]!.result, 5, 'the cell that failed has changed nothing')

  const tomorrow = await run('tomorrow')
  assert.deepEqual(tomorrow.map(({ result, error }) => error ?? result), [[5, 4], [true, true, true], 'Ada: € 187.49', ['€ 279.00', '€ 154.00']])

  // A revision for each cell that changed something, and nobody has it now.
  for await (const { id, newest, lease } of sessions.list(store)) {
    assert.equal(lease, undefined)
    console.log(`${id}: revision ${newest?.revision}, ${newest?.bytes} bytes of state in ${newest?.storedBytes}`)
    assert.equal(newest?.revision, 6)
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
