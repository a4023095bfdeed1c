import { connect } from './connection.js'
import { checkVerifyOptions } from './options.js'
import type { VerifyRequest } from './options.js'
import { nativeSnapshot } from './snapshot.js'
import type { Snapshot } from './snapshot.js'
import type { IsolationReport, VerifyIsolationOptions } from './report-types.js'

/**
 * Proves for one snapshot that a session can't change another: a hostile
 * session changes all it can reach, and a session made after it is compared,
 * over everything reachable from its global, with one that nobody touched.
 *
 * A leak does not reject: read `ok` and `leaks`.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
 * @throws `IsoseedError` if a session can't be started or compared
 */
export function verifyIsolation(snapshot: Snapshot, options?: VerifyIsolationOptions): Promise<IsolationReport> {
  return verify(checkVerifyOptions(snapshot, options, nativeSnapshot))
}

async function verify({ snapshot, memoryLimitMb, timeoutMs, hostile }: VerifyRequest): Promise<IsolationReport> {
  const connection = connect()
  const options = { memoryLimitMb, timeoutMs, ...(hostile === undefined ? {} : { hostile }) }
  const event = await connection.request((id) => connection.native.verifyIsolation(id, snapshot, options), { owner: snapshot })
  return JSON.parse(event.json as string) as IsolationReport
}
