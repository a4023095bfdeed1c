import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { StoredRevision } from '../types.js'
import { assertChunks, assertNewest, assertSame, chunkOf, revisionOf, take, text, write } from './world.js'
import type { Body } from './world.js'

/** What becomes of what is written. */
export const revisions: Record<string, Body> = {
  'a session that nobody opened has nothing': async (world) => {
    const store = await world.open()
    assert.deepEqual(await store.read('none'), { newest: 0 })
    assert.deepEqual(await store.read('none', 1), { newest: 0 })
    assert.deepEqual(await store.chunks('none', ['00'.repeat(16)]), [undefined])
    assert.deepEqual(await store.history('none', 10), [])
    assert.equal(await store.find('none'), undefined)
    assert.deepEqual(await store.prune('none', { keep: 1, before: Number.MAX_SAFE_INTEGER, dryRun: false }), { revisions: 0, bytes: 0 })
    assert.equal(await store.delete('none'), undefined)
  },

  'a revision comes back as it was written': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const chunks = [text('one'), text('two')]
    const first = await write(store, 's', epoch, 1, chunks)
    await assertNewest(store, 's', first, chunks)
    const more: Partial<StoredRevision> = { createdAt: 0, schema: 2 ** 40, snapshotKey: '', hash: 'é'.repeat(40), bytes: Number.MAX_SAFE_INTEGER, storedBytes: 0 }
    const second = await write(store, 's', epoch, 2, [text('three')], more)
    await assertNewest(store, 's', second, [...chunks, text('three')])
    assertSame((await store.read('s', 1)).revision, first)
    assert.deepEqual(await store.read('s', 3), { newest: 2, createdAt: (await store.find('s'))?.createdAt })
  },

  'a revision may have no chunk, or one more than once': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const empty = await write(store, 's', epoch, 1, [])
    await assertNewest(store, 's', empty, [])
    const again = revisionOf(2, [text('a'), text('b'), text('a')])
    assert.deepEqual(await store.write('s', epoch, again, [text('a'), text('b')]), { status: 'written' })
    await assertNewest(store, 's', again, [text('a'), text('b')])
  },

  'a revision of many long chunks comes back': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const chunks = Array.from({ length: 150 }, (_, index) => chunkOf(randomBytes(index % 50 === 0 ? 129 * 1024 : 1000)))
    const first = await write(store, 's', epoch, 1, chunks)
    await assertNewest(store, 's', first, chunks)
    // One more, and all the others as they are.
    const fresh = text('fresh')
    const second = revisionOf(2, [...chunks, fresh])
    assert.deepEqual(await store.write('s', epoch, second, [fresh]), { status: 'written' })
    await assertNewest(store, 's', second, [...chunks, fresh])
  },

  'chunks come in the order of their names, wherever they are missing': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    await write(store, 's', epoch, 1, [text('a'), text('b')])
    const found = await store.chunks('s', [text('b').key, text('c').key, text('a').key])
    assert.deepEqual(found.map((bytes) => bytes && Buffer.from(bytes).toString()), ['b', undefined, 'a'])
  },

  'a session does not see the chunks of another': async (world) => {
    const store = await world.open()
    const one = await take(store, 'one')
    await write(store, 'one', one.epoch, 1, [text('a')])
    const two = await take(store, 'two')
    assert.deepEqual(await store.chunks('two', [text('a').key]), [undefined])
    assert.deepEqual(await store.write('two', two.epoch, revisionOf(1, [text('a')]), []), { status: 'missing', keys: [text('a').key] })
  },

  'a revision that names missing chunks is not written, and they are named': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const first = await write(store, 's', epoch, 1, [text('a')])
    const answer = await store.write('s', epoch, revisionOf(2, [text('a'), text('b'), text('c')]), [text('b')])
    assert.deepEqual(answer, { status: 'missing', keys: [text('c').key] })
    await assertNewest(store, 's', first, [text('a')])
  },

  'a revision that does not follow is not written': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    assert.deepEqual(await store.write('s', epoch, revisionOf(2, []), []), { status: 'conflict', newest: 0 })
    await write(store, 's', epoch, 1, [])
    const second = await write(store, 's', epoch, 2, [])
    for (const number of [1, 2, 4]) {
      assert.deepEqual(await store.write('s', epoch, revisionOf(number, []), []), { status: 'conflict', newest: 2 })
    }
    await assertNewest(store, 's', second, [])
  },

  'the newest revision written again is written': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const first = await write(store, 's', epoch, 1, [text('a')])
    assert.deepEqual(await store.write('s', epoch, first, [text('a')]), { status: 'written' })
    assert.equal((await store.history('s', 10)).length, 1)
    await assertNewest(store, 's', first, [text('a')])
  },

  'a chunk that is given anew replaces the one that is there': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const good = text('good')
    await write(store, 's', epoch, 1, [{ key: good.key, bytes: new Uint8Array([1, 2, 3]) }])
    await write(store, 's', epoch, 2, [good])
    await assertChunks(store, 's', [good])
  },

  'of several writes of one number one is done': async (world) => {
    const stores = [await world.open(), await world.open()] as const
    const { epoch } = await take(stores[0], 's')
    const made = Array.from({ length: 8 }, () => revisionOf(1, [text('a')]))
    const answers = await Promise.all(made.map((revision, index) => stores[index % 2 === 0 ? 0 : 1].write('s', epoch, revision, [text('a')])))
    const done = made.filter((_, index) => answers[index]?.status === 'written')
    assert.equal(done.length, 1)
    for (const answer of answers) if (answer.status !== 'written') assert.deepEqual(answer, { status: 'conflict', newest: 1 })
    await assertNewest(stores[1], 's', done[0] as StoredRevision, [text('a')])
  },

  'many sessions are written at once, each by itself': async (world) => {
    const stores = [await world.open(), await world.open()] as const
    const ids = Array.from({ length: 20 }, (_, index) => `s${index}`)
    await Promise.all(
      ids.map(async (id, index) => {
        const store = stores[index % 2 === 0 ? 0 : 1]
        const { epoch } = await take(store, id)
        for (let number = 1; number <= 5; number++) await write(store, id, epoch, number, [text(`${id} ${number}`)])
      }),
    )
    for (const id of ids) {
      assert.equal((await stores[0].read(id)).newest, 5)
      await assertChunks(stores[0], id, [1, 2, 3, 4, 5].map((number) => text(`${id} ${number}`)))
    }
  },
}
