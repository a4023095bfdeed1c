import { loadNative } from './addon.js'
import { checkCacheLimits } from './options.js'
import type { SnapshotCacheLimits, SnapshotCacheStats } from './snapshot-types.js'

/** The type of `snapshotCache`. */
export interface SnapshotCache {
  /**
   * What the cache holds and does.
   *
   * @throws `IsoseedError` with `ERR_ADDON_LOAD`
   */
  stats(): SnapshotCacheStats
  /**
   * Drops the snapshots in memory, and forgets which builds failed. Builds that run go on, and are
   * kept when they are done. Directories stay as they are: deleting one, or files in it, is safe at
   * any time, even while builds use it.
   *
   * @throws `IsoseedError` with `ERR_ADDON_LOAD`
   */
  clear(): void
  /**
   * Sets how much the snapshots in memory, and those in each directory, may take. The memory is made
   * to fit at once, a directory when a snapshot is written to it.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` for a wrong limit
   * @throws `IsoseedError` with `ERR_ADDON_LOAD`
   */
  setLimits(limits: SnapshotCacheLimits): void
}

/**
 * The built snapshots that `buildSnapshot` keeps in memory, and what it remembers of failed builds.
 * One for the whole process: Workers share it.
 */
export const snapshotCache: SnapshotCache = Object.freeze({
  stats: () => JSON.parse(loadNative().snapshotCacheStats()) as SnapshotCacheStats,
  clear: () => loadNative().clearSnapshotCache(),
  setLimits: (limits: SnapshotCacheLimits) => {
    const { memoryMb, directoryMb } = checkCacheLimits(limits)
    loadNative().limitSnapshotCache(memoryMb, directoryMb)
  },
})
