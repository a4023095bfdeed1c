// isoseed: an isolate from the snapshot, with a warm-up or without, or a blank one that evaluates the bundle.
import { readFile } from 'node:fs/promises'
import { Snapshot, buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions } from 'isoseed'
import type { Work } from '../protocol.ts'
import type { Contender } from './adapter.ts'
import { sessionKeeper, sessionVisits } from './sessions.ts'

export type Mode = 'warmed' | 'unwarmed' | 'ready' | 'blank'

export async function isoseed(work: Work, mode: Mode): Promise<Contender> {
  const { memoryLimitMb } = work
  const bundle = work.bundleFile === undefined ? undefined : { name: 'bundle.js', code: await readFile(work.bundleFile, 'utf8') }
  const file = { warmed: work.snapshotFile, unwarmed: work.unwarmedFile, ready: work.readyFile, blank: undefined }[mode]
  const snapshot = file === undefined ? undefined : await Snapshot.load(file)
  const seed: CreateIsolateOptions = snapshot !== undefined ? { snapshot } : bundle === undefined ? {} : { fallback: { bundle } }
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
  return {
    version: `${version}, V8 ${snapshot?.info.v8Version ?? 'of its own'}`,
    async open() {
      const isolate = await createIsolate({ ...seed, memoryLimitMb })
      return {
        eval: (script) => isolate.eval(script),
        bind: async (name) => (...args) => isolate.call(name, args),
        move: {
          in: (name, bytes) => isolate.call(name, [bytes], { transfer: [bytes.buffer] }),
          out: (name, argument) => isolate.call(name, [argument], { transferResult: true }),
        },
        dispose: () => isolate.dispose(),
      }
    },
    keep: (place, size) => sessionKeeper(place, size, seed, memoryLimitMb),
    visits: (place) => sessionVisits(place, seed, memoryLimitMb),
    ...(snapshot !== undefined && { hold: () => snapshot.prewarm(1, { memoryLimitMb }) }),
    ...((mode === 'warmed' || mode === 'unwarmed') && {
      async build() {
        const warmup = mode === 'warmed' && work.warmup !== undefined ? { warmup: work.warmup } : {}
        const built = await buildSnapshot({ ...(bundle !== undefined && { bundle }), ...warmup, cache: false, memoryLimitMb: 1024 })
        return built.info.bytes
      },
    }),
  }
}
