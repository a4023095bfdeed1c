// Processes that share a store: two that want one session, several that open a new store at once, one that dies while
// it writes.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from 'isoseed'
import type { Store } from 'isoseed'
import { Ledger } from '../../lib/store/ledger.js'
import { unpack } from '../../lib/store/packing.js'
import { folderOf } from '../support/files.js'
import { describeDatabases, describePostgres, postgresPlace, sqlitePlace } from './places.js'
import { bundleLedger, Host } from './program.js'

const PACKING = { keys: [], compression: 'zstd' } as const

let bundle: Awaited<ReturnType<typeof bundleLedger>>
beforeAll(async () => {
  bundle = await bundleLedger()
})
afterAll(() => bundle.remove())

async function stateOf(store: Store, revision?: number): Promise<Uint8Array> {
  const { revision: stored } = await store.read('s', revision)
  if (stored === undefined) throw new Error(`revision ${revision ?? 'newest'} is not there`)
  const chunks = await store.chunks('s', [...new Set(stored.chunks)])
  return (await unpack('s', stored, chunks.map((chunk) => chunk ?? new Uint8Array()), [])).state
}

describeDatabases((makePlace) => {
  test('two hosts fight over a session: one writes at a time, and no step is lost', async () => {
    const place = makePlace()
    const hosts = ['a', 'b'].map((name) => new Host('fight.mjs', { bundle: bundle.file, location: place.location, name, ttlMs: 400 }))
    const lostSoFar = (): number => hosts.flatMap(({ lines }) => lines.filter((line) => line.startsWith('lost'))).length
    /** Who says the next step, and the other one. */
    const roles = async (): Promise<[Host, Host]> => {
      const says = hosts.map((host) => host.says('ack', host.lines.length).then(() => host))
      const holder = await Promise.race(says)
      return [holder, hosts.find((host) => host !== holder) as Host]
    }
    try {
      // Where it is stopped is chance: in the middle of a transaction it keeps the database's own lock, and nobody can
      // take over. Then it goes on, and is stopped again; after a longer time, as the machine may be slow.
      for (let patienceMs = 1000; lostSoFar() < 4; ) {
        const before = lostSoFar()
        const [holder, other] = await roles()
        const [said, saidByOther] = [holder.lines.length, other.lines.length]
        // As a host that swaps or is moved.
        holder.child.kill('SIGSTOP')
        await Promise.race([other.says('ack', saidByOther), setTimeout(patienceMs)])
        holder.child.kill('SIGCONT')
        await Promise.race([holder.says('lost', said), setTimeout(patienceMs)])
        if (lostSoFar() === before) patienceMs *= 2
      }
      const [holder, other] = await roles()
      holder.child.kill('SIGKILL')
      await holder.ended
      await other.says('ack', other.lines.length)
    } finally {
      for (const { child } of hosts) child.kill('SIGKILL')
      await Promise.all(hosts.map(({ ended }) => ended))
    }
    const store = await place.open()
    const { newest } = await store.read('s')
    const acknowledged = hosts.flatMap(({ lines }) => lines.filter((line) => line.startsWith('ack')))
    expect(new Set(acknowledged).size, 'no revision is acknowledged twice').toBe(acknowledged.length)
    for (const line of acknowledged) {
      const [, revision, count] = line.split(' ')
      expect(count, 'each step goes on from the one before').toBe(revision)
      expect(Number(revision)).toBeLessThanOrEqual(newest)
    }
    for (const revision of [1, Math.ceil(newest / 2), newest]) expect(JSON.parse(Buffer.from(await stateOf(store, revision)).toString())).toMatchObject({ count: revision })
    await store.close()
    place.remove()
  }, 120_000)

  test('hosts that open a new store at once make its tables once', async () => {
    const place = makePlace()
    const hosts = Array.from({ length: 6 }, (_, index) => new Host('first.mjs', { location: place.location, name: `host ${index}` }))
    await Promise.all(hosts.map((host) => host.says('ready')))
    for (const host of hosts) host.tell('go')
    for (const host of hosts) expect({ ...(await host.ended), errors: host.errors }).toEqual({ code: 0, signal: null, errors: '' })
    const epochs = hosts.map(({ lines }) => lines.at(-1))
    expect(new Set(epochs).size).toBe(6)
    const store = await place.open()
    expect((await store.list('', 10)).length).toBe(6)
    await store.close()
    place.remove()
  }, 120_000)
})

describeDatabases((makePlace) => {
  test('a host that forgets to close, and ends a Worker in the middle of a write, ends by itself', async () => {
    const place = makePlace()
    const host = new Host('ends.mjs', { bundle: bundle.file, location: place.location })
    expect({ ...(await host.ended), lines: host.lines, errors: host.errors }).toEqual({ code: 0, signal: null, lines: ['done'], errors: '' })
    const store = await place.open()
    for (const id of ['main', 'worker']) expect((await store.find(id))?.lease?.holder).toBe('a')
    await store.close()
    place.remove()
  }, 60_000)
})

/** Linux only: what kills the process at a point is loaded into it before everything else. */
const preload = (() => {
  if (process.platform !== 'linux') return undefined
  const library = join(folderOf({}), 'die.so')
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, fileURLToPath(new URL('./fixtures/die.c', import.meta.url)), '-ldl'], { stdio: 'pipe' })
    return library
  } catch (error) {
    console.warn(`a writer's death at every point is NOT tested: cc can't build what it takes: ${String(error)}`)
    return undefined
  }
})()
afterAll(() => preload !== undefined && rmSync(dirname(preload), { recursive: true, force: true }))

/** So many processes at once. */
const AT_ONCE = 3

describe.skipIf(preload === undefined)('a writer that is killed at any point', () => {
  const old = randomBytes(70_000)
  const next = Buffer.concat([old.subarray(0, 40_000), randomBytes(30_000)])

  async function prepare(store: Store): Promise<void> {
    const ledger = await Ledger.open({ store, session: 's', holder: 'first', ttlMs: 600_000, packing: PACKING, maxBytes: 1e9 })
    await ledger.load()
    await ledger.save(old, { schema: 1, snapshotKey: '' })
    await ledger.close()
    await store.close()
  }

  /** Kills one writer at this point. @returns whether it lived to its end */
  async function attempt(location: string, file: string, env: NodeJS.ProcessEnv): Promise<boolean> {
    const writer = new Host('step.mjs', { bundle: bundle.file, location, file }, { ...env, LD_PRELOAD: preload })
    const { code, signal } = await writer.ended
    const lived = code === 0
    if (!lived && signal !== 'SIGKILL') throw new Error(`the writer ended with ${code ?? signal}: ${writer.errors}`)
    const store = await openStore(location)
    const { newest } = await store.read('s')
    const state = await stateOf(store)
    const acknowledged = writer.lines.includes('acknowledged')
    expect(acknowledged ? [2] : [1, 2]).toContain(newest)
    expect(Buffer.compare(state, newest === 1 ? old : next), 'the whole of one of the two').toBe(0)
    await store.close()
    return lived
  }

  /** @throws unless it ended by itself, without a word of complaint */
  async function wellEnded(writer: Host): Promise<true> {
    const { code, signal } = await writer.ended
    if (code !== 0 || writer.errors !== '') throw new Error(`the writer ended with ${code ?? signal}: ${writer.errors}`)
    return true
  }

  /** The session's lease, as soon as the one who has it lets others have it. */
  async function takenOver(store: Store): Promise<Ledger> {
    for (;;) {
      try {
        return await Ledger.open({ store, session: 's', holder: 'next', ttlMs: 600_000, packing: PACKING, maxBytes: 1e9 })
      } catch (error) {
        if ((error as { code?: string }).code !== 'ERR_SESSION_LOCKED') throw error
        await setTimeout(20)
      }
    }
  }

  /** @returns false, as soon as it does */
  async function standsStill({ child }: Host): Promise<boolean> {
    while (child.exitCode === null && !/\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))) await setTimeout(20)
    return child.exitCode !== null
  }

  const mine = Buffer.from('what the next host made of it')

  /** The next host takes the session over from a writer that stands still, and keeps it when that one goes on. */
  async function goOnWithout(writer: Host, store: Store): Promise<void> {
    const ledger = await takenOver(store)
    const found = await ledger.load()
    await ledger.save(mine, { schema: 1, snapshotKey: '' })
    writer.child.kill('SIGCONT')
    await writer.ended
    // What it acknowledges, the next host has seen; it may come to say so only now.
    const isThere = Buffer.compare(found?.state ?? old, next) === 0
    expect(isThere || !writer.lines.includes('acknowledged'), 'it acknowledged what is not there').toBe(true)
    expect(Buffer.compare(await stateOf(store), mine)).toBe(0)
    await ledger.close()
    await store.close()
  }

  /** At point 1, 2, … until a writer lives. */
  async function everywhere(one: (point: number) => Promise<boolean>): Promise<number> {
    let point = 0
    let ended = false
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (!ended) ended = (await one(++point)) || ended
      }),
    )
    return point - AT_ONCE
  }

  test('leaves the old or the new revision in SQLite', async () => {
    const place = sqlitePlace()
    const folder = dirname(place.location.slice('sqlite:'.length))
    await prepare(await place.open())
    const file = join(folder, 'next')
    writeFileSync(file, next)
    const points = await everywhere(async (point) => {
      const copy = mkdtempSync(`${folder}-`)
      cpSync(folder, copy, { recursive: true })
      const lived = await attempt(`sqlite:${join(copy, 'sessions.db')}`, file, { DIE_AT: String(point), DIE_FILE: 'sessions.db' })
      rmSync(copy, { recursive: true, force: true })
      return lived
    })
    // Fewer would mean that it was not looked at.
    expect(points).toBeGreaterThan(20)
    place.remove()
  }, 300_000)

  describePostgres('on PostgreSQL', (server) => {
    test('leaves the old or the new revision in PostgreSQL', async () => {
      const file = join(folderOf({ next }), 'next')
      const points = await everywhere(async (point) => {
        const place = postgresPlace(server())
        await prepare(await place.open())
        return attempt(place.location, file, { DIE_AT: String(point), DIE_PORT: String(server().port) })
      })
      expect(points).toBeGreaterThan(8)
      rmSync(dirname(file), { recursive: true, force: true })
    }, 300_000)

    test('a writer that stands still at any point, in a transaction too, does not keep others away for ever', async () => {
      const file = join(folderOf({ next }), 'next')
      const points = await everywhere(async (point) => {
        const place = postgresPlace(server())
        await prepare(await place.open())
        const env = { DIE_AT: String(point), DIE_PORT: String(server().port), DIE_BY: 'stop', LD_PRELOAD: preload }
        const writer = new Host('step.mjs', { bundle: bundle.file, location: place.location, file, ttlMs: 100, timeoutMs: 2000 }, env)
        const lived = await Promise.race([writer.ended.then(() => true), standsStill(writer)])
        try {
          if (!lived) await goOnWithout(writer, await place.open())
          return lived && (await wellEnded(writer))
        } finally {
          writer.child.kill('SIGKILL')
        }
      })
      expect(points).toBeGreaterThan(8)
      rmSync(dirname(file), { recursive: true, force: true })
    }, 300_000)
  })
})
