import { types } from 'node:util'
import type { NativeError } from '../native.js'
import { decode } from './decode.js'
import { GuestError, IsoseedError, invalidArg } from './errors.js'
import type { ErrorCode, IsoseedErrorOptions, StateErrorDetails } from './errors.js'
import type { SnapshotFinding } from './snapshot-types.js'

/** The public error for one that the native side reports, with its causes. */
export function toError(native: NativeError): IsoseedError | TypeError {
  // A global that the snapshot does not let the session define: only the isolate could tell.
  if (native.code === 'ERR_INVALID_ARG') return invalidArg(`createIsolate: ${native.message}`)
  if (native.code === 'ERR_GUEST') return toGuestError(native)
  const options: IsoseedErrorOptions = {}
  if (native.cause !== undefined) options.cause = toError(native.cause)
  if (native.findings !== undefined) options.findings = JSON.parse(native.findings) as SnapshotFinding[]
  if (native.details !== undefined) options.details = JSON.parse(native.details) as StateErrorDetails
  return new IsoseedError(native.code as ErrorCode, native.message, options)
}

function toGuestError(native: NativeError): GuestError {
  const name = native.name ?? 'Error'
  const guest = { name, stack: native.stack ?? (native.message === '' ? name : `${name}: ${native.message}`) }
  // Without it the guest threw something that can't cross: the message describes it.
  if (native.thrown === undefined) return new GuestError(native.message, guest)
  let thrown: unknown
  try {
    thrown = decode(native.thrown)
  } catch (cause) {
    // That the thrown value can't be read must not hide that the guest threw.
    return new GuestError(native.message, { ...guest, cause })
  }
  if (!types.isNativeError(thrown)) return new GuestError(native.message, { ...guest, cause: thrown })
  return new GuestError(native.message, {
    ...guest,
    // Its own only: what the host's prototypes have is not the guest's.
    ...(Object.hasOwn(thrown, 'cause') ? { cause: thrown.cause } : {}),
    ...(Object.hasOwn(thrown, 'code') ? { code: Reflect.get(thrown, 'code') as unknown } : {}),
    ...(Object.hasOwn(thrown, 'errors') && Array.isArray(Reflect.get(thrown, 'errors')) ? { errors: Reflect.get(thrown, 'errors') as unknown[] } : {}),
  })
}
