// States that isoseed's sessions keep: one session whose state is large, or any number of small ones.
import { openSession, openStore } from 'isoseed'
import type { CreateIsolateOptions, Session } from 'isoseed'
import { check, records } from '../tasks.ts'
import type { KeptIn } from '../protocol.ts'
import type { Keeper, Visits } from './adapter.ts'
import { ALL_PRICES, ANSWER, ONE_PRICE } from './file.ts'

/** Open as long as the contender is: a host opens its store once. */
async function opened(place: KeptIn): ReturnType<typeof openStore> {
  if (place.kind !== 'store') throw new Error(`sessions are not kept in a ${place.kind}`)
  return openStore(place.location, { durability: place.durability })
}

/** One session of its own, in a store that is open. */
export async function sessionKeeper(place: KeptIn, size: number, seed: CreateIsolateOptions, memoryLimitMb: number): Promise<Keeper> {
  const store = await opened(place)
  const open = (): Promise<Session> => openSession(`kept ${process.pid} ${size}`, { ...seed, store, memoryLimitMb })
  let session = await open()
  // A turn before may have left one.
  await session.eval(`state.count = 0; state.records = ${JSON.stringify(records(size))}; 0`)
  return {
    change: (all) => session.eval(all ? ALL_PRICES : ONE_PRICE),
    suspend: () => session.close(),
    async resume() {
      session = await open()
      check(session.resumed, true)
      return session.eval(ANSWER)
    },
    async close() {
      await session.close()
      await store.close()
    },
  }
}

/** As many as there are ids. */
export async function sessionVisits(place: KeptIn, seed: CreateIsolateOptions, memoryLimitMb: number): Promise<Visits> {
  const store = await opened(place)
  return {
    async open(id) {
      const session = await openSession(id, { ...seed, store, memoryLimitMb })
      return { step: () => session.eval('state.visits = (state.visits ?? 0) + 1'), close: () => session.close() }
    },
    close: () => store.close(),
  }
}
