// What a warm-up gives and what it costs: the first call of a session, its restore, the snapshot's size.
//   npm run bench:warmup [-- --rounds 40] [--write]
// The libraries and their questions are those of the matrix. A round takes each snapshot once, in random
// order; what counts are the ratios: the median of the ratios of the same round. With --write, the table goes
// into docs/libraries.md.
import { deepStrictEqual } from 'node:assert'
import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform, release } from 'node:os'
import { parseArgs } from 'node:util'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { Snapshot } from 'isoseed'
import { GLOBAL, bundleCase } from '../matrix/bundle.ts'
import { libraries } from '../matrix/libraries.ts'
import { withTable } from '../matrix/table.ts'
import { pairedRatio, quantile, shuffled } from './statistics.ts'

const LIMITS = { memoryLimitMb: 1024, timeoutMs: 60_000 }

interface Entry {
  snapshot: Snapshot
  /** Milliseconds of each round: until the isolate is there, its first call, and both. */
  restore: number[]
  firstCall: number[]
  together: number[]
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' }, write: { type: 'boolean', default: false } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)

const lines: string[] = []
const print = (line: string): void => {
  console.log(line)
  lines.push(line)
}
const command = `npm run bench:warmup -- --rounds ${rounds}`
print(`\`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}; medians.`)
print('')
print('| library | warm-up | restore ms | first call ms | together ms | file MiB |')
print('|---|---|---|---|---|---|')
for (const library of libraries.filter(({ name }) => ['lodash', 'zod', 'typescript'].includes(name))) {
  const sources = await bundleCase(library)
  const options = { ...sources, cache: false, ...LIMITS }
  const without = entry(await buildSnapshot(options))
  const warm = entry(await buildSnapshot({ ...options, warmup: `${GLOBAL}.answer(${GLOBAL}.input)` }))
  const input = await inputOf(without.snapshot)
  const expected = await session(without, input)
  // The first round only brings the host's own code into memory.
  for (let round = -1; round < rounds; round += 1) {
    for (const one of shuffled([without, warm])) deepStrictEqual(await session(one, input, round >= 0), expected)
  }
  report(library.name, without, warm)
}
if (values.write) await writeFile('docs/libraries.md', withTable(await readFile('docs/libraries.md', 'utf8'), 'warmup', lines.join('\n')))

function entry(snapshot: Snapshot): Entry {
  return { snapshot, restore: [], firstCall: [], together: [] }
}

async function inputOf(snapshot: Snapshot): Promise<unknown> {
  await using isolate = await createIsolate({ snapshot, ...LIMITS })
  return await isolate.eval(`${GLOBAL}.input`)
}

/** One session with one call; returns the answer. */
async function session({ snapshot, restore, firstCall, together }: Entry, input: unknown, counts = false): Promise<unknown> {
  const started = performance.now()
  await using isolate = await createIsolate({ snapshot, ...LIMITS })
  const restored = performance.now()
  const answer = await isolate.call(`${GLOBAL}.answer`, [input])
  const ended = performance.now()
  if (counts) {
    restore.push(restored - started)
    firstCall.push(ended - restored)
    together.push(ended - started)
  }
  return answer
}

function report(name: string, without: Entry, warm: Entry): void {
  const figures = ['restore', 'firstCall', 'together'] as const
  const ms = (of: Entry): string => figures.map((figure) => quantile(of[figure], 0.5).toFixed(1)).join(' | ')
  const mib = ({ snapshot }: Entry): string => (snapshot.info.bytes / 2 ** 20).toFixed(1)
  const ratios = figures.map((figure) => `${pairedRatio(warm[figure], without[figure]).toFixed(2)} x`).join(' | ')
  print(`| ${name} | without | ${ms(without)} | ${mib(without)} |`)
  print(`| | with | ${ms(warm)} | ${mib(warm)} |`)
  print(`| | ratio | ${ratios} | ${(warm.snapshot.info.bytes / without.snapshot.info.bytes).toFixed(2)} x |`)
}
