import type { GuestError } from 'isoseed'

/** The error that a promise rejects with: an isoseed error with everything that one may have. */
export type Rejection = GuestError & { code: string }

/** What a promise rejects with; it is an error if it doesn't. */
export async function rejection(promise: Promise<unknown>): Promise<Rejection> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  )
  if ('value' in outcome) throw new Error('the promise was expected to reject', { cause: outcome.value })
  return outcome.reason as Rejection
}

/** The code that a promise rejects with, or `undefined` if it resolves. */
export function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: Rejection) => error.code,
  )
}

/** A promise with its handles. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
