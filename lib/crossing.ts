import type { RemoteFunction } from './remote-function.js'

/** Objects that cross whole, as values. */
export type Whole =
  | Date
  | RegExp
  | Error
  | Promise<unknown>
  | ArrayBuffer
  | ArrayBufferView
  | ReadableStream<unknown>

type IsAny<T> = 0 extends 1 & T ? true : false

/** A stream of the guest, as the host holds it. */
export type RemoteIterable<Item = unknown> = AsyncIterableIterator<Item> & AsyncDisposable

/**
 * A value of the guest as the host gets it: a clone, with a `RemoteFunction` for each function and an
 * async iterable for each stream.
 */
export type Received<Value> =
  IsAny<Value> extends true
    ? any
    : Value extends (...args: infer Args) => infer Result
      ? RemoteFunction<Passed<Args>, Received<Awaited<Result>>>
      : Value extends Whole
        ? Value
        : Value extends AsyncIterable<infer Item>
          ? RemoteIterable<Received<Item>>
          : Value extends ReadonlyMap<infer Key, infer Item>
            ? Map<Received<Key>, Received<Item>>
            : Value extends ReadonlySet<infer Item>
              ? Set<Received<Item>>
              : Value extends object
                ? { [Key in keyof Value]: Received<Value[Key]> }
                : Value

/** Arguments as they may be passed: where a function that returns a promise is asked for, it need not. */
export type Passed<Args extends unknown[]> = { [Index in keyof Args]: PassedArgument<Args[Index]> }

type PassedArgument<Value> =
  IsAny<Value> extends true
    ? any
    : Value extends RemoteFunction<infer Args, infer Result>
      ? (...args: Args) => Result | Promise<Result>
      : Value extends (...args: infer Args) => infer Result
        ? (...args: Args) => Result | Awaited<Result>
        : Value
