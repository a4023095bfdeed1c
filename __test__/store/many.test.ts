// A store with ten thousand sessions: listed page by page, and thinned out.
import { describe, expect, test } from 'vitest'
import type { Store } from 'isoseed'
import { listSessions, pruneSessions } from '../../lib/store/sessions.js'
import { describePostgres, postgresPlace, sqlitePlace } from './places.js'

const MANY = 10_000
const idOf = (index: number): string => `${index % 2 === 0 ? 'even' : 'odd'}:${index}`

/** A store that notes the longest page that it gave. */
function watched(store: Store): { store: Store; longest: () => number } {
  let longest = 0
  const list: Store['list'] = async (...args) => {
    const page = await store.list(...args)
    longest = Math.max(longest, page.length)
    return page
  }
  return { store: new Proxy(store, { get: (target, name) => (name === 'list' ? list : (Reflect.get(target, name) as () => void).bind(target)) }), longest: () => longest }
}

/** Lists all of a store, then what begins with a prefix, then removes some; what it saw. */
async function tour(plain: Store) {
  const { store, longest } = watched(plain)
  const all = new Set<string>()
  for await (const { id, newest, revisions } of listSessions(store)) if (newest?.revision === 1 && revisions === 1) all.add(id)
  let odd = 0
  for await (const { id } of listSessions(store, 'odd:')) odd += id.startsWith('odd:') ? 1 : 0
  const policy = { idleMs: 1000, prefix: 'odd:1' }
  const pruned = [await pruneSessions(store, { ...policy, dryRun: true }), await pruneSessions(store, policy), await pruneSessions(store, policy)]
  return { all: all.size, odd, longest: longest(), pruned: pruned.map(({ sessions }) => sessions) }
}

/** Ids of odd numbers that begin with 1: 1, 1x, 1xx, 1xxx. */
const ONES = 1 + 5 + 50 + 500
/** No more than a page is in memory at once. */
const SEEN = { all: MANY, odd: MANY / 2, longest: 256, pruned: [ONES, ONES, 0] }

describe('ten thousand sessions', () => {
  test('in SQLite', async () => {
    const place = sqlitePlace()
    const store = await place.open({ durability: 'process' })
    for (let from = 0; from < MANY; from += 100) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const id = idOf(from + index)
          const answer = await store.acquire(id, 'a', 60_000)
          const epoch = answer.lease?.epoch as number
          await store.write(id, epoch, { revision: 1, createdAt: 1, schema: 1, snapshotKey: '', hash: 'h', bytes: 0, storedBytes: 1, chunks: [], head: new Uint8Array([1]) }, [])
          await store.release(id, epoch)
        }),
      )
    }
    expect(await tour(store)).toEqual(SEEN)
    await store.close()
    place.remove()
  }, 300_000)

  describePostgres('with a server', (server) => {
    test('in PostgreSQL', async () => {
      const place = postgresPlace(server())
      const store = await place.open()
      server().sql(
        `INSERT INTO isoseed_session (id, created_at, newest) SELECT CASE WHEN i % 2 = 0 THEN 'even:' ELSE 'odd:' END || i, 1, 1 FROM generate_series(0, ${MANY - 1}) AS i;
         INSERT INTO isoseed_revision SELECT number, 1, 1, 1, '', 'h', 0, 1, '', '\\x01' FROM isoseed_session`,
        place.schema,
      )
      expect(await tour(store)).toEqual(SEEN)
      await store.close()
    }, 300_000)
  })
})
