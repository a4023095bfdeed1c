import { CheckedStore } from '../store/answers.js'
import { openStore } from '../store/native-store.js'
import { checkLocation } from '../store/open-options.js'
import type { Store } from '../store/types.js'

/** A store that is in use. */
interface Shared {
  readonly opened: Promise<Store>
  users: number
}

/** By location: all sessions of one share its connections. */
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
  if (typeof store !== 'string') return { store: new CheckedStore(store), release: () => Promise.resolve() }
  // With its path resolved: the process may go to another folder.
  const location = checkLocation('openStore', store)
  const known = shared.get(location)
  const entry = known ?? { opened: openStore(location), users: 0 }
  if (known === undefined) shared.set(location, entry)
  entry.users += 1
  try {
    return { store: await entry.opened, release: () => letGo(location, entry) }
  } catch (error) {
    if (shared.get(location) === entry) shared.delete(location)
    throw error
  }
}

async function letGo(location: string, entry: Shared): Promise<void> {
  entry.users -= 1
  if (entry.users > 0 || location === MEMORY) return
  shared.delete(location)
  await (await entry.opened).close()
}
