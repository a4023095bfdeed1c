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
  : Member extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : Member extends { readonly sync: true; readonly fn: (...args: infer Args) => infer Result }
      ? (...args: Args) => Awaited<Result>
      : Member extends object
        ? GuestBindings<Member>
        : never
