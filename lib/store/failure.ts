import { IsoseedError } from '../errors.js'
import type { StoreLease } from './types.js'

/**
 * What a store came to; what it failed with otherwise is wrapped, so that whoever opens a session knows one kind of
 * error whoever wrote the store.
 *
 * @param what what it was asked for: `read a revision`
 * @throws `IsoseedError` with `ERR_STORE`
 */
export async function asked<Answer>(what: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (cause) {
    if (cause instanceof IsoseedError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new IsoseedError('ERR_STORE', `the store failed to ${what}: ${why}`, { cause })
  }
}

/** Somebody else has the session. */
export function locked(session: string, lease: StoreLease | undefined): IsoseedError {
  const who = lease === undefined ? 'has just been taken and released: try again' : `is held by ${describe(lease)}`
  return new IsoseedError('ERR_SESSION_LOCKED', `session ${JSON.stringify(session)} ${who}`, lease === undefined ? {} : { lease })
}

/** Somebody took the session over. */
export function leaseLost(session: string, epoch: number, lease: StoreLease | undefined): IsoseedError {
  const now = lease === undefined ? 'nobody has it now' : `it is held by ${describe(lease)}`
  const message = `this host has lost its lease (epoch ${epoch}) on session ${JSON.stringify(session)}, and nothing was written: ${now}`
  return new IsoseedError('ERR_SESSION_LEASE_LOST', message, lease === undefined ? {} : { lease })
}

function describe({ holder, epoch, expiresAt }: StoreLease): string {
  return `${JSON.stringify(holder)} (epoch ${epoch}) until ${isoTime(expiresAt)}`
}

/** A time in ISO 8601, whatever number a store gives. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}
