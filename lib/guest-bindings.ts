import type { Passed, Whole } from './crossing.js'

/**
 * Host functions as the guest sees them: async functions, and plain ones where they are
 * `{ sync: true, fn }`; objects nest. For the types of the guest's own code:
 *
 * ```ts
 * const bindings = { load: async (id: number) => rows[id], now: { sync: true, fn: () => Date.now() } } as const
 * declare const { load, now }: GuestBindings<typeof bindings> // in the guest: load(1) is a promise, now() a number
 * ```
 */
export type GuestBindings<Bindings> = {
  readonly [Name in keyof Bindings]: GuestBinding<Bindings[Name]>
}

/** One member of `GuestBindings`. */
export type GuestBinding<Member> = 0 extends 1 & Member
  ? any
  : Member extends AnyFunction | AnySyncBinding
    ? GuestFunction<Member>
    : Member extends object
      ? GuestBindings<Member>
      : never

type AnyFunction = (...args: any[]) => unknown
type AnySyncBinding = { readonly sync: true; readonly fn: AnyFunction }

type GuestFunction<Member> = Member extends (...args: infer Args) => infer Result
  ? (...args: Passed<Args>) => Promise<GuestValue<Awaited<Result>>>
  : Member extends { readonly sync: true; readonly fn: (...args: infer Args) => infer Result }
    ? (...args: Passed<Args>) => GuestValue<Awaited<Result>>
    : never

/** A value of the host as the guest gets it: a clone, in which functions are as bindings are. */
export type GuestValue<Value> = 0 extends 1 & Value
  ? any
  : Value extends AnyFunction | AnySyncBinding
    ? GuestFunction<Value>
    : Value extends Whole | AsyncIterable<unknown> | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
      ? Value
      : Value extends object
        ? { [Key in keyof Value]: GuestValue<Value[Key]> }
        : Value
