// What goes wrong under a store: connections that are cut at any point, servers that crash, files that are damaged.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStore } from 'isoseed'
import type { IsoseedError, Store } from 'isoseed'
import { Ledger } from '../../lib/store/ledger.js'
import { folderOf } from '../support/files.js'
import { codeOf, rejection } from '../support/rejection.js'
import { describePostgres, postgresPlace } from './places.js'

const WITH = { schema: 1, snapshotKey: '' }

function openLedger(store: Store, session = 's'): Promise<Ledger> {
  return Ledger.open({ store, session, holder: 'a', ttlMs: 600_000, packing: { keys: [], compression: 'zstd' }, maxBytes: 1e9 })
}

async function textOf(store: Store): Promise<string | undefined> {
  const ledger = await openLedger(store)
  try {
    const loaded = await ledger.load()
    return loaded && `${Buffer.from(loaded.state).toString()}${loaded.recovered === undefined ? '' : ' (recovered)'}`
  } finally {
    await ledger.close()
  }
}

/** Passes connections on, and cuts the one that brings the n-th packet, whichever way that goes. */
class Proxy {
  cutAt = Infinity
  packets = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1')
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#sockets.add(from)
        from.setNoDelay(true)
        from.on('error', () => undefined)
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.on('data', (data) => {
          this.packets += 1
          if (this.packets !== this.cutAt) to.write(data)
          // Half of it arrives, which is the hardest to understand.
          else to.write(data.subarray(0, data.length / 2), () => [near, far].forEach((socket) => socket.destroy()))
        })
      }
    })
  }

  static async start(port: number): Promise<Proxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Proxy(server, port)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

describePostgres('PostgreSQL', (server) => {
  test('a connection that is cut at any point of a step costs no step, and makes none twice', async () => {
    const schema = server().schema()
    const proxy = await Proxy.start(server().port)
    const store = await openStore(server().url(schema, proxy.port), { maxConnections: 1, retryMs: 20_000 })
    const ledger = await openLedger(store)
    await ledger.load()
    let cuts = 0
    for (let step = 1; ; step++) {
      proxy.cutAt = proxy.packets + step
      // Chunks of its own, so that there is more than one statement.
      const { revision } = await ledger.save(Buffer.from(`state ${step} ${'x'.repeat(20_000)}`), WITH)
      expect(revision.revision).toBe(step)
      if (proxy.packets < proxy.cutAt) break
      cuts += 1
    }
    expect(cuts).toBeGreaterThan(8)
    expect((await store.history('s', 1000)).map(({ revision }) => revision)).toEqual(Array.from({ length: cuts + 1 }, (_, index) => cuts + 1 - index))
    await ledger.close()
    await store.close()
    await proxy.stop()
  }, 120_000)

  test('leases, too: one that was taken without our knowing is ours', async () => {
    const schema = server().schema()
    const proxy = await Proxy.start(server().port)
    const store = await openStore(server().url(schema, proxy.port), { maxConnections: 1, retryMs: 20_000 })
    let last = 0
    for (let step = 1; ; step++) {
      proxy.cutAt = proxy.packets + step
      const answer = await store.acquire('s', 'a', 600_000)
      const cut = proxy.packets >= proxy.cutAt
      proxy.cutAt = Infinity
      expect(answer.held).toBe(true)
      const epoch = answer.lease?.epoch ?? 0
      expect(epoch).toBeGreaterThan(last)
      last = epoch
      await store.release('s', epoch)
      if (!cut) break
    }
    await store.close()
    await proxy.stop()
  }, 120_000)

  test('what may have been done and is not to be done twice is an error that says so', async () => {
    const schema = server().schema()
    const proxy = await Proxy.start(server().port)
    const store = await openStore(server().url(schema, proxy.port), { maxConnections: 1, retryMs: 20_000 })
    const ledger = await openLedger(store)
    await ledger.load()
    const outcomes = new Set<string>()
    for (let step = 1; step < 100; step++) {
      for (const text of ['one', 'two']) await ledger.save(Buffer.from(`${text} ${step}`), WITH)
      proxy.cutAt = proxy.packets + step
      const outcome = await store.prune('s', { keep: 1, before: Number.MAX_SAFE_INTEGER, dryRun: false }).then(
        ({ revisions }) => `pruned ${revisions > 0}`,
        (error: IsoseedError) => `${error.code} ${error.message.includes('whether it was done is not known')}`,
      )
      outcomes.add(outcome)
      const cut = proxy.packets >= proxy.cutAt
      proxy.cutAt = Infinity
      if (!cut) break
    }
    expect([...outcomes].toSorted()).toEqual(['ERR_STORE true', 'pruned true'])
    await ledger.close()
    await store.close()
    await proxy.stop()
  }, 120_000)

  test('connections that the administrator ends are replaced', async () => {
    const place = postgresPlace(server())
    const store = await place.open()
    const ledger = await openLedger(store)
    await ledger.load()
    for (const text of ['one', 'two', 'three']) {
      server().disconnect(place.schema)
      await ledger.save(Buffer.from(text), WITH)
    }
    server().disconnect(place.schema)
    await ledger.close()
    expect(await textOf(store)).toBe('three')
    await store.close()
  })

  test('a server that crashes keeps what it acknowledged, and hosts go on when it is back', async () => {
    const place = postgresPlace(server())
    const store = await place.open({ retryMs: 60_000 })
    const ledger = await openLedger(store)
    await ledger.load()
    const at = { step: 0, crashed: false }
    const stepping = (async () => {
      while (!at.crashed) at.step = (await ledger.save(Buffer.from(`state ${at.step + 1}`), WITH)).revision.revision
    })()
    while (at.step < 5) await new Promise((resolve) => setTimeout(resolve, 5))
    await server().crash()
    at.crashed = true
    await server().restart()
    await stepping
    expect((await store.read('s')).newest).toBe(at.step)
    await ledger.save(Buffer.from('after'), WITH)
    await ledger.close()
    expect(await textOf(store)).toBe('after')
    await store.close()
  }, 120_000)

  test('a server that does not answer is an error after a while', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const error = await rejection(openStore(server().url('public', port), { retryMs: 0, timeoutMs: 200 }))
    expect(error.code).toBe('ERR_STORE')
    expect(error.message).not.toContain('p@ss')
    silent.close()
  })

  test('a wrong password, and a user who may not make tables, are clear errors', async () => {
    const schema = server().schema()
    const wrong = server().url(schema).replace(/:[^:@/]+@/, ':wrong-password@')
    const error = await rejection(openStore(wrong, { retryMs: 0 }))
    expect(error.code).toBe('ERR_STORE')
    expect(error.message).toContain('password')
    expect(error.message).not.toContain('wrong-password')
    server().sql(`CREATE ROLE reader_${schema} LOGIN PASSWORD 'r'; GRANT USAGE ON SCHEMA ${schema} TO reader_${schema}`)
    const reader = server().url(schema).replace(/\/\/[^@]+@/, `//reader_${schema}:r@`)
    const denied = await rejection(openStore(reader, { retryMs: 0 }))
    expect(denied.message).toContain('permission denied')
    // Once somebody made them, the right to use them is enough.
    const store = await openStore(server().url(schema))
    await store.close()
    server().sql(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO reader_${schema}; GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO reader_${schema}`)
    const other = await openStore(reader)
    const ledger = await openLedger(other)
    await ledger.load()
    await ledger.save(Buffer.from('x'), WITH)
    await ledger.close()
    await other.close()
  })

  test('TLS checks who the server is', async ({ skip }) => {
    const { certificate } = server()
    if (certificate === undefined) return skip('openssl is not installed')
    const place = server().schema()
    const store = await openStore(server().secureUrl(place, `&sslrootcert=${certificate}`))
    const ledger = await openLedger(store)
    await ledger.load()
    await ledger.save(Buffer.from('over TLS'), WITH)
    await ledger.close()
    expect(await textOf(store)).toBe('over TLS')
    await store.close()
    // Nobody vouches for it.
    const error = await rejection(openStore(server().secureUrl(place, ''), { retryMs: 0 }))
    expect(error.code).toBe('ERR_STORE')
    expect(error.message).toContain('certificate')
  })

  test('rows that are damaged are noticed', async () => {
    const place = postgresPlace(server())
    const store = await place.open()
    const ledger = await openLedger(store)
    await ledger.load()
    for (const text of ['one', 'two', 'three']) await ledger.save(Buffer.from(text), WITH)
    await ledger.close()
    server().sql('UPDATE isoseed_revision SET created_at = created_at + 1 WHERE revision = 3', place.schema)
    expect(await textOf(store)).toBe('two (recovered)')
    server().sql('DELETE FROM isoseed_revision WHERE revision = 3', place.schema)
    expect(await textOf(store)).toBe('two (recovered)')
    // A number that was turned back does not bring an older state back.
    server().sql('UPDATE isoseed_session SET newest = 1', place.schema)
    expect(await textOf(store)).toBe('two')
    server().sql('DELETE FROM isoseed_chunk', place.schema)
    expect(await codeOf(textOf(store))).toBe('ERR_SESSION_DAMAGED')
    await store.close()
  })

  test('tables of a newer isoseed are left alone', async () => {
    const place = postgresPlace(server())
    await (await place.open()).close()
    server().sql('INSERT INTO isoseed_migration VALUES (99, 0)', place.schema)
    const error = await rejection(place.open())
    expect(error.code).toBe('ERR_STORE')
    expect(error.message).toContain('newer isoseed')
  })
})

describe('SQLite', () => {
  /** A closed file with three revisions. */
  async function makeFile(): Promise<{ folder: string; file: string }> {
    const folder = folderOf({})
    const file = join(folder, 'sessions.db')
    const store = await openStore(`sqlite:${file}`)
    const ledger = await openLedger(store)
    await ledger.load()
    for (const text of ['one', 'two', 'three']) await ledger.save(Buffer.from(text.repeat(500)), WITH)
    await ledger.close()
    await store.close()
    // All is in the one file when the last host has closed it.
    expect(existsSync(`${file}-wal`)).toBe(false)
    return { folder, file }
  }

  /** What a host makes of a file. */
  async function outcomeOf(file: string): Promise<string> {
    try {
      const store = await openStore(`sqlite:${file}`, { retryMs: 0 })
      try {
        return (await textOf(store)) ?? 'NOTHING'
      } finally {
        await store.close()
      }
    } catch (error) {
      return (error as IsoseedError).code
    }
  }

  test('whatever byte of the file changes, the state is right, or it is said', async () => {
    const { folder, file } = await makeFile()
    const good = readFileSync(file)
    const state = 'three'.repeat(500)
    const allowed = new Set([state, `${'two'.repeat(500)} (recovered)`, `${'one'.repeat(500)} (recovered)`, 'ERR_STORE', 'ERR_SESSION_DAMAGED'])
    expect(await outcomeOf(file)).toBe(state)
    const seen = new Set<string>()
    // A step that is prime to the size of a page comes to all parts of pages.
    for (let at = 0, turn = 0; at < good.length; at += 97, turn++) {
      const spoiled = join(folder, `spoiled-${turn % 4}.db`)
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] as number) ^ (1 << turn % 8)
      for (const suffix of ['-wal', '-shm']) rmSync(`${spoiled}${suffix}`, { force: true })
      writeFileSync(spoiled, bytes)
      const outcome = await outcomeOf(spoiled)
      if (!allowed.has(outcome)) throw new Error(`byte ${at}: ${outcome.slice(0, 100)}`)
      seen.add(outcome)
    }
    // The test has hit something.
    expect(seen.size).toBeGreaterThan(2)
  }, 240_000)

  test('a file that was cut short, or is something else, is an error and no fresh start', async () => {
    const { folder, file } = await makeFile()
    const size = statSync(file).size
    for (const [index, length] of [1, 50, 100, 1000, 4096, Math.floor(size / 2), size - 1000].entries()) {
      const cut = join(folder, `cut-${index}.db`)
      copyFileSync(file, cut)
      truncateSync(cut, length)
      expect(['ERR_STORE', 'ERR_SESSION_DAMAGED'], `${length} bytes`).toContain(await outcomeOf(cut))
    }
    const text = join(folder, 'text.db')
    writeFileSync(text, 'this is no database, but a text of some length '.repeat(100))
    const error = await rejection(openStore(`sqlite:${text}`))
    expect(error.code).toBe('ERR_STORE')
    expect(error.message).toContain(text)
    expect(error.message).toContain('not a database')
  })

  test('a file that can not be there is an error that names it', async () => {
    const folder = folderOf({})
    const missing = join(folder, 'none', 'sessions.db')
    expect(await rejection(openStore(`sqlite:${missing}`))).toMatchObject({ code: 'ERR_STORE', message: expect.stringContaining(missing) })
    mkdirSync(join(folder, 'directory'))
    expect(await codeOf(openStore(`sqlite:${join(folder, 'directory')}`))).toBe('ERR_STORE')
  })

  test('a file may have any name, and is for its owner alone', async () => {
    const folder = folderOf({})
    const file = join(folder, 'a b?c#d%20é\'".db')
    const store = await openStore(`sqlite:${file}`)
    const ledger = await openLedger(store)
    await ledger.load()
    await ledger.save(Buffer.from('x'), WITH)
    // Windows knows no such rights.
    const rights = ['', '-wal', '-shm'].map((suffix) => (process.platform === 'win32' ? 0o600 : statSync(`${file}${suffix}`).mode & 0o777))
    expect(rights).toEqual([0o600, 0o600, 0o600])
    await ledger.close()
    await store.close()
    expect(readFileSync(file).subarray(0, 15).toString()).toBe('SQLite format 3')
  })
})

describe('openStore', () => {
  test.each([
    [undefined], [''], ['sessions.db'], ['mysql://me:secret@host/db'], ['sqlite:'], ['postgres://me:secret@[host/db'], ['memory'],
  ])('refuses %j at once, and does not tell a password', (location) => {
    let error: unknown
    try {
      void openStore(location as string)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG', message: expect.stringMatching(/^openStore: location/) })
    expect(String(error)).not.toContain('secret')
  })

  test.each([[{ durability: 'none' }], [{ maxConnections: 0 }], [{ retryMs: -1 }], [{ timeoutMs: 0 }], [{ timeout: 1 }]])('refuses %j at once', (options) => {
    expect(() => void openStore('memory:', options as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
  })

  test('what is asked for after close is an error', async () => {
    const store = await openStore('memory:')
    await store.close()
    expect(await codeOf(store.read('s'))).toBe('ERR_STORE')
  })
})
