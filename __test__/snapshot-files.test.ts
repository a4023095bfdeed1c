import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildSnapshot, createIsolate, Snapshot } from 'isoseed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

const folder = mkdtempSync(join(tmpdir(), 'isoseed-'))
const file = join(folder, 'a b\u4f60.snap')
let snapshot: Snapshot
let bytes: Uint8Array

beforeAll(async () => {
  snapshot = await buildSnapshot({ bundle: 'globalThis.value = { own: [1, 2, 3] }' })
  bytes = snapshot.bytes()
  await snapshot.save(file)
})

afterAll(() => rmSync(folder, { recursive: true }))

async function read(from: Snapshot): Promise<unknown> {
  await using isolate = await createIsolate({ snapshot: from })
  return await isolate.eval('value')
}

describe('a saved snapshot', () => {
  test('loads from its file and from its bytes, and is the same', async () => {
    for (const from of [file, bytes, new Uint8Array(readFileSync(file)), readFileSync(file)]) {
      const loaded = await Snapshot.load(from)
      expect(loaded.info).toEqual(snapshot.info)
      expect(loaded.key).toBe(snapshot.key)
      expect(await read(loaded)).toEqual({ own: [1, 2, 3] })
      expect(Buffer.compare(loaded.bytes(), bytes)).toBe(0)
    }
  })

  test('says what it is without being loaded', async () => {
    expect(await Snapshot.inspect(file)).toEqual(snapshot.info)
    expect(await Snapshot.inspect(bytes)).toEqual(snapshot.info)
  })

  test('is written whole: over an older one, and nothing else is left', async () => {
    const own = join(folder, 'over')
    mkdirSync(own)
    writeFileSync(join(own, 'x.snap'), 'older')
    await Promise.all(Array.from({ length: 30 }, () => snapshot.save(join(own, 'x.snap'))))
    expect(readdirSync(own)).toEqual(['x.snap'])
    expect(await read(await Snapshot.load(join(own, 'x.snap')))).toEqual({ own: [1, 2, 3] })
  })

  test('is a copy: changing the bytes changes neither it nor what was loaded from them', async () => {
    const mine = snapshot.bytes()
    const loaded = await Snapshot.load(mine)
    mine.fill(0)
    expect(Buffer.compare(snapshot.bytes(), bytes)).toBe(0)
    expect(await read(loaded)).toEqual({ own: [1, 2, 3] })
    const loading = Snapshot.load(bytes.slice())
    expect(await read(await loading)).toEqual({ own: [1, 2, 3] })
  })

  test('loads from a part of a larger buffer', async () => {
    const larger = new Uint8Array(bytes.length + 100)
    larger.set(bytes, 37)
    expect(await read(await Snapshot.load(larger.subarray(37, 37 + bytes.length)))).toEqual({ own: [1, 2, 3] })
  })

  test('loads in another process', async () => {
    const code = `const { Snapshot, createIsolate } = require('./index.js')
      Snapshot.load(process.argv[1]).then((snapshot) => createIsolate({ snapshot })).then((isolate) => isolate.eval('value')).then((value) => console.log(JSON.stringify(value)))`
    expect((await promisify(execFile)(process.execPath, ['-e', code, file])).stdout).toBe('{"own":[1,2,3]}\n')
  })
})

describe('a compressed file', () => {
  const compressed = join(folder, 'compressed.snap')
  beforeAll(() => snapshot.save(compressed, { compression: 'zstd' }))

  test('is smaller, says so, and loads the same from its path and from its bytes', async () => {
    const size = statSync(compressed).size
    expect(size).toBeLessThan(bytes.length / 2)
    expect(await Snapshot.inspect(compressed)).toEqual({ ...snapshot.info, compressedBytes: size })
    for (const from of [compressed, readFileSync(compressed)]) {
      const loaded = await Snapshot.load(from)
      expect(loaded.info).toEqual({ ...snapshot.info, compressedBytes: size })
      expect(Buffer.compare(loaded.bytes(), bytes)).toBe(0)
      expect(await read(loaded)).toEqual({ own: [1, 2, 3] })
    }
  })

  test('compression none is the default, and can be asked for', async () => {
    const path = join(folder, 'plain.snap')
    await snapshot.save(path, { compression: 'none' })
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0)
    expect(readFileSync(file).length).toBe(bytes.length)
  })

  test('a wrong option throws at once', () => {
    for (const options of [{ compression: 'gzip' }, { compression: true }, { level: 3 }, 'zstd', null]) {
      expect(() => snapshot.save(compressed, options as never)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
    }
  })
})

describe('a pinned snapshot', () => {
  const sha256 = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex')

  test('loads with the SHA-256 of its file, in either case, plain or compressed', async () => {
    const compressed = join(folder, 'pinned.snap')
    await snapshot.save(compressed, { compression: 'zstd' })
    for (const from of [file, bytes, compressed]) {
      const pin = sha256(typeof from === 'string' ? readFileSync(from) : from)
      expect(await read(await Snapshot.load(from, { sha256: pin }))).toEqual({ own: [1, 2, 3] })
      expect((await Snapshot.load(from, { sha256: pin.toUpperCase() })).key).toBe(snapshot.key)
    }
  })

  test('another one is refused, and both are named; also when it is loaded already', async () => {
    const kept = await Snapshot.load(file)
    const pin = 'ab'.repeat(32)
    for (const from of [file, bytes]) {
      const error = await rejection(Snapshot.load(from, { sha256: pin }))
      expect(error.code).toBe('ERR_SNAPSHOT_CORRUPT')
      expect(error.message).toContain(pin)
      expect(error.message).toContain(sha256(bytes))
    }
    expect(kept.key).toBe(snapshot.key)
  })

  test('a wrong option throws at once', () => {
    for (const options of [{ sha256: '' }, { sha256: 7 }, { sha256: 'a'.repeat(63) }, { sha256: 'g'.repeat(64) }, { sha512: '' }, [], null]) {
      expect(() => Snapshot.load(file, options as never)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
    }
  })
})

describe('a file that others change', () => {
  test('a damaged heap image: the header can be inspected, and is not loaded', async () => {
    const path = join(folder, 'damaged.snap')
    const damaged = bytes.slice()
    damaged[damaged.length - 100]! ^= 1
    writeFileSync(path, damaged)
    expect(await Snapshot.inspect(path)).toEqual(snapshot.info)
    expect(await Snapshot.inspect(damaged)).toEqual(snapshot.info)
    expect((await rejection(Snapshot.load(path))).code).toBe('ERR_SNAPSHOT_CORRUPT')
  })

  test('cut short or overwritten in place, what was loaded from it answers on', async () => {
    const path = join(folder, 'changed.snap')
    await snapshot.save(path)
    const loaded = await Snapshot.load(path)
    expect(await Snapshot.load(path)).toMatchObject({ key: snapshot.key })
    truncateSync(path, 4096)
    expect(await read(loaded)).toEqual({ own: [1, 2, 3] })
    expect((await rejection(Snapshot.load(path))).code).toBe('ERR_SNAPSHOT_CORRUPT')
    writeFileSync(path, new Uint8Array(bytes.length))
    expect(await read(loaded)).toEqual({ own: [1, 2, 3] })
    expect((await rejection(Snapshot.load(path))).code).toBe('ERR_SNAPSHOT_CORRUPT')
    expect(Buffer.compare(loaded.bytes(), bytes)).toBe(0)
  })
})

describe('a wrong file', () => {
  const contents: Record<string, () => Uint8Array | string> = {
    'an empty one': () => '',
    'one of another kind': () => readFileSync(process.argv[1] as string),
    'text': () => 'globalThis.value = 1',
    'a truncated one': () => bytes.subarray(0, bytes.length - 1),
    'half of one': () => bytes.subarray(0, bytes.length >> 1),
    'a header alone': () => bytes.subarray(0, 64),
    'one with bytes behind': () => Buffer.concat([bytes, Buffer.from([0])]),
    'zeros': () => new Uint8Array(bytes.length),
  }
  test.each(Object.entries(contents))('%s: ERR_SNAPSHOT_CORRUPT, from a file and from bytes', async (name, make) => {
    const path = join(folder, `${name}.snap`)
    writeFileSync(path, make())
    expect((await rejection(Snapshot.load(path))).code).toBe('ERR_SNAPSHOT_CORRUPT')
    expect((await rejection(Snapshot.load(new Uint8Array(readFileSync(path))))).code).toBe('ERR_SNAPSHOT_CORRUPT')
  })

  test.each([
    ['missing', () => join(folder, 'missing.snap')],
    ['a directory', () => folder],
    ['below a file', () => join(file, 'deeper')],
  ])('%s: ERR_SNAPSHOT_IO that names the path', async (name, make) => {
    const path = make()
    const target = name === 'missing' ? join(folder, 'no', 'folder.snap') : path
    for (const attempt of [() => Snapshot.load(path), () => Snapshot.inspect(path), () => snapshot.save(target)]) {
      expect(await rejection(attempt())).toMatchObject({ code: 'ERR_SNAPSHOT_IO', message: expect.stringContaining(folder) })
    }
  })

  test.each([[7], [''], [null], [[1]], ['a\0b'], [new Float64Array(1)]])('%j is neither path nor bytes: throws at once', (from) => {
    expect(() => Snapshot.load(from as string)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
  })

  test('a thousand mutations are a thousand typed errors', async () => {
    let state = 42
    // Numerical Recipes' generator: the same mutations every time.
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const mutations: ((copy: Uint8Array) => Uint8Array)[] = [
      (copy) => { copy[random(copy.length)]! ^= 1 << random(8); return copy },
      (copy) => { copy[random(600)]! ^= 1 + random(255); return copy },
      (copy) => copy.subarray(0, random(copy.length)),
      (copy) => { const at = random(copy.length - 64); for (let i = 0; i < 64; i += 1) copy[at + i]! ^= 1 + random(255); return copy },
    ]
    for (let index = 0; index < 1000; index += 1) {
      const error = await rejection(Snapshot.load(mutations[index % 4]!(bytes.slice())))
      expect([index, error.code]).toEqual([index, expect.stringMatching(/^ERR_SNAPSHOT_(CORRUPT|MISMATCH)$/)])
    }
  })
})

test('a snapshot is not made by new, and is no object of options', () => {
  expect(() => Reflect.construct(Snapshot, [])).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  expect(() => createIsolate(snapshot as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  expect(() => createIsolate({ snapshot: { ...snapshot } as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('snapshot') }))
})

test('a memory limit below what the snapshot needs throws at once and says how much', async () => {
  const large = await buildSnapshot({ bundle: 'globalThis.bytes = new Uint8Array(30e6); globalThis.rows = Array.from({ length: 1e5 }, (_, i) => ({ i }))' })
  expect(() => createIsolate({ snapshot: large, memoryLimitMb: 16 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG', message: expect.stringContaining('memoryLimitMb') }))
  await using isolate = await createIsolate({ snapshot: large, memoryLimitMb: 64 })
  expect(await isolate.eval('bytes.length + rows.length')).toBe(30_100_000)
})

test('eight snapshots at once, under load and collection, all answer right', async () => {
  const snapshots = await Promise.all(
    Array.from({ length: 8 }, (_, n) => buildSnapshot({ bundle: `class Kept { #n = ${n}; get n() { return this.#n } }; const kept = new Map([['k', new Kept()]]); const rows = Array.from({ length: 2000 }, (_, i) => 'row ' + i * ${n}); globalThis.sum = () => rows.reduce((all, row) => all + row.length, 0) * 100 + kept.get('k').n` })),
  )
  const expected = snapshots.map((_, n) => Array.from({ length: 2000 }, (__, i) => `row ${i * n}`).reduce((all, row) => all + row.length, 0) * 100 + n)
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(snapshots.flatMap((own) => [own, own]).map(async (own) => {
      await using isolate = await createIsolate({ snapshot: own })
      await isolate.eval('for (let i = 0; i < 40; i++) new Array(1e5).fill({}); 1')
      return await isolate.eval('sum()')
    }))
    expect(answers).toEqual(expected.flatMap((value) => [value, value]))
  }
})
