// Every store keeps what the interface promises: isoseed's own, and one that a user wrote.
import { describe, expect, test } from 'vitest'
import { openStore } from 'isoseed'
import type { Store } from 'isoseed'
import { storeConformance } from 'isoseed/store-conformance'
import type { StorePlace } from 'isoseed/store-conformance'
import { MapStore, emptyData } from './map-store.js'
import { describePostgres, postgresPlace, sqlitePlace } from './places.js'

function conforms(makePlace: () => StorePlace): void {
  const checks = storeConformance(makePlace).map(({ name, run }) => [name, run] as const)
  // A machine that is busy with other things makes a disk slow.
  test.each(checks)('%s', async (_, run) => expect(run()).resolves.toBeUndefined(), 60_000)
}

describe('memory:', () => {
  conforms(() => {
    let store: Promise<Store> | undefined
    return { open: () => (store ??= openStore('memory:')) }
  })
})

describe('SQLite', () => {
  conforms(sqlitePlace)
})

describePostgres('PostgreSQL', (server) => conforms(() => postgresPlace(server())))

describe('a store of the user', () => {
  conforms(() => {
    const data = emptyData()
    return { open: () => new MapStore(data) }
  })
})

describe('the suite finds what is broken', () => {
  const broken: Record<string, (data: ReturnType<typeof emptyData>) => Store> = {
    'a lease for everyone': (data) => new (class extends MapStore {
      override acquire(id: string, holder: string, ttlMs: number) {
        const session = this.data.sessions.get(id)
        if (session !== undefined) session.holder = undefined
        return super.acquire(id, holder, ttlMs)
      }
    })(data),
    'no fencing': (data) => new (class extends MapStore {
      override write(id: string, epoch: number, ...rest: [Parameters<Store['write']>[2], Parameters<Store['write']>[3]]) {
        return super.write(id, this.data.sessions.get(id)?.epoch ?? epoch, ...rest)
      }
    })(data),
    'chunks that are not replaced': (data) => new (class extends MapStore {
      override write(id: string, epoch: number, revision: Parameters<Store['write']>[2], chunks: Parameters<Store['write']>[3]) {
        return super.write(id, epoch, revision, chunks.filter(({ key }) => data.sessions.get(id)?.chunks.has(key) !== true))
      }
    })(data),
    'pruned chunks that others need': (data) => new (class extends MapStore {
      override async prune(id: string, policy: Parameters<Store['prune']>[1]) {
        const pruned = await super.prune(id, policy)
        if (pruned.revisions > 0 && !policy.dryRun) data.sessions.get(id)?.chunks.clear()
        return pruned
      }
    })(data),
    'epochs that begin again': (data) => new (class extends MapStore {
      override delete(id: string) {
        data.lastEpoch = 0
        return super.delete(id)
      }
    })(data),
    'a list without its last': (data) => new (class extends MapStore {
      override async list(prefix: string, limit: number, after?: string) {
        return (await super.list(prefix, limit, after)).slice(0, -1)
      }
    })(data),
  }
  test.each(Object.entries(broken))('%s', async (_, make) => {
    const failed: string[] = []
    for (const { name, run } of storeConformance(() => {
      const data = emptyData()
      return { open: () => make(data) }
    })) {
      await run().catch(() => failed.push(name))
    }
    expect(failed).not.toHaveLength(0)
  })
})
