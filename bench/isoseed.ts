// isoseed: an isolate from the snapshot, for each first result; fresh, or held ready.
import { Snapshot, createIsolate } from 'isoseed'
import type { Api } from '../demo/guest.ts'
import type { Contender } from './contender.ts'
import { SESSIONS_A_TURN } from './work.ts'
import type { Work } from './work.ts'

/** Every session of a turn finds one that is ready. */
export async function makePrewarmed(work: Work): Promise<Contender> {
  const snapshot = await Snapshot.load(work.snapshotFile)
  const { firstResult } = contender(snapshot, work)
  await snapshot.prewarm(SESSIONS_A_TURN)
  return {
    async firstResult() {
      const measured = await firstResult()
      // Made again here, not during another contender's turn.
      await snapshot.prewarm(SESSIONS_A_TURN)
      return measured
    },
  }
}

export async function makeIsoseed(work: Work): Promise<Contender> {
  return contender(await Snapshot.load(work.snapshotFile), work)
}

function contender(snapshot: Snapshot, { order }: Work): Contender {
  return {
    async firstResult() {
      const started = performance.now()
      const isolate = await createIsolate<Api>({ snapshot })
      const answer = await isolate.api.shop.processOrder(order)
      const ms = performance.now() - started
      await isolate.dispose()
      return { ms, answer }
    },
    async roundTrip(calls) {
      const isolate = await createIsolate<Api>({ snapshot })
      const { shop } = isolate.api
      await shop.visit()
      const started = performance.now()
      let last = 0
      for (let count = 0; count < calls; count += 1) last = await shop.visit()
      const ms = (performance.now() - started) / calls
      await isolate.dispose()
      if (last !== calls + 1) throw new Error(`wrong answer: ${last}`)
      return ms
    },
  }
}
