// One library: bundled, snapshotted, restored, asked, and compared with Node.
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { IsoseedError, Snapshot, SnapshotFinding, SourceObject } from 'isoseed'
import { quantile, pairedRatio } from '../bench/statistics.ts'
import { GLOBAL, askNode, bundleCase, webBridge } from './bundle.ts'
import type { Library } from './libraries.ts'

const LIMITS = { memoryLimitMb: 1024, timeoutMs: 60_000 }
/** What the timers of cases/web/ are made of. */
const bindings = { sleep }

interface Sources {
  bridge: SourceObject | undefined
  bundle: SourceObject
}

export interface Result {
  name: string
  buildMs: number
  fileBytes: number
  /** From nothing to the first answer, the median of the rounds: restored from the snapshot. */
  snapshotMs: number
  /** The same in a blank isolate that evaluates the bundle. */
  blankMs: number
  /** How many times faster the snapshot is: the median of the ratios of the rounds. */
  ratio: number
}

export interface Failed {
  name: string
  failed: { code: string; message: string; findings?: readonly SnapshotFinding[] }
}

/** Never rejects: what goes wrong is the result. */
export async function measure(library: Library, rounds: number): Promise<Result | Failed> {
  try {
    return await measured(library, rounds)
  } catch (error) {
    const { code, message, findings } = error as IsoseedError
    return { name: library.name, failed: { code: code ?? (error as Error).name, message, findings } }
  }
}

async function measured(library: Library, rounds: number): Promise<Result> {
  const { input, expected } = await askNode(library)
  const sources = { bridge: await webBridge(library), bundle: await bundleCase(library) }
  const started = performance.now()
  const snapshot = await buildSnapshot({ ...sources, bindings: Object.keys(bindings), cache: false, ...LIMITS })
  const buildMs = performance.now() - started

  const ask = async (from: Snapshot | Sources): Promise<number> => {
    const { ms, answer } = await firstResult(from, input)
    if (!isDeepStrictEqual(answer, expected)) throw new Error(`${from === snapshot ? 'the snapshot' : 'a blank isolate'} answers otherwise than Node`)
    return ms
  }
  await ask(snapshot)
  await ask(sources)
  await sameAsBlank(snapshot, sources)
  const times: { snapshot: number[]; blank: number[] } = { snapshot: [], blank: [] }
  for (let round = 0; round < rounds; round += 1) {
    times.snapshot.push(await ask(snapshot))
    times.blank.push(await ask(sources))
  }
  return {
    name: library.name,
    buildMs,
    fileBytes: snapshot.info.bytes,
    snapshotMs: quantile(times.snapshot, 0.5),
    blankMs: quantile(times.blank, 0.5),
    ratio: pairedRatio(times.blank, times.snapshot),
  }
}

async function firstResult(from: Snapshot | Sources, input: unknown): Promise<{ ms: number; answer: unknown }> {
  const started = performance.now()
  await using isolate = await seeded(from)
  const answer = await isolate.call(`${GLOBAL}.answer`, [input])
  return { ms: performance.now() - started, answer }
}

async function seeded(from: Snapshot | Sources) {
  if (!('bundle' in from)) return createIsolate({ snapshot: from, bindings, ...LIMITS })
  const isolate = await createIsolate({ bindings, ...LIMITS })
  if (from.bridge !== undefined) await isolate.eval(from.bridge)
  await isolate.eval(from.bundle)
  return isolate
}

/** What a case says of the realm it runs in, if anything, is the same in the snapshot and where the bundle was just evaluated. */
async function sameAsBlank(snapshot: Snapshot, sources: Sources): Promise<void> {
  const [restored, evaluated] = await Promise.all([snapshot, sources].map(async (from) => {
    await using isolate = await seeded(from)
    return await isolate.eval(`${GLOBAL}.sameAsBlank?.()`)
  }))
  if (!isDeepStrictEqual(restored, evaluated)) throw new Error(`the snapshot says ${JSON.stringify(restored)}, a blank isolate ${JSON.stringify(evaluated)}`)
}
