import { openStore } from '../store/native-store.js'
import type { Store } from '../store/types.js'

/** A store that is in use. */
interface Shared {
  readonly opened: Promise<Store>
  users: number
}

/** By location as it was given: all sessions of one share its connections. */
const shared = new Map<string, Shared>()

/** In memory: it lives as long as the environment, or nothing in it would be found again. */
const MEMORY = 'memory:'

/** Keeps a store open until it is let go of. */
export interface StoreUse {
  readonly store: Store
  /** Closes it if nobody else uses it. */
  release(): Promise<void>
}

/**
 * Opens the store at a location, unless it is; what the user opened is the user's to close.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` for a location that is none
 * @throws `IsoseedError` with `ERR_STORE`
 */
export async function useStore(store: Store | string): Promise<StoreUse> {
  if (typeof store !== 'string') return { store, release: () => Promise.resolve() }
  const known = shared.get(store)
  const entry = known ?? { opened: openStore(store), users: 0 }
  if (known === undefined) shared.set(store, entry)
  entry.users += 1
  try {
    return { store: await entry.opened, release: () => letGo(store, entry) }
  } catch (error) {
    if (shared.get(store) === entry) shared.delete(store)
    throw error
  }
}

async function letGo(location: string, entry: Shared): Promise<void> {
  entry.users -= 1
  if (entry.users > 0 || location === MEMORY) return
  shared.delete(location)
  await (await entry.opened).close()
}
