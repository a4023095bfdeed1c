import { fileURLToPath } from 'node:url'
import type { NativeStoreOptions } from '../../native.js'
import { Given, MAX_TIMEOUT_MS, checkPath, wrong } from '../checks.js'
import { invalidArg } from '../misuse.js'

/** Options of `openStore`. An unknown option is refused. */
export interface OpenStoreOptions {
  /**
   * SQLite only: what an acknowledged step survives. `'power'`: a power cut; each step waits for the disk.
   * `'process'`: the end of the process, however it ends; a power cut may take the last steps, and nothing
   * before them.
   *
   * @default 'power'
   */
  durability?: 'power' | 'process'
  /**
   * PostgreSQL only: at most so many connections at once; an integer from 1 to 1000.
   *
   * @default 10
   */
  maxConnections?: number
  /**
   * For so long, in milliseconds, an operation is tried again when the connection is lost and another
   * attempt is safe; an integer from 0 to 2147483647.
   *
   * @default 5000
   */
  retryMs?: number
  /**
   * An attempt takes at most so long, in milliseconds, waiting for a connection included; an integer from
   * 1 to 2147483647. Past it, the connection counts as lost.
   *
   * @default 30000
   */
  timeoutMs?: number
}

const DEFAULT_CONNECTIONS = 10
const DEFAULT_RETRY_MS = 5000
const DEFAULT_TIMEOUT_MS = 30_000

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkOpenStore(location: unknown, options: unknown): NativeStoreOptions {
  const given = new Given('openStore', options === undefined ? {} : options, ['durability', 'maxConnections', 'retryMs', 'timeoutMs'])
  return {
    location: checkLocation(given.where, location),
    full: given.choice('durability', ['power', 'process']) === 'power',
    maxConnections: given.integer('maxConnections', [1, 1000], DEFAULT_CONNECTIONS),
    retryMs: given.integer('retryMs', [0, MAX_TIMEOUT_MS], DEFAULT_RETRY_MS),
    timeoutMs: given.integer('timeoutMs', [1, MAX_TIMEOUT_MS], DEFAULT_TIMEOUT_MS),
  }
}

/**
 * A store's location, with the path in it resolved.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkLocation(where: string, location: unknown): string {
  const expected = "'memory:', 'sqlite:' with a path, or 'postgres://…'"
  if (typeof location !== 'string') throw wrong(where, 'location', expected, location)
  if (location === 'memory:') return location
  if (location.startsWith('sqlite:')) {
    const path = location.slice('sqlite:'.length)
    // As other tools write it; what is left is a path as it stands, whatever signs it has.
    return `sqlite:${checkPath(where, 'location', path.startsWith('//') ? fileURLToPath(`file:${path}`) : path)}`
  }
  if (/^postgres(?:ql)?:\/\//.test(location) && URL.canParse(location)) return location
  // Not shown: it may have a password.
  throw invalidArg(`${where}: location must be ${expected}; it begins with ${JSON.stringify(location.slice(0, location.indexOf(':') + 1) || location.slice(0, 10))}`)
}
