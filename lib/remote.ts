import type { Passed, Received } from './crossing.js'

/**
 * The functions of `Api`, called from outside their isolate: each takes the
 * same arguments and returns a promise of what it returns; objects nest. A function in a result is a
 * `RemoteFunction`, and for one in the arguments it does not matter whether it returns a promise.
 *
 * What is not a function has the type `never`: it is read with `eval`. The
 * names `then` and `toJSON` are left out, because `await` and `JSON.stringify`
 * ask any object for them: functions of those names are reached with `call`.
 */
export type Remote<Api> = {
  readonly [Name in keyof Api as Name extends string ? Exclude<Name, 'then' | 'toJSON'> : never]-?: RemoteMember<Api[Name]>
}

/** One member of `Remote`. */
export type RemoteMember<Member> = 0 extends 1 & Member
  ? // An untyped member stays untyped: `Isolate` without a type argument.
    any
  : Member extends (...args: infer Args) => infer Result
    ? (...args: Passed<Args>) => Promise<Received<Awaited<Result>>>
    : Member extends Data
      ? never
      : Member extends object
        ? Remote<Member>
        : never

/** Objects that are values rather than groups of functions. */
type Data =
  | readonly unknown[]
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | Date
  | RegExp
  | Promise<unknown>
  | ArrayBuffer
  | ArrayBufferView
