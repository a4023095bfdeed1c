import { mkdtempSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createIsolate } from 'isoseed'
import type { CpuProfile, Isolate } from 'isoseed'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { SocketClient } from './support/cdp.js'
import { codeOf, rejection } from './support/rejection.js'

const folder = mkdtempSync(join(tmpdir(), 'isoseed-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const opened: Isolate[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((isolate) => isolate.dispose()))
})

async function open(memoryLimitMb = 128): Promise<Isolate> {
  const isolate = await createIsolate({ memoryLimitMb })
  opened.push(isolate)
  await isolate.eval({ code: 'function busy(ms) { const end = Date.now() + ms; let turns = 0; while (Date.now() < end) turns++; return turns }', name: '/app/busy.js' })
  return isolate
}

/** How many samples found a function on top of the stack. */
function hits({ nodes }: CpuProfile, name: string): number {
  return nodes.filter(({ callFrame }) => callFrame.functionName === name).reduce((sum, { hitCount = 0 }) => sum + hitCount, 0)
}

/** That the guest was seen in its loop, however often the machine let it run. */
function expectNamed(profile: CpuProfile): void {
  expect(hits(profile, 'busy')).toBeGreaterThan(hits(profile, '(program)'))
}

const passing = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('cpuProfile', () => {
  test('shows where the guest spends its time, and that it waits', async () => {
    const isolate = await open()
    const profile = await isolate.cpuProfile(async () => {
      await isolate.call('busy', [200])
      await passing(200)
    })
    expect(hits(profile, 'busy')).toBeGreaterThan(20)
    expect(hits(profile, '(idle)')).toBeGreaterThan(20)
    const { callFrame } = profile.nodes.find(({ callFrame: { functionName } }) => functionName === 'busy')!
    expect(callFrame).toMatchObject({ url: 'file:///app/busy.js', lineNumber: 0 })
    expect(profile.nodes[0]!.callFrame.functionName).toBe('(root)')
    expect(profile.samples).toHaveLength(profile.timeDeltas!.length)
    expect(profile.endTime - profile.startTime).toBeGreaterThan(300_000)
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile)
  })

  test('samples as often as it is told to', async () => {
    const isolate = await open()
    const samples = async (samplingIntervalUs: number): Promise<number> =>
      (await isolate.cpuProfile(() => isolate.call('busy', [300]), { samplingIntervalUs })).samples!.length
    expect(await samples(50_000)).toBeLessThan((await samples(1000)) / 2)
  })

  test('names what V8 has optimized before', async () => {
    const isolate = await open()
    await isolate.call('busy', [200])
    for (let round = 0; round < 2; round++) {
      expect(hits(await isolate.cpuProfile(() => isolate.call('busy', [150])), 'busy')).toBeGreaterThan(20)
    }
  })

  test('works while the guest is in an endless loop', async () => {
    const isolate = await open()
    const abort = new AbortController()
    const ended = rejection(isolate.call('busy', [Infinity], { signal: abort.signal }))
    for (let round = 0; round < 2; round++) expectNamed(await isolate.cpuProfile(() => passing(200)))
    abort.abort()
    expect(await ended).toBe(abort.signal.reason)
  })

  test('of a debugger names a loop that V8 optimized long before it began', async () => {
    const isolate = await open()
    const client = await SocketClient.connect((await isolate.inspect()).url)
    const abort = new AbortController()
    const ended = rejection(isolate.call('busy', [Infinity], { signal: abort.signal }))
    await client.post('Profiler.enable')
    await passing(200)
    await client.post('Profiler.start')
    await passing(200)
    expectNamed((await client.post('Profiler.stop')).profile)
    abort.abort()
    expect(await ended).toBe(abort.signal.reason)
  })

  test('leaves alone what other clients collect', async () => {
    const isolate = await open()
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    await client.post('Profiler.enable')
    await client.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    await isolate.eval({ code: 'function branch(x) { if (x) { return 1 } return 2 }', name: 'covered.js' })
    const counts = async (): Promise<number[]> => {
      const { result } = await client.post('Profiler.takePreciseCoverage')
      const { functions } = result.find(({ url }: { url: string }) => url === 'covered.js')
      const { ranges, isBlockCoverage } = functions.find(({ functionName }: { functionName: string }) => functionName === 'branch')
      return isBlockCoverage ? ranges.map(({ count }: { count: number }) => count) : []
    }
    for (const x of [true, true, false]) await isolate.call('branch', [x])
    await isolate.cpuProfile(() => isolate.call('branch', [true]))
    await expect(
      isolate.cpuProfile(() => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
    await isolate.call('branch', [false])
    expect(await counts()).toEqual([5, 3, 2])
    // Another one that profiles, and goes.
    const other = await SocketClient.connect(inspector.url)
    await other.post('Profiler.enable')
    await other.post('Profiler.start')
    other.socket.terminate()
    await other.closed
    await isolate.call('branch', [true])
    expect(await counts()).toEqual([1, 0])
  })

  test('of one isolate, twice at a time, and of several', async () => {
    const isolates = [await open(), await open()]
    const profiles = await Promise.all([...isolates, isolates[0]!].map((isolate) => isolate.cpuProfile(() => isolate.call('busy', [150]))))
    for (const profile of profiles) expect(hits(profile, 'busy')).toBeGreaterThan(5)
  })

  test('rejects with what the work threw, and can be taken again', async () => {
    const isolate = await open()
    const failure = new Error('mine')
    await expect(isolate.cpuProfile(() => Promise.reject(failure))).rejects.toBe(failure)
    await expect(
      isolate.cpuProfile(() => {
        throw failure
      }),
    ).rejects.toBe(failure)
    expect(hits(await isolate.cpuProfile(() => isolate.call('busy', [100])), 'busy')).toBeGreaterThan(5)
  })

  test('of an isolate that ends is an error', async () => {
    const isolate = await open()
    expect(await codeOf(isolate.cpuProfile(() => isolate.dispose()))).toBe('ERR_DISPOSED')
    expect(await codeOf(isolate.cpuProfile(() => undefined))).toBe('ERR_DISPOSED')
  })

  test('beside a debugger that profiles, too', async () => {
    const isolate = await open()
    const inspector = await isolate.inspect()
    const client = await SocketClient.connect(inspector.url)
    await client.post('Profiler.enable')
    await client.post('Profiler.start')
    const profile = await isolate.cpuProfile(() => isolate.call('busy', [100]))
    expect(hits(profile, 'busy')).toBeGreaterThan(5)
    expect(hits((await client.post('Profiler.stop')).profile, 'busy')).toBeGreaterThan(5)
  })

  test.each([
    [undefined, {}, 'work'],
    [{}, {}, 'work'],
    [() => 1, { samplingIntervalUs: 49 }, 'samplingIntervalUs'],
    [() => 1, { samplingIntervalUs: 1.5 }, 'samplingIntervalUs'],
    [() => 1, { interval: 1 }, '"interval"'],
  ])('refuses %o and %o at once', async (work, options, named) => {
    const isolate = await open()
    expect(() => isolate.cpuProfile(work as () => void, options as object)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }),
    )
  })
})

/** What is in a heap snapshot: V8's classes and strings by name. */
function stringsOf(json: string): Set<string> {
  const { snapshot, nodes, strings } = JSON.parse(json)
  expect(nodes).toHaveLength(snapshot.node_count * snapshot.meta.node_fields.length)
  return new Set(strings)
}

describe('heapSnapshot', () => {
  test('writes the file that DevTools opens', async () => {
    const isolate = await open()
    await isolate.eval('class Parcel { constructor() { this.label = "fragile" } }; globalThis.parcels = Array.from({ length: 1000 }, () => new Parcel()); 0')
    const path = join(folder, 'a.heapsnapshot')
    writeFileSync(path, 'x'.repeat(1e8))
    expect(await isolate.heapSnapshot({ path })).toBeUndefined()
    const strings = stringsOf(readFileSync(path, 'utf8'))
    expect(strings.has('Parcel')).toBe(true)
    expect(strings.has('fragile')).toBe(true)
  })

  test.skipIf(process.platform === 'win32')('writes a file for its owner alone', async () => {
    const path = join(folder, 'b.heapsnapshot')
    await (await open()).heapSnapshot({ path })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('is a stream without a path, which leaves no file behind', async () => {
    const isolate = await open()
    const before = readdirSync(tmpdir()).filter((name) => /^isoseed-(?!test)/.test(name))
    const stream = await isolate.heapSnapshot()
    expect(stringsOf((await buffer(stream)).toString()).has('busy')).toBe(true)
    const unread = await isolate.heapSnapshot()
    await unread.cancel()
    expect(readdirSync(tmpdir()).filter((name) => /^isoseed-(?!test)/.test(name))).toEqual(before)
  })

  test('comes after the calls that were made before it', async () => {
    const isolate = await open()
    const path = join(folder, 'queued.heapsnapshot')
    const order: string[] = []
    await Promise.all([
      isolate.call('busy', [50]).then(() => order.push('before')),
      isolate.eval('globalThis.queued = new (class Queued {})(); 0'),
      isolate.heapSnapshot({ path }).then(() => order.push('snapshot')),
    ])
    expect(order).toEqual(['before', 'snapshot'])
    expect(stringsOf(readFileSync(path, 'utf8')).has('Queued')).toBe(true)
  })

  test('works near the memory limit, and counts nothing towards it', async () => {
    const isolate = await open(32)
    await isolate.eval('globalThis.all = []; while (all.length < 190) all.push(new Array(16384).fill(all.length)); 0')
    const before = (await isolate.stats()).heapUsedBytes
    expect(before).toBeGreaterThan(24 * 1024 * 1024)
    await isolate.heapSnapshot({ path: join(folder, 'full.heapsnapshot') })
    expect((await isolate.stats()).heapUsedBytes).toBeLessThan(before * 1.05)
    expect(await isolate.eval('all.length')).toBe(190)
  })

  test('can be aborted, at once, while it waits and while it is written', async () => {
    const isolate = await open()
    await isolate.eval('globalThis.all = Array.from({ length: 5e5 }, (_, index) => ({ index })); 0')
    const path = join(folder, 'aborted.heapsnapshot')
    const moments: (() => Promise<unknown>)[] = [
      async () => undefined,
      async () => {
        isolate.call('busy', [300]).catch(() => undefined)
        await passing(100)
      },
      async () => {
        while (!existsSync(path) || statSync(path).size === 0) await passing(1)
      },
    ]
    for (const moment of moments) {
      const abort = new AbortController()
      const ready = moment()
      const taken = rejection(isolate.heapSnapshot({ path, signal: abort.signal }))
      await ready
      abort.abort()
      expect(await taken).toBe(abort.signal.reason)
      expect(existsSync(path)).toBe(false)
      expect(await isolate.eval('all.length')).toBe(5e5)
    }
  })

  test('that can not be written is an error', async () => {
    const isolate = await open()
    expect(await rejection(isolate.heapSnapshot({ path: join(folder, 'nowhere', 'a') }))).toMatchObject({ code: 'ERR_SNAPSHOT_IO', message: expect.stringContaining('nowhere') })
    expect(await isolate.eval('1')).toBe(1)
    await isolate.dispose()
    expect(await codeOf(isolate.heapSnapshot())).toBe('ERR_DISPOSED')
    expect(await codeOf(isolate.heapSnapshot({ path: join(folder, 'late') }))).toBe('ERR_DISPOSED')
  })

  test('ends with dispose', async () => {
    const isolate = await open()
    const taken = codeOf(isolate.heapSnapshot({ path: join(folder, 'disposed.heapsnapshot') }))
    await isolate.dispose()
    expect(await taken).toBe('ERR_DISPOSED')
    expect(existsSync(join(folder, 'disposed.heapsnapshot'))).toBe(false)
  })

  test.each([[{ path: '' }, 'path'], [{ path: 1 }, 'path'], [{ signal: 1 }, 'signal'], [{ file: 'x' }, '"file"']])('refuses %o at once', async (options, named) => {
    const isolate = await open()
    expect(() => isolate.heapSnapshot(options as { path: string })).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringContaining(named) }),
    )
  })
})
