import assert from 'node:assert/strict'
import type { Store } from '../types.js'
import { take, text, write } from './world.js'
import type { Body } from './world.js'

/** Ids that a store could take for one another, or for a pattern. */
const ODD = ['a', 'A', 'a ', ' a', 'a%', 'a_', 'ab', "a'b", 'a"b', 'a\\b', 'a/b', 'é', 'e\u0301', '\u{1F600}', '\uFF5E', '\uD7FF', '\uE000', 'x'.repeat(512), '\u{10FFFF}'.repeat(128)]

async function make(store: Store, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { epoch } = await take(store, id)
    await write(store, id, epoch, 1, [text(id)])
  }
}

/** All ids, from pages of this length. */
async function idsOf(store: Store, prefix: string, limit: number): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ; after = ids.at(-1)) {
    const page = await store.list(prefix, limit, after)
    assert.ok(page.length <= limit, 'a page is at most as long as was asked for')
    ids.push(...page.map(({ id }) => id))
    if (page.length < limit) return ids
  }
}

/** What there is. */
export const lists: Record<string, Body> = {
  'every id is a session of its own': async (world) => {
    const store = await world.open()
    await make(store, ODD)
    for (const id of ODD) {
      assert.equal((await store.find(id))?.id, id)
      const { revision } = await store.read(id)
      assert.deepEqual(revision?.chunks, [text(id).key])
    }
  },

  'a list has every session once, whatever the length of its pages': async (world) => {
    const store = await world.open()
    await make(store, ODD)
    for (const limit of [1, 2, 7, ODD.length, 1000]) {
      assert.deepEqual((await idsOf(store, '', limit)).toSorted(), ODD.toSorted(), `pages of ${limit}`)
    }
  },

  'a prefix is taken as it stands': async (world) => {
    const store = await world.open()
    await make(store, ODD)
    for (const prefix of [...ODD, 'a', 'x', 'none', '%', '_', '\u{10FFFF}']) {
      assert.deepEqual((await idsOf(store, prefix, 3)).toSorted(), ODD.filter((id) => id.startsWith(prefix)).toSorted(), JSON.stringify(prefix))
    }
  },

  'a session without a revision is not listed': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    assert.deepEqual(await store.list('', 10), [])
    assert.equal(await store.find('s'), undefined)
    await store.release('s', epoch)
    assert.deepEqual(await store.list('', 10), [])
  },

  'a record tells what there is of a session': async (world) => {
    const store = await world.open()
    const lease = await take(store, 's', 'a')
    const first = await write(store, 's', lease.epoch, 1, [text('one')])
    const { chunks: _, head: __, ...newest } = await write(store, 's', lease.epoch, 2, [text('two')])
    const found = await store.find('s')
    assert.ok(found !== undefined && Number.isSafeInteger(found.createdAt))
    const expected = { id: 's', createdAt: found.createdAt, newest, revisions: 2, storedBytes: first.storedBytes + newest.storedBytes, lease }
    assert.deepEqual(found, expected)
    assert.deepEqual(await store.list('', 10), [expected])
    await store.release('s', lease.epoch)
    assert.equal((await store.find('s'))?.lease, undefined)
    assert.deepEqual(await store.list('', 10), [await store.find('s')])
  },

  'history has every revision once, the newest first': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const expected = []
    for (let number = 1; number <= 7; number++) {
      const { chunks: _, head: __, ...meta } = await write(store, 's', epoch, number, [text(`${number}`)])
      expected.unshift(meta)
    }
    assert.deepEqual(await store.history('s', 100), expected)
    const pages = [...(await store.history('s', 3)), ...(await store.history('s', 3, 5)), ...(await store.history('s', 3, 2))]
    assert.deepEqual(pages, expected)
    assert.deepEqual(await store.history('s', 3, 1), [])
  },
}
