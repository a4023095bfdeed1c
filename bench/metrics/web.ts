// What the web bridge and each of its parts cost: source, snapshot file, time to a session's first result. The times
// beyond an empty snapshot are medians of the differences within one round; the empty snapshot is there twice.
import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { CreateIsolateOptions, Source } from 'isoseed'
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { number } from '../report.ts'
import { median, shuffled } from '../statistics.ts'

interface Entrant {
  name: string
  source: Source | undefined
  options: CreateIsolateOptions
  fallback: CreateIsolateOptions
  fileBytes: number
  ms: number[]
  withoutMs: number[]
}

export const web: Metric = {
  name: 'web',
  title: 'What the web bridge and each of its parts cost',
  quick: false,
  async run(bench) {
    const empty = await entrant('nothing', undefined)
    const all = [empty, await entrant('nothing again (A/A control)', undefined), await entrant('webBridge', webBridge)]
    for (const part of pick(bench, { tiny: webBridge.parts.slice(0, 2), quick: webBridge.parts, full: webBridge.parts })) all.push(await entrant(part, webBridge.pick([part])))
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const each of shuffled(all)) each.ms.push(await firstResult(each.options))
      for (const each of shuffled(all)) each.withoutMs.push(await firstResult(each.fallback))
    }
    const beyond = (times: number[], base: number[]): string => number(median(times.map((ms, round) => ms - base[round]!)))
    bench.table(
      {
        title: this.title,
        head: ['', 'source KiB', 'file KiB more', 'ms more from a snapshot', 'ms more from the source'],
        rows: all.slice(1).map(({ name, source, fileBytes, ms, withoutMs }) => [name, number(lengthOf(source) / 1024), number((fileBytes - empty.fileBytes) / 1024), beyond(ms, empty.ms), beyond(withoutMs, empty.withoutMs)]),
        notes: [`Medians of ${bench.rounds} rounds. An empty snapshot: ${number(empty.fileBytes / 1024)} KiB, ${number(median(empty.ms))} ms to the first result; a blank isolate: ${number(median(empty.withoutMs))} ms.`],
      },
      all.map(({ name, source, fileBytes, ms, withoutMs }) => ({ name, sourceBytes: lengthOf(source), fileBytes, ms, withoutMs })),
    )
  },
}

async function entrant(name: string, source: Source | undefined): Promise<Entrant> {
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

function lengthOf(source: Source | undefined): number {
  return source === undefined ? 0 : typeof source === 'string' ? source.length : source.code.length
}
