// What a session asks of a store: whose answers are checked, and which file a location means.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, openStore, sessions } from 'isoseed'
import type { Store } from 'isoseed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { all } from '../support/all.js'
import { codeOf, rejection } from '../support/rejection.js'
import { instead, leave, newId, open, ownStore } from './opened.js'

let shared: Store
beforeAll(async () => {
  shared = await openStore('memory:')
})
afterAll(() => shared.close())

/** A store of which one method answers something else. */
const answering = (method: keyof Store, answer: unknown): Store => instead(shared, { [method]: () => Promise.resolve(answer) })

describe('an answer that is none is the failure of the store', () => {
  const malformed = (method: string, shown: string): object => ({ code: 'ERR_STORE', message: expect.stringContaining(`store.${method} answered ${shown}`) })
  const meta = { revision: 1, createdAt: 0, schema: 0, snapshotKey: '', hash: '', bytes: 200, storedBytes: 200 }

  test.each<[keyof Store, unknown, string]>([
    ['acquire', undefined, 'undefined'],
    ['acquire', 5, '5'],
    ['acquire', {}, '{}'],
    ['acquire', { held: true }, '{ held: true }'],
    ['acquire', { held: true, lease: { holder: 'a', expiresAt: 1 } }, '{ held: true, lease: {'],
    ['acquire', { held: false, lease: null }, '{ held: false, lease: null }'],
    ['read', null, 'null'],
    ['read', {}, '{}'],
    ['read', { newest: 'x' }, "{ newest: 'x' }"],
    ['read', { newest: 1, revision: { ...meta, chunks: [] } }, '{ newest: 1, revision: {'],
    ['read', { newest: 1, revision: { ...meta, chunks: [1], head: new Uint8Array() } }, '{ newest: 1, revision: {'],
    ['write', undefined, 'undefined'],
    ['write', { status: 'huh' }, "{ status: 'huh' }"],
    ['write', { status: 'conflict' }, "{ status: 'conflict' }"],
    ['write', { status: 'missing' }, "{ status: 'missing' }"],
  ])('%s: %o', async (method, answer, shown) => {
    const work = async (): Promise<void> => {
      await using session = await openSession(newId(), { store: answering(method, answer) })
      await session.eval('state.n = 1')
    }
    expect(await rejection(work())).toMatchObject(malformed(method, shown))
  })

  test('chunks that are no bytes', async () => {
    const id = newId()
    await leave(id, 'state.n = 1', { store: shared })
    expect(await rejection(open(id, { store: answering('chunks', ['text']) }))).toMatchObject(malformed('chunks', "[ 'text' ]"))
    expect(await rejection(open(id, { store: answering('chunks', undefined) }))).toMatchObject(malformed('chunks', 'undefined'))
  })

  test.each<[keyof Store, unknown, (store: Store) => Promise<unknown>]>([
    ['list', undefined, (store) => all(sessions.list(store))],
    ['list', [{ id: 'a' }], (store) => all(sessions.list(store))],
    ['find', null, (store) => sessions.inspect(store, 'a')],
    ['delete', { holder: 5 }, (store) => sessions.delete(store, 'a')],
    ['prune', undefined, (store) => sessions.prune(store, { keep: 1 })],
    ['history', [{}], async (store) => all((await open(newId(), { store })).history())],
  ])('%s: %o', async (method, answer, ask) => {
    await leave(newId(), 'state.n = 1', { store: shared })
    expect(await rejection(ask(answering(method, answer)))).toMatchObject({ code: 'ERR_STORE', message: expect.stringContaining(`store.${method} answered`) })
  })

  test('a renewal that is answered with nonsense is tried again', async () => {
    const asked: unknown[] = []
    const store = instead(shared, {
      renew: (...args) => {
        asked.push(args)
        return asked.length === 1 ? Promise.resolve(5 as never) : shared.renew(...args)
      },
    })
    const session = await open(newId(), { store, lease: { ttlMs: 100 } })
    await expect.poll(() => asked.length).toBeGreaterThan(2)
    expect(await session.eval('state.n = 1')).toBe(1)
  })

  test('long ones are cut', async () => {
    const error = await rejection(open(newId(), { store: answering('read', { newest: 'x'.repeat(10_000) }) }))
    expect(error.message.length).toBeLessThan(400)
  })
})

test('a method of a store has its store for `this`', async () => {
  class Mine {
    readonly #store = ownStore()
    acquire: Store['acquire'] = (...args) => this.#store.acquire(...args)
    find(id: string): ReturnType<Store['find']> {
      return this.#store.find(id)
    }
  }
  for (const name of ['renew', 'release', 'read', 'chunks', 'write', 'history', 'list', 'delete', 'prune', 'close'] as const) {
    Object.defineProperty(Mine.prototype, name, { value: (...args: never[]) => Reflect.apply(ownStore()[name], ownStore(), args) })
  }
  expect(await sessions.inspect(new Mine() as unknown as Store, 'not there')).toBeUndefined()
})

test('a location with a relative path is the file that it names where it is given', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isoseed-test-'))
  const before = process.cwd()
  for (const name of ['one', 'two']) mkdirSync(join(folder, name))
  try {
    process.chdir(join(folder, 'one'))
    await using first = await openSession('first', { store: 'sqlite:./s.db' })
    await first.eval('state.n = 1')
    process.chdir(join(folder, 'two'))
    await using second = await openSession('second', { store: 'sqlite:./s.db' })
    await second.eval('state.n = 2')
    expect((await all(sessions.list('sqlite:./s.db'))).map(({ id }) => id)).toEqual(['second'])
    // And by another name it is the same one, with the same connections.
    expect(await codeOf(openSession('first', { store: `sqlite:${join(folder, 'one', 's.db')}` }))).toBe('ERR_SESSION_LOCKED')
    expect(['one', 'two'].map((name) => existsSync(join(folder, name, 's.db')))).toEqual([true, true])
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  }
})
