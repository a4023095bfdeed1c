// isoseed: an isolate from the snapshot, for each first result.
import { Snapshot, createIsolate } from 'isoseed'
import type { Api } from '../demo/guest.ts'
import type { Contender } from './contender.ts'
import type { Work } from './work.ts'

export async function makeIsoseed({ snapshotFile, order }: Work): Promise<Contender> {
  const snapshot = await Snapshot.load(snapshotFile)
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
