import { connect } from './connection.js'
import { checkVerifyOptions } from './options.js'
import type { VerifyRequest } from './options.js'
import { nativeSnapshot } from './snapshot.js'
import type { Snapshot } from './snapshot.js'
import type { IsolationReport, VerifyIsolationOptions } from './report-types.js'

/**
 * Proves for one snapshot that a session can't change another: hostile
 * sessions change and call all they can reach, and sessions made beside and
 * after them are compared with one that nobody touched.
 *
 * Compared is everything that JavaScript can see of a session, also what no
 * property leads to: variables that functions keep, private fields, what
 * promises and weak maps hold. What V8 does for itself (compiled code, caches,
 * forms of strings and numbers) does not count. `coverage` says how much was
 * attacked and compared.
 *
 * A leak does not reject: read `ok` and `leaks`. The snapshot's functions and
 * getters run in the hostile sessions, with unexpected arguments, where host
 * functions answer nothing.
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
