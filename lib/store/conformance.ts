/**
 * `isoseed/store-conformance`: the checks that every `Store` must pass, for any test runner.
 */
import { leases } from './conformance/leases.js'
import { lists } from './conformance/lists.js'
import { removal } from './conformance/removal.js'
import { revisions } from './conformance/revisions.js'
import { World } from './conformance/world.js'
import type { Body } from './conformance/world.js'
import type { Store } from './types.js'

/** A place for data: empty at first, and nobody else's. */
export interface StorePlace {
  /**
   * Opens a store on the place's data. It is called twice where two hosts are to meet: the two must see the same
   * data. A store that can't be opened twice may be returned twice.
   */
  open(): Store | Promise<Store>
  /** Removes the place, when every store on it was closed. */
  remove?(): void | Promise<void>
}

/** One thing that a store promises. */
export interface StoreCheck {
  /** What it promises, as a test's name. */
  readonly name: string
  /** Fulfilled if the store keeps it; rejects with an `AssertionError` of `node:assert`, or with what the store failed with. */
  run(): Promise<void>
}

/**
 * The checks, in an order from simple to hard. Each uses a place of its own, so they may run at once; the longest waits
 * for leases of some tenths of a second to end. For example with `node:test`:
 *
 * ```ts
 * import { test } from 'node:test'
 * import { storeConformance } from 'isoseed/store-conformance'
 *
 * for (const { name, run } of storeConformance(() => ({ open: () => new MyStore() }))) test(name, run)
 * ```
 *
 * @param makePlace makes a place of its own for each check
 */
export function storeConformance(makePlace: () => StorePlace | Promise<StorePlace>): readonly StoreCheck[] {
  const bodies: Record<string, Body> = { ...revisions, ...leases, ...lists, ...removal }
  return Object.entries(bodies).map(([name, body]) => ({ name, run: () => inPlace(makePlace, body) }))
}

async function inPlace(makePlace: () => StorePlace | Promise<StorePlace>, body: Body): Promise<void> {
  const place = await makePlace()
  const world = new World(place)
  try {
    await body(world)
  } finally {
    await world.close()
    await place.remove?.()
  }
}
