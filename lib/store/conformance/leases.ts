import assert from 'node:assert/strict'
import { LONG_MS, assertNewest, given, refused, revisionOf, take, takeOver, text, write } from './world.js'
import type { Body } from './world.js'

/** Short enough to wait for. */
const SHORT_MS = 100

/** Who may write. */
export const leases: Record<string, Body> = {
  'one has a lease at a time, and the answer names the holder and the end': async (world) => {
    const store = await world.open()
    const before = await take(store, 's', 'host a')
    assert.equal(before.holder, 'host a')
    assert.ok(Number.isSafeInteger(before.epoch) && before.epoch > 0, 'an epoch is a whole number from 1 on')
    assert.ok(Number.isSafeInteger(before.expiresAt))
    assert.deepEqual(refused(await store.acquire('s', 'host b', LONG_MS), 'host a'), before)
    // A host that was started anew is not who it was.
    refused(await store.acquire('s', 'host a', LONG_MS), 'host a')
    await take(store, 'other', 'host b')
  },

  'of several that ask at once one gets the lease': async (world) => {
    const stores = [await world.open(), await world.open()] as const
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => stores[index % 2 === 0 ? 0 : 1].acquire('s', `host ${index}`, LONG_MS)))
    const winners = answers.filter(({ held }) => held)
    assert.equal(winners.length, 1)
    for (const { lease } of answers) assert.deepEqual(lease, winners[0]?.lease)
  },

  'a released lease can be taken at once, with a greater epoch': async (world) => {
    const store = await world.open()
    const before = await take(store, 's', 'a')
    await store.release('s', before.epoch)
    const after = await take(store, 's', 'b')
    assert.ok(after.epoch > before.epoch)
    // Too late: the lease is somebody else's.
    await store.release('s', before.epoch)
    refused(await store.acquire('s', 'c', LONG_MS), 'b')
  },

  'nobody writes or renews under a released lease': async (world) => {
    const store = await world.open()
    const { epoch } = await take(store, 's')
    const first = await write(store, 's', epoch, 1, [text('a')])
    await store.release('s', epoch)
    await store.release('s', epoch)
    assert.deepEqual(await store.write('s', epoch, revisionOf(2, []), []), { status: 'fenced' })
    assert.deepEqual(await store.renew('s', epoch, LONG_MS), { held: false })
    await assertNewest(store, 's', first, [text('a')])
  },

  'a lease that ended is taken over, and its holder writes nothing any more': async (world) => {
    const stores = [await world.open(), await world.open()] as const
    const before = await take(stores[0], 's', 'a', SHORT_MS)
    const first = await write(stores[0], 's', before.epoch, 1, [text('a')])
    const after = await takeOver(stores[1], 's', 'b')
    assert.ok(after.epoch > before.epoch)
    assert.ok(after.expiresAt > before.expiresAt)
    assert.deepEqual(await stores[0].write('s', before.epoch, revisionOf(2, [text('b')]), [text('b')]), { status: 'fenced', lease: after })
    refused(await stores[0].renew('s', before.epoch, LONG_MS), 'b')
    await stores[0].release('s', before.epoch)
    await assertNewest(stores[1], 's', first, [text('a')])
    assert.deepEqual(await stores[1].chunks('s', [text('b').key]), [undefined], 'a refused write leaves no chunk')
    await write(stores[1], 's', after.epoch, 2, [text('b')])
  },

  'a lease that ended is good until somebody takes it over': async (world) => {
    const store = await world.open()
    const before = await take(store, 's', 'a', 1)
    const until = Date.now() + 10_000
    while ((await store.find('s'))?.lease !== undefined) assert.ok(Date.now() < until, 'the lease must end')
    const first = await write(store, 's', before.epoch, 1, [text('a')])
    const renewed = given(await store.renew('s', before.epoch, LONG_MS))
    assert.equal(renewed.epoch, before.epoch)
    assert.equal(renewed.holder, 'a')
    refused(await store.acquire('s', 'b', LONG_MS), 'a')
    await assertNewest(store, 's', first, [text('a')])
  },

  'renewing moves the end': async (world) => {
    const store = await world.open()
    const before = await take(store, 's', 'a', 1000)
    const after = given(await store.renew('s', before.epoch, LONG_MS))
    assert.ok(after.expiresAt > before.expiresAt + LONG_MS / 2)
    assert.deepEqual(refused(await store.acquire('s', 'b', LONG_MS), 'a'), after)
    assert.deepEqual(await store.renew('none', before.epoch, LONG_MS), { held: false })
  },

  'an epoch that was never given writes nothing': async (world) => {
    const store = await world.open()
    assert.deepEqual(await store.write('s', 1, revisionOf(1, []), []), { status: 'fenced' })
    const lease = await take(store, 's')
    for (const epoch of [0, lease.epoch - 1, lease.epoch + 1]) {
      assert.deepEqual(await store.write('s', epoch, revisionOf(1, []), []), { status: 'fenced', lease })
    }
    // Other sessions' epochs are not this one's.
    const other = await take(store, 'other')
    await store.release('other', other.epoch)
    await take(store, 'other')
    assert.equal((await store.read('s')).newest, 0)
  },

  'who had a session that was deleted does not write to its successor': async (world) => {
    const store = await world.open()
    const before = await take(store, 's', 'a', 1)
    await write(store, 's', before.epoch, 1, [text('a')])
    const until = Date.now() + 10_000
    while ((await store.delete('s')) !== undefined) assert.ok(Date.now() < until, 'the lease must end')
    assert.deepEqual(await store.renew('s', before.epoch, LONG_MS), { held: false })
    const after = await take(store, 's', 'b')
    assert.ok(after.epoch > before.epoch)
    assert.deepEqual(await store.write('s', before.epoch, revisionOf(1, []), []), { status: 'fenced', lease: after })
  },

  'a lease holds for whoever opens the store': async (world) => {
    const one = await world.open()
    const lease = await take(one, 's', 'a')
    const other = await world.open()
    assert.deepEqual(refused(await other.acquire('s', 'b', LONG_MS), 'a'), lease)
    await write(other, 's', lease.epoch, 1, [text('a')])
    assert.deepEqual((await one.find('s'))?.lease, lease)
  },
}
