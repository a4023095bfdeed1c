// One library: bundled, snapshotted, restored, asked, and compared with Node.
import { deepStrictEqual } from 'node:assert'
import type { AssertionError } from 'node:assert'
import { buildSnapshot, createIsolate } from 'isoseed'
import type { CreateIsolateOptions, IsoseedError, SnapshotFinding, SnapshotWarning, SourceObject } from 'isoseed'
import { pairedRatio, quantile } from '../bench/statistics.ts'
import { GLOBAL, askNode, bundleCase } from './bundle.ts'
import type { Library } from './libraries.ts'

const LIMITS = { memoryLimitMb: 1024, timeoutMs: 60_000 }
/** The question itself: what it calls stays compiled. */
const warmup = { name: 'warmup.js', code: `${GLOBAL}.answer(${GLOBAL}.input)` }

/** What an isolate starts from. */
type Seed = Pick<CreateIsolateOptions, 'snapshot' | 'fallback'>

export interface Result {
  name: string
  buildMs: number
  fileBytes: number
  /** What was noticed while building. */
  warnings: readonly SnapshotWarning[]
  /** From nothing to the first answer, the median of the rounds: restored from the snapshot. */
  snapshotMs: number
  /** The same from a snapshot with a warm-up. */
  warmMs: number
  /** The same in a blank isolate that evaluates the bundle. */
  blankMs: number
  /** How many times faster the snapshot is: the median of the ratios of the rounds. */
  ratio: number
  /** The same for the snapshot with a warm-up. */
  warmRatio: number
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
    const { name, code, message, findings } = error as IsoseedError
    return { name: library.name, failed: { code: typeof code === 'string' ? code : name, message, ...(findings && { findings }) } }
  }
}

async function measured(library: Library, rounds: number): Promise<Result> {
  const { input, expected } = await askNode(library)
  const sources = await bundleCase(library)
  const options = { ...sources, cache: false as const, ...LIMITS }
  const started = performance.now()
  const snapshot = await buildSnapshot(options)
  const buildMs = performance.now() - started
  const warm = await buildSnapshot({ ...options, warmup })

  const seeds: Record<string, Seed> = {
    'a snapshot': { snapshot },
    'a snapshot with a warm-up': { snapshot: warm },
    'a blank isolate': { fallback: { ...sources, bundle: sources.bundle.map(withoutMap) } },
  }
  const times = Object.fromEntries(Object.keys(seeds).map((name) => [name, [] as number[]]))
  const realm = await realmOf(seeds['a blank isolate']!)
  for (const [name, seed] of Object.entries(seeds)) same(await realmOf(seed), realm, `${name} decides otherwise than a blank isolate`)
  // The first round only brings the host's own code into memory.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, seed] of Object.entries(seeds)) {
      const { ms, answer } = await firstResult(seed, input)
      same(answer, expected, `${name} answers otherwise than Node`)
      if (round >= 0) times[name]!.push(ms)
    }
  }
  const [snapshotMs, warmMs, blankMs] = Object.values(times) as [number[], number[], number[]]
  return {
    name: library.name,
    buildMs,
    fileBytes: snapshot.info.bytes,
    warnings: snapshot.info.warnings,
    snapshotMs: quantile(snapshotMs, 0.5),
    warmMs: quantile(warmMs, 0.5),
    blankMs: quantile(blankMs, 0.5),
    ratio: pairedRatio(blankMs, snapshotMs),
    warmRatio: pairedRatio(blankMs, warmMs),
  }
}

async function firstResult(seed: Seed, input: unknown): Promise<{ ms: number; answer: unknown }> {
  const started = performance.now()
  await using isolate = await createIsolate({ ...seed, ...LIMITS })
  const answer = await isolate.call(`${GLOBAL}.answer`, [input])
  return { ms: performance.now() - started, answer }
}

/** What a case says of the realm that it runs in, if it says anything. */
async function realmOf(seed: Seed): Promise<unknown> {
  await using isolate = await createIsolate({ ...seed, ...LIMITS })
  return await isolate.eval(`${GLOBAL}.sameAsBlank?.()`)
}

/** Without a snapshot the source map is only so much more to read. */
function withoutMap(source: SourceObject): SourceObject {
  const map = source.code.lastIndexOf('//# sourceMappingURL=data:')
  return map < 0 ? source : { ...source, code: source.code.slice(0, map) }
}

function same(actual: unknown, expected: unknown, message: string): void {
  try {
    deepStrictEqual(actual, expected)
  } catch (error) {
    throw new Error(`${message}: ${(error as AssertionError).message}`, { cause: error })
  }
}
