// What the web bridge and each of its parts cost: source, snapshot file, time to a session's first result.
//   npm run web:sizes [-- --rounds 50]
// Each round starts a session of every snapshot, in random order. The times beyond an empty snapshot are medians of
// the differences within one round; the empty snapshot is there twice, as a control.
import { cpus, platform, release } from 'node:os'
import { parseArgs } from 'node:util'
import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { CreateIsolateOptions, Source } from 'isoseed'
import { quantile, shuffled } from './statistics.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)

interface Contender {
  name: string
  source: Source | undefined
  options: CreateIsolateOptions
  fallback: CreateIsolateOptions
  fileBytes: number
  ms: number[]
  withoutMs: number[]
}

async function contender(name: string, source: Source | undefined): Promise<Contender> {
  const snapshot = await buildSnapshot(source === undefined ? {} : { bridge: source })
  const fallback = source === undefined ? {} : { fallback: { bridge: source } }
  return { name, source, options: { snapshot }, fallback, fileBytes: snapshot.bytes().length, ms: [], withoutMs: [] }
}

async function firstResult(options: CreateIsolateOptions): Promise<number> {
  const started = performance.now()
  const isolate = await createIsolate(options)
  if ((await isolate.eval('1')) !== 1) throw new Error('a wrong answer')
  const ms = performance.now() - started
  await isolate.dispose()
  return ms
}

const empty = await contender('nothing', undefined)
const contenders = [empty, await contender('nothing again (A/A control)', undefined), await contender('webBridge', webBridge)]
for (const part of webBridge.parts) contenders.push(await contender(part, webBridge.pick([part])))

for (let round = 0; round < rounds; round += 1) {
  for (const each of shuffled(contenders)) each.ms.push(await firstResult(each.options))
  for (const each of shuffled(contenders)) each.withoutMs.push(await firstResult(each.fallback))
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(1)
const beyond = (times: number[], base: number[]): string => quantile(times.map((ms, round) => ms - base[round]!), 0.5).toFixed(2)

console.log(`${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${platform()} ${release()}, Node ${process.versions.node}; median of ${rounds} rounds`)
console.log(`An empty snapshot: ${kib(empty.fileBytes)} KiB, ${quantile(empty.ms, 0.5).toFixed(2)} ms to the first result; a blank isolate: ${quantile(empty.withoutMs, 0.5).toFixed(2)} ms\n`)
console.log('| | source KiB | file KiB more | ms more from a snapshot | ms more from the source |')
console.log('|---|---|---|---|---|')
for (const { name, source, fileBytes, ms, withoutMs } of contenders.slice(1)) {
  const length = source === undefined ? 0 : typeof source === 'string' ? source.length : source.code.length
  console.log(`| ${name} | ${kib(length)} | ${kib(fileBytes - empty.fileBytes)} | ${beyond(ms, empty.ms)} | ${beyond(withoutMs, empty.withoutMs)} |`)
}
