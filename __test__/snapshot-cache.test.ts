import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Snapshot, buildSnapshot, createIsolate, snapshotCache } from 'isoseed'
import type { BuildSnapshotOptions, SnapshotCacheStats } from 'isoseed'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const MIB = 1024 * 1024

/** Sources that nobody has built before. */
const fresh = () => `globalThis.own = ${Math.random()}`
/** Large enough for limits in MiB to tell how many there are. */
const large = () => `${fresh()}; globalThis.bytes = new Uint8Array(${2 * MIB})`

let before: SnapshotCacheStats
/** How much a count went up in this test. */
function more(name: 'hits' | 'joins' | 'diskHits' | 'builds' | 'failures' | 'failureHits'): number {
  return snapshotCache.stats()[name] - before[name]
}

beforeEach(() => {
  snapshotCache.clear()
  snapshotCache.setLimits({ memoryMb: 256, directoryMb: 1024 })
  before = snapshotCache.stats()
})

describe('the cache in memory', () => {
  test('says what it holds and what it did', async () => {
    const bundle = fresh()
    expect(before).toMatchObject({ entries: 0, bytes: 0, limitBytes: 256 * MIB, directoryLimitBytes: 1024 * MIB, building: 0 })
    const building = Promise.all([buildSnapshot({ bundle }), buildSnapshot({ bundle }), buildSnapshot({ bundle, cache: false })])
    expect(snapshotCache.stats().building).toBe(2)
    const [snapshot] = await building
    await buildSnapshot({ bundle })
    expect([more('builds'), more('joins'), more('hits'), more('diskHits'), more('failures')]).toEqual([2, 1, 1, 0, 0])
    expect(snapshotCache.stats()).toMatchObject({ entries: 1, bytes: snapshot.info.bytes, building: 0 })
  })

  test('is empty after clear, and what was taken from it lives on', async () => {
    const bundle = fresh()
    const snapshot = await buildSnapshot({ bundle })
    snapshotCache.clear()
    expect(snapshotCache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    await using isolate = await createIsolate({ snapshot })
    expect(await isolate.eval('typeof own')).toBe('number')
    await buildSnapshot({ bundle })
    expect([more('builds'), more('hits')]).toEqual([2, 0])
  })

  test('a build that runs goes on when it is cleared, and is kept', async () => {
    const bundle = fresh()
    const building = buildSnapshot({ bundle })
    snapshotCache.clear()
    await building
    await buildSnapshot({ bundle })
    expect([more('builds'), more('hits')]).toEqual([1, 1])
  })

  test('drops what was used longest ago, by bytes', async () => {
    const [a, b, c] = [large(), large(), large()] as const
    const { info } = await buildSnapshot({ bundle: a })
    snapshotCache.setLimits({ memoryMb: Math.ceil((2 * info.bytes) / MIB) })
    await buildSnapshot({ bundle: b })
    await buildSnapshot({ bundle: a })
    expect(snapshotCache.stats().entries).toBe(2)
    await buildSnapshot({ bundle: c })
    expect(snapshotCache.stats()).toMatchObject({ entries: 2 })
    expect([more('builds'), more('hits')]).toEqual([3, 1])
    await buildSnapshot({ bundle: a })
    expect([more('builds'), more('hits')], 'a was used after b').toEqual([3, 2])
    await buildSnapshot({ bundle: b })
    expect([more('builds'), more('hits')], 'b was dropped').toEqual([4, 2])
  })

  test('a limit holds at once, and none is kept where none may be', async () => {
    const bundle = fresh()
    await buildSnapshot({ bundle })
    snapshotCache.setLimits({ memoryMb: 0 })
    expect(snapshotCache.stats()).toMatchObject({ entries: 0, bytes: 0, limitBytes: 0, directoryLimitBytes: 1024 * MIB })
    await Promise.all([buildSnapshot({ bundle }), buildSnapshot({ bundle })])
    expect([more('builds'), more('joins')]).toEqual([2, 1])
    expect(snapshotCache.stats().entries).toBe(0)
  })

  test.each([
    [undefined, 'snapshotCache.setLimits: options must be an object, got undefined'],
    [{ memoryMb: -1 }, 'snapshotCache.setLimits: memoryMb must be an integer from 0 to 1048576, got -1'],
    [{ directoryMb: 1.5 }, 'snapshotCache.setLimits: directoryMb must be an integer from 0 to 1048576, got 1.5'],
    [{ memory: 1 }, 'snapshotCache.setLimits: unknown option "memory", known are memoryMb, directoryMb'],
  ])('refuses the limits %j', (limits, message) => {
    expect(() => snapshotCache.setLimits(limits as object)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message }))
  })
})

describe('a build that fails', () => {
  const failing = () => ({ bundle: `${fresh()}; throw new TypeError('broken')` })

  test('is not tried again at once', async () => {
    const options = failing()
    const first = await rejection(buildSnapshot(options))
    const again = await rejection(buildSnapshot(options))
    expect(again).not.toBe(first)
    expect(again).toMatchObject({ code: 'ERR_SNAPSHOT_BUILD', message: first.message, cause: { name: 'TypeError', message: 'broken' } })
    expect([more('builds'), more('failures'), more('failureHits')]).toEqual([1, 1, 1])
  })

  test('is tried again after clear', async () => {
    const options = failing()
    await rejection(buildSnapshot(options))
    snapshotCache.clear()
    await rejection(buildSnapshot(options))
    expect([more('builds'), more('failures'), more('failureHits')]).toEqual([2, 2, 0])
  })

  test('is tried again with other limits, and without the cache', async () => {
    const options = failing()
    await rejection(buildSnapshot(options))
    await rejection(buildSnapshot({ ...options, memoryLimitMb: 511 }))
    await rejection(buildSnapshot({ ...options, timeoutMs: 59_999 }))
    await rejection(buildSnapshot({ ...options, cache: false }))
    expect([more('builds'), more('failureHits')]).toEqual([4, 0])
  })

  test('is remembered with its findings when the heap can not be captured', async () => {
    const options = { bundle: `${fresh()}; globalThis.module = new WebAssembly.Memory({ initial: 1 })` }
    const first = await rejection(buildSnapshot(options))
    expect(first.code).toBe('ERR_SNAPSHOT_UNSAFE')
    expect((await rejection(buildSnapshot(options))).findings).toEqual(first.findings)
    expect([more('builds'), more('failureHits')]).toEqual([1, 1])
  })

  test.each<[string, BuildSnapshotOptions]>([
    ['its time', { bundle: 'for (;;);', timeoutMs: 300 }],
    ['its memory', { bundle: 'const all = []; for (;;) all.push(new Array(1000).fill({}))', memoryLimitMb: 32 }],
  ])('is tried again when it passed %s', async (_, options) => {
    await rejection(buildSnapshot(options))
    await rejection(buildSnapshot(options))
    expect([more('builds'), more('failureHits')]).toEqual([2, 0])
  })
})

describe('a cache directory', () => {
  let root: string
  let cache: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'isoseed-cache-'))
    cache = join(root, 'not', 'yet')
  })
  afterEach(async () => {
    await rm(root, { recursive: true })
  })

  const file = ({ key }: Snapshot, directory = cache) => join(directory, `${key}.snap`)

  test('is made, and holds the snapshot after the build', async () => {
    const snapshot = await buildSnapshot({ bundle: fresh(), cache })
    expect(await readdir(cache)).toEqual([`${snapshot.key}.snap`])
    expect((await readFile(file(snapshot))).equals(snapshot.bytes())).toBe(true)
    expect((await Snapshot.load(file(snapshot))).key).toBe(snapshot.key)
    expect((await stat(cache)).mode & 0o077).toBe(0)
  })

  test('may be given as a relative path', async () => {
    const snapshot = await buildSnapshot({ bundle: fresh(), cache: relative(process.cwd(), cache) })
    expect(await readdir(cache)).toEqual([`${snapshot.key}.snap`])
  })

  test('gives what memory does not have any more, without a build', async () => {
    const bundle = fresh()
    const built = await buildSnapshot({ bundle, cache })
    snapshotCache.clear()
    const phases: string[] = []
    const found = await buildSnapshot({ bundle, cache, onProgress: ({ phase }) => phases.push(phase) })
    expect(found.info).toEqual(built.info)
    expect([more('builds'), more('diskHits'), phases.length]).toEqual([1, 1, 0])
    await using isolate = await createIsolate({ snapshot: found })
    expect(await isolate.eval('typeof own')).toBe('number')
    await buildSnapshot({ bundle, cache: true })
    expect(more('hits'), 'and memory has it again').toBe(1)
  })

  test('gets what memory has already', async () => {
    const bundle = fresh()
    const snapshot = await buildSnapshot({ bundle })
    await buildSnapshot({ bundle, cache })
    expect(await readdir(cache)).toEqual([`${snapshot.key}.snap`])
    expect(more('builds')).toBe(1)
  })

  test('gets what someone else builds already, each its own', async () => {
    const bundle = fresh()
    const other = join(root, 'other')
    const snapshots = await Promise.all([true, cache, other, cache].map((where) => buildSnapshot({ bundle, cache: where })))
    expect([more('builds'), more('joins')]).toEqual([1, 3])
    expect([await readdir(cache), await readdir(other)]).toEqual([[`${snapshots[0]?.key}.snap`], [`${snapshots[0]?.key}.snap`]])
  })

  test.each<[string, (bytes: Buffer) => Uint8Array | string]>([
    ['cut short', (bytes) => bytes.subarray(0, 5000)],
    ['empty', () => ''],
    ['changed', (bytes) => bytes.fill(1, 10_000, 10_001)],
    ['something else', () => 'not a snapshot'],
  ])('heals a file that is %s', async (_, damage) => {
    const bundle = fresh()
    const built = await buildSnapshot({ bundle, cache })
    await writeFile(file(built), damage(await readFile(file(built))))
    snapshotCache.clear()
    const again = await buildSnapshot({ bundle, cache })
    expect([more('builds'), more('diskHits')]).toEqual([2, 0])
    expect((await readFile(file(built))).equals(again.bytes())).toBe(true)
    expect(await readdir(cache)).toHaveLength(1)
  })

  test('does not give the snapshot of another key', async () => {
    const [one, bundle] = [await buildSnapshot({ bundle: fresh(), cache }), fresh()]
    const other = await buildSnapshot({ bundle })
    await writeFile(file(other), one.bytes())
    snapshotCache.clear()
    expect((await buildSnapshot({ bundle, cache })).key).toBe(other.key)
    expect(more('builds')).toBe(3)
    expect((await readFile(file(one))).equals(one.bytes())).toBe(true)
  })

  test('is pruned to its limit, what was used longest ago first', async () => {
    const bundles = [large(), large(), large()]
    const [a, b] = [await buildSnapshot({ bundle: bundles[0]!, cache }), await buildSnapshot({ bundle: bundles[1]!, cache })]
    await utimes(file(a), 1000, 1000)
    await utimes(file(b), 2000, 2000)
    await buildSnapshot({ bundle: bundles[0]!, cache })
    await writeFile(join(cache, 'mine.txt'), 'x'.repeat(10_000))
    snapshotCache.setLimits({ directoryMb: Math.ceil((2 * a.info.bytes) / MIB) })
    const c = await buildSnapshot({ bundle: bundles[2]!, cache })
    expect(new Set(await readdir(cache))).toEqual(new Set([`${a.key}.snap`, `${c.key}.snap`, 'mine.txt']))
  })

  test('holds nothing of a build that failed or was aborted', async () => {
    await rejection(buildSnapshot({ bundle: 'throw 1', cache }))
    const controller = new AbortController()
    const aborted = rejection(buildSnapshot({ bundle: 'for (;;);', cache, signal: controller.signal }))
    const begun = async () => (await readdir(cache)).length === 1
    await expect.poll(begun).toBe(true)
    controller.abort('enough')
    expect(await aborted).toBe('enough')
    await expect.poll(() => readdir(cache)).toEqual([])
  })

  test('may be removed at any time', async () => {
    const bundle = `${fresh()}; for (let end = Date.now() + 300; Date.now() < end;);`
    await buildSnapshot({ bundle: fresh(), cache })
    const removals: Promise<void>[] = []
    const snapshot = await buildSnapshot({ bundle, cache, onProgress: () => removals.push(rm(cache, { recursive: true, force: true })) })
    await Promise.all(removals)
    expect(removals.length).toBeGreaterThan(3)
    await buildSnapshot({ bundle, cache })
    expect(await readdir(cache)).toEqual([`${snapshot.key}.snap`])
  })

  test('that can not be used is a warning, once, and the build succeeds', async () => {
    await mkdir(root, { recursive: true })
    await writeFile(join(root, 'file'), '')
    const warnings: (Error & { code?: string })[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    try {
      for (const path of [join(root, 'file'), join(root, 'file', 'below'), '/proc/isoseed']) {
        const bundle = fresh()
        const snapshot = await buildSnapshot({ bundle, cache: path })
        expect((await buildSnapshot({ bundle, cache: path })).key).toBe(snapshot.key)
      }
      await new Promise(setImmediate)
    } finally {
      process.off('warning', listen)
    }
    expect(more('builds')).toBe(3)
    expect(warnings.map(({ name, code }) => [name, code])).toEqual(Array.from({ length: 3 }, () => ['IsoseedWarning', 'ISOSEED_CACHE']))
    expect(warnings[1]?.message).toContain(`the snapshot can't be kept in the cache directory ${join(root, 'file', 'below')}: `)
  })
})
