import type { CallOptions } from './isolate-types.js'

/**
 * A function of the guest, as the host holds it: calling it calls the guest's function, with clones of
 * the arguments, and returns a promise of a clone of its result. The same rules, time limit and errors
 * as for `isolate.call`.
 *
 * It keeps the guest's function, and the isolate, alive until it is disposed or garbage-collected. As
 * long as it is alive, the same function of the guest is the same reference. Passed back to its isolate,
 * it is the guest's own function again.
 */
export interface RemoteFunction<Args extends unknown[] = any[], Result = any> extends Disposable {
  /**
   * @throws `GuestError` if the function throws, or its promise rejects
   * @throws `IsoseedError` with `ERR_DISPOSED` if the reference, or the isolate, is disposed; otherwise as `isolate.call`
   */
  (...args: Args): Promise<Awaited<Result>>
  /**
   * The same function with other options, such as `await callback.with({ timeoutMs: 50 })(1, 2)`.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
   */
  with(options: Pick<CallOptions, 'timeoutMs' | 'signal'>): (...args: Args) => Promise<Awaited<Result>>
  /** Lets go of the guest's function. May be called again. Later calls reject with `ERR_DISPOSED`. */
  dispose(): void
  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void
}

/** How a reference does what it does. */
export interface RemoteHandle {
  call(args: unknown[], options: unknown): Promise<unknown>
  /** Checks options, as `call` would. */
  check(options: unknown): void
  dispose(): void
}

/** Makes a callable reference. */
export function makeRemoteFunction(handle: RemoteHandle): RemoteFunction {
  const remote = (...args: unknown[]): Promise<unknown> => handle.call(args, undefined)
  const members = {
    with: (options: unknown) => {
      handle.check(options)
      // Keeps the reference itself: when that is collected, the guest's function is let go of.
      const held = { remote, options }
      return (...args: unknown[]): Promise<unknown> => handle.call(args, held.options)
    },
    dispose: () => handle.dispose(),
    [Symbol.dispose]: () => handle.dispose(),
  }
  // Not enumerable: a reference is printed and compared as a function.
  for (const key of Reflect.ownKeys(members)) {
    const value = members[key as keyof typeof members]
    Object.defineProperty(remote, key, { value, enumerable: false, writable: false, configurable: true })
  }
  return remote as RemoteFunction
}
