import { IsoseedError } from '../errors.js'
import type { IsolateCore } from '../isolate-core.js'
import type { RemoteFunction } from '../remote-function.js'
import type { StateSchema } from './types.js'

/** What a state was saved with. */
export interface SavedUnder {
  readonly schema: number
  readonly snapshotKey: string
}

/**
 * Refuses a state that this code can't work with.
 *
 * @throws `IsoseedError` with `ERR_SESSION_SCHEMA`
 */
export function checkSchema(session: string, { schema }: SavedUnder, { version, migrate: step }: StateSchema): void {
  if (schema === version || (schema < version && step !== undefined)) return
  const why = schema > version ? 'newer code has saved it' : 'there is no schema.migrate'
  throw new IsoseedError('ERR_SESSION_SCHEMA', `the state of session ${JSON.stringify(session)} has schema version ${schema} and not ${version}, and ${why}`)
}

/**
 * Brings the state of an isolate up to date, if it is older.
 *
 * @throws `IsoseedError` with `ERR_SESSION_SCHEMA` if `migrate` throws, or a value can't be cloned
 */
export async function migrate(
  session: string,
  isolate: IsolateCore,
  name: string,
  from: SavedUnder,
  { version, migrate: step }: StateSchema,
  timeoutMs: number | undefined,
): Promise<void> {
  if (from.schema >= version || step === undefined) return
  const run = (code: string): Promise<unknown> => isolate.eval({ source: { name: 'isoseed:migrate', code }, timeoutMs, signal: undefined })
  try {
    const next: unknown = await step(await run(`globalThis.${name}`), { version: from.schema, snapshotKey: from.snapshotKey })
    using set = (await run(`(state) => void (globalThis.${name} = state)`)) as RemoteFunction<[unknown], void>
    await set(next)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const what = `the state of session ${JSON.stringify(session)} can't be brought from schema version ${from.schema} to ${version}`
    throw new IsoseedError('ERR_SESSION_SCHEMA', `${what}: ${why}`, { cause })
  }
}
