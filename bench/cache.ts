// What a second process pays for a snapshot that a first one has built: `cache: '<directory>'`.
//   npm run bench:cache [-- --rounds 20]
// A round starts four processes, one after the other: one builds into an empty directory, one finds the
// snapshot there, one more is started with it as a control, one loads the file. A ratio is the median of the
// ratios of one round.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, platform, release } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { BuildSnapshotOptions } from 'isoseed'
import { guestSources } from '../demo/sources.ts'
import type { Report } from './cache-process.ts'
import { pairedRatio, quantile } from './statistics.ts'

const folder = resolve('target/bench')
const cache = join(folder, 'cache')
const optionsFile = join(folder, 'cache.json')

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a positive integer, got ${values.rounds}`)

await mkdir(folder, { recursive: true })
console.log(`${new Date().toISOString().slice(0, 10)}: ${cpus().length} x ${cpus()[0]?.model.trim()}, ${platform()} ${release()}, Node ${process.versions.node}; median of ${rounds} rounds\n`)
console.log('| sources | file MiB | build ms | second process ms | again ms | `Snapshot.load` ms | build to second |')
console.log('|---|---|---|---|---|---|---|')
await measure('the demo (lodash, zod, handlebars)', { ...(await guestSources()) })
await measure('typescript', { bundle: { code: await readFile('node_modules/typescript/lib/typescript.js', 'utf8'), name: 'typescript.js', type: 'commonjs', global: 'ts' } })
await rm(cache, { recursive: true })

async function measure(name: string, options: BuildSnapshotOptions): Promise<void> {
  await writeFile(optionsFile, JSON.stringify({ ...options, cache, memoryLimitMb: 1024 }))
  const times = { build: [] as number[], second: [] as number[], again: [] as number[], load: [] as number[] }
  let bytes = 0
  for (let round = 0; round < rounds; round += 1) {
    await rm(cache, { recursive: true, force: true })
    const built = await inProcess('build', 1, 0)
    const file = join(cache, `${built.key}.snap`)
    times.build.push(built.ms)
    times.second.push((await inProcess('second', 0, 1)).ms)
    times.again.push((await inProcess('again', 0, 1)).ms)
    times.load.push((await inProcess('load', 0, 0, file)).ms)
    bytes = (await readFile(file)).byteLength
  }
  const figures = [times.build, times.second, times.again, times.load].map((all) => quantile(all, 0.5).toFixed(1))
  console.log(`| ${[name, (bytes / 1024 / 1024).toFixed(1), ...figures, pairedRatio(times.build, times.second).toFixed(0)].join(' | ')} |`)
}

/** Does its thing in a process of its own, and checks that it was just that. */
async function inProcess(what: string, builds: number, diskHits: number, ...loads: string[]): Promise<Report> {
  const program = fileURLToPath(new URL('cache-process.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, optionsFile, ...loads])
  const report = JSON.parse(stdout) as Report
  if (report.builds === builds && report.diskHits === diskHits) return report
  throw new Error(`${what}: expected ${builds} builds and ${diskHits} disk hits, got ${stdout}`)
}
