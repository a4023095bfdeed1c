import { IsoseedError } from '../errors.js'
import type { IsolateCore } from '../isolate-core.js'
import type { RemoteFunction } from '../remote-function.js'
import type { SessionRequest } from './options.js'
import type { StateSchema } from './types.js'

/** What a state was saved with. */
export interface SavedUnder {
  readonly schema: number
  readonly snapshotKey: string
}

/** Brings the state that an isolate has read up to date. */
export interface Upgrade extends Disposable {
  run(): Promise<void>
}

const WITHOUT_CLONE = 'schema.migrate can be the path of a function of the guest, which has the state itself'

/** What a migration needs of a session. */
type MigrationRequest = Pick<SessionRequest, 'schema' | 'stateRequest' | 'timeoutMs'>

/**
 * Refuses a state that this code can't work with.
 *
 * @throws `IsoseedError` with `ERR_SESSION_SCHEMA`
 */
export function checkSchema(session: string, { schema }: SavedUnder, { version, migrate }: StateSchema): void {
  if (schema === version || (schema < version && migrate !== undefined)) return
  const why = schema > version ? 'newer code has saved it' : 'there is no schema.migrate'
  throw new IsoseedError('ERR_SESSION_SCHEMA', `the state of session ${JSON.stringify(session)} has schema version ${schema} and not ${version}, and ${why}`)
}

/**
 * Prepares an isolate for an older state. Before it is read: what a state brings may take the place of the guest's
 * functions.
 *
 * @returns `undefined` if the state is up to date; its `run` rejects with `ERR_SESSION_SCHEMA` if `migrate` fails
 * @throws `IsoseedError` with `ERR_SESSION_SCHEMA` if there is no such function of the guest
 */
export async function upgradeOf(session: string, isolate: IsolateCore, from: SavedUnder, request: MigrationRequest): Promise<Upgrade | undefined> {
  const { version, migrate } = request.schema
  if (from.schema >= version || migrate === undefined) return undefined
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const what = `the state of session ${JSON.stringify(session)} can't be brought from schema version ${from.schema} to ${version}`
      throw new IsoseedError('ERR_SESSION_SCHEMA', `${what}: ${why}`, { cause })
    }
  }
  const upgrade = await told(() => (typeof migrate === 'string' ? byGuest(migrate, isolate, from, request) : byHost(migrate, isolate, from, request)))
  return { run: () => told(() => upgrade.run()), [Symbol.dispose]: () => upgrade[Symbol.dispose]() }
}

/** A function of the guest's has the state itself: nothing is cloned, so nothing is lost. */
async function byGuest(path: string, isolate: IsolateCore, from: SavedUnder, { stateRequest, timeoutMs }: MigrationRequest): Promise<Upgrade> {
  const holder = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : 'undefined'
  const code = `((global, apply, holder, migrate) => {
    'use strict'
    if (typeof migrate !== 'function') throw new TypeError('schema.migrate: ${path} is no function of the guest')
    return async (version, snapshotKey) => {
      const made = await apply(migrate, holder, [global.${stateRequest.state}, { version, snapshotKey }])
      if (made !== undefined) global.${stateRequest.state} = made
    }
  })(this, Reflect.apply, ${holder}, ${path})`
  const run = await evaluated<[number, string], void>(isolate, code, timeoutMs)
  return { run: () => run(from.schema, from.snapshotKey), [Symbol.dispose]: () => run.dispose() }
}

/** A function of the host's has a clone. */
async function byHost(
  migrate: Exclude<StateSchema['migrate'], string | undefined>,
  isolate: IsolateCore,
  from: SavedUnder,
  { stateRequest, timeoutMs }: MigrationRequest,
): Promise<Upgrade> {
  // In strict mode: a state that is read-only says so.
  const code = `((global) => {
    'use strict'
    return (isGiven, value) => isGiven ? void (global.${stateRequest.state} = value) : global.${stateRequest.state}
  })(this)`
  const state = await evaluated<[boolean, unknown?], unknown>(isolate, code, timeoutMs)
  const hash = async (): Promise<string> => (await isolate.exportState(stateRequest, timeoutMs)).hash
  return {
    async run() {
      const before = await hash()
      const given = await state(false).catch((error: IsoseedError) => {
        throw error.code === 'ERR_DATA_CLONE' ? new Error(`${error.message}; ${WITHOUT_CLONE}`, { cause: error }) : error
      })
      await state(true, given)
      if ((await hash()) !== before) throw new Error(`a clone for the host would lose a part of it, such as a class or attributes; ${WITHOUT_CLONE}`)
      const made: unknown = await migrate(given, { version: from.schema, snapshotKey: from.snapshotKey })
      await state(true, made === undefined ? given : made)
    },
    [Symbol.dispose]: () => state.dispose(),
  }
}

async function evaluated<Args extends unknown[], Result>(isolate: IsolateCore, code: string, timeoutMs: number | undefined): Promise<RemoteFunction<Args, Result>> {
  return (await isolate.eval({ source: { name: 'isoseed:migrate', code }, timeoutMs, signal: undefined })) as RemoteFunction<Args, Result>
}
