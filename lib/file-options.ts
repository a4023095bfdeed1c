import { Given, checkOrigin, checkPath } from './checks.js'

/** What `Snapshot.load` needs. */
export interface LoadRequest {
  from: string | Uint8Array
  /** In lower case, as the native side compares it. */
  sha256: string | undefined
}

/** What `snapshot.save` needs. */
export interface SaveRequest {
  path: string
  compressed: boolean
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkLoad(from: unknown, options: unknown): LoadRequest {
  const given = new Given('Snapshot.load', options === undefined ? {} : options, ['sha256'])
  const sha256 = given.get('sha256')
  if (sha256 !== undefined && !isSha256(sha256)) throw given.fail('sha256', '64 hexadecimal digits')
  return { from: checkOrigin(given.where, 'from', from), sha256: sha256?.toLowerCase() }
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkSave(path: unknown, options: unknown): SaveRequest {
  const given = new Given('snapshot.save', options === undefined ? {} : options, ['compression'])
  return { path: checkPath(given.where, 'path', path), compressed: given.choice('compression', ['none', 'zstd']) === 'zstd' }
}

function isSha256(value: unknown): value is string {
  return typeof value === 'string' && /^[\da-f]{64}$/i.test(value)
}
