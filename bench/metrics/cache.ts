// What a second process pays for a snapshot that a first one has built: `cache: '<directory>'`. A round starts four
// processes, one after the other: one builds into an empty directory, one finds the snapshot there, one more is
// started with it as a control, one loads the file.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { BuildSnapshotOptions } from 'isoseed'
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import type { Report } from '../cache-process.ts'
import { prepare } from '../cases.ts'
import type { Work } from '../protocol.ts'
import { number } from '../report.ts'
import { bootstrapRatio, median } from '../statistics.ts'

const folder = resolve('target/bench')
const cacheFolder = join(folder, 'cache')
const optionsFile = join(folder, 'cache.json')

export const cache: Metric = {
  name: 'cache',
  title: 'What a second process pays for a snapshot that a first one has built',
  quick: false,
  async run(bench) {
    const cases = pick(bench, { tiny: ['code 20000'], quick: ['demo'], full: ['demo', 'typescript'] })
    const figures: { name: string; times: Times; bytes: number }[] = []
    for (const name of cases) figures.push({ name, ...(await measure((await prepare(name)).workFile, bench.fewRounds)) })
    await rm(cacheFolder, { recursive: true, force: true })
    bench.table(
      {
        title: this.title,
        head: ['sources', 'file MiB', 'build ms', 'second process ms', 'again (A/A control) ms', '`Snapshot.load` ms', 'build to second'],
        rows: figures.map(({ name, times, bytes }) => [name, number(bytes / 2 ** 20), ...[times.build, times.second, times.again, times.load].map((all) => number(median(all))), number(bootstrapRatio(times.build, times.second).median)]),
        notes: [`Medians of ${bench.fewRounds} rounds; each time is of a process of its own, the addon loaded before.`],
      },
      figures,
    )
  },
}

interface Times {
  build: number[]
  second: number[]
  again: number[]
  load: number[]
}

async function measure(workFile: string, rounds: number): Promise<{ times: Times; bytes: number }> {
  const work = JSON.parse(await readFile(workFile, 'utf8')) as Work
  const options: BuildSnapshotOptions = { bundle: { name: 'bundle.js', code: await readFile(work.bundleFile!, 'utf8') }, cache: cacheFolder, memoryLimitMb: 1024, ...(work.warmup !== undefined && { warmup: work.warmup }) }
  await mkdir(folder, { recursive: true })
  await writeFile(optionsFile, JSON.stringify(options))
  const times: Times = { build: [], second: [], again: [], load: [] }
  let bytes = 0
  for (let round = 0; round < rounds; round += 1) {
    await rm(cacheFolder, { recursive: true, force: true })
    const built = await inProcess('build', 1, 0)
    const file = join(cacheFolder, `${built.key}.snap`)
    times.build.push(built.ms)
    times.second.push((await inProcess('second', 0, 1)).ms)
    times.again.push((await inProcess('again', 0, 1)).ms)
    times.load.push((await inProcess('load', 0, 0, file)).ms)
    bytes = (await readFile(file)).byteLength
  }
  return { times, bytes }
}

/** Does its thing in a process of its own, and checks that it was just that. */
async function inProcess(what: string, builds: number, diskHits: number, ...loads: string[]): Promise<Report> {
  const program = fileURLToPath(new URL('cache-process.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, optionsFile, ...loads])
  const report = JSON.parse(stdout) as Report
  if (report.builds === builds && report.diskHits === diskHits) return report
  throw new Error(`${what}: expected ${builds} builds and ${diskHits} disk hits, got ${stdout}`)
}
