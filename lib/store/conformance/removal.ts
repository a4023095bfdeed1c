import assert from 'node:assert/strict'
import { assertChunks, assertNewest, take, text, write } from './world.js'
import type { Body } from './world.js'

const ALL = Number.MAX_SAFE_INTEGER

/** What goes, and what stays. */
export const removal: Record<string, Body> = {
  'a session is deleted with all it has, and only it': async (world) => {
    const store = await world.open()
    for (const id of ['s', 't']) {
      const { epoch } = await take(store, id)
      await write(store, id, epoch, 1, [text('a')])
      await store.release(id, epoch)
    }
    assert.equal(await store.delete('s'), undefined)
    assert.deepEqual(await store.read('s'), { newest: 0 })
    assert.deepEqual(await store.chunks('s', [text('a').key]), [undefined])
    assert.deepEqual(await store.history('s', 10), [])
    assert.deepEqual((await store.list('', 10)).map(({ id }) => id), ['t'])
    await assertChunks(store, 't', [text('a')])
    // It begins again.
    const { epoch } = await take(store, 's')
    await write(store, 's', epoch, 1, [text('b')])
  },

  'a session that somebody has is not deleted': async (world) => {
    const store = await world.open()
    const lease = await take(store, 's', 'a')
    const first = await write(store, 's', lease.epoch, 1, [text('a')])
    assert.deepEqual(await store.delete('s'), lease)
    await assertNewest(store, 's', first, [text('a')])
  },

  'the newest revisions stay, and so do the chunks that they have': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    for (let number = 1; number <= 5; number++) await write(store, 's', epoch, number, [text('shared'), text(`only ${number}`)])
    const sixth = await write(store, 's', epoch, 6, [text('shared'), text('only 2')])
    const plan = await store.prune('s', { keep: 2, before: ALL, dryRun: true })
    assert.equal(plan.revisions, 4)
    assert.ok(plan.bytes > 0)
    assert.equal((await store.history('s', 10)).length, 6, 'a dry run removes nothing')
    await assertChunks(store, 's', [1, 2, 3, 4, 5].map((number) => text(`only ${number}`)))
    assert.deepEqual(await store.prune('s', { keep: 2, before: ALL, dryRun: false }), plan)
    assert.deepEqual((await store.history('s', 10)).map(({ revision }) => revision), [6, 5])
    await assertNewest(store, 's', sixth, [text('shared'), text('only 2'), text('only 5')])
    assert.deepEqual(await store.chunks('s', [1, 3, 4].map((number) => text(`only ${number}`).key)), [undefined, undefined, undefined])
    assert.deepEqual(await store.prune('s', { keep: 2, before: ALL, dryRun: false }), { revisions: 0, bytes: 0 })
    await write(store, 's', epoch, 7, [text('only 5')])
  },

  'only what is old goes': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    for (let number = 1; number <= 4; number++) await write(store, 's', epoch, number, [text(`${number}`)], { createdAt: number * 1000 })
    assert.equal((await store.prune('s', { keep: 1, before: 1000, dryRun: false })).revisions, 0)
    assert.equal((await store.prune('s', { keep: 1, before: 2001, dryRun: false })).revisions, 2)
    assert.deepEqual((await store.history('s', 10)).map(({ revision }) => revision), [4, 3])
    assert.equal((await store.prune('s', { keep: 1, before: ALL, dryRun: false })).revisions, 1)
    assert.deepEqual((await store.history('s', 10)).map(({ revision }) => revision), [4])
  },

  'the newest revision stays, whatever its age': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const first = await write(store, 's', epoch, 1, [text('a')], { createdAt: 0 })
    assert.deepEqual(await store.prune('s', { keep: 1, before: ALL, dryRun: false }), { revisions: 0, bytes: 0 })
    await assertNewest(store, 's', first, [text('a')])
  },

  'revisions of many go at once': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    for (let number = 1; number <= 250; number++) await write(store, 's', epoch, number, [text(`${number % 10}`), text(`only ${number}`)])
    assert.equal((await store.prune('s', { keep: 1, before: ALL, dryRun: false })).revisions, 249)
    assert.deepEqual((await store.history('s', 10)).map(({ revision }) => revision), [250])
    await assertChunks(store, 's', [text('0'), text('only 250')])
    const gone = [...Array.from({ length: 9 }, (_, index) => text(`${index + 1}`)), text('only 1'), text('only 101'), text('only 249')]
    assert.ok((await store.chunks('s', gone.map(({ key }) => key))).every((bytes) => bytes === undefined))
  },

  'a store may be closed twice': async (world) => {
    const store = await world.open()
    await store.close()
    await store.close()
  },
}
