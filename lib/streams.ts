import { types } from 'node:util'
import type { RemoteIterable } from './crossing.js'
import { IsoseedError } from './errors.js'
import { Nature } from './wire.js'

/**
 * Takes one step of a stream: `next`, `return` or `throw`, with a value. A
 * step is taken when it is asked for, and nothing is read ahead.
 */
export type Steps = (method: Method, value?: unknown) => Promise<Step>

/** Whether the stream has ended, and its item, or what it ended with. */
export type Step = [done: boolean, value: unknown]

/** What is asked of a stream, as it is on the wire. */
export const Method = { Next: 0, Return: 1, Throw: 2 } as const
export type Method = (typeof Method)[keyof typeof Method]

/** A stream of the host that the guest takes the steps of. */
export interface Producer {
  readonly nature: Nature
  steps: Steps
  /** Nobody takes more steps. */
  end(): void
}

/** Whether a value crosses as a stream: whatever can be iterated asynchronously. */
export function isStream(value: object): boolean {
  if (types.isProxy(value) || Array.isArray(value) || types.isMap(value) || types.isSet(value) || types.isNativeError(value)) return false
  if (types.isAnyArrayBuffer(value) || types.isArrayBufferView(value)) return false
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
}

/** A longer list is no list of arguments. */
const LONGEST_LIST = 32

/** Whether a stream is where V8 would take it for an object without properties: the value itself, or an argument. */
export function hasStreamAtTheTop(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value) || types.isProxy(value)) return isStream(value)
  return value.length <= LONGEST_LIST && value.some((item) => typeof item === 'object' && item !== null && isStream(item))
}

interface Source {
  next(value: unknown): Promise<IteratorResult<unknown>>
  return?(value: unknown): Promise<IteratorResult<unknown>>
  throw?(error: unknown): Promise<IteratorResult<unknown>>
}

/**
 * The steps of a stream of the host. It begins with the first of them.
 *
 * @param ended called once, when it has come to its end
 */
export function produce(stream: object, ended: () => void): Producer {
  const isReadable = typeof (stream as Partial<ReadableStream>).getReader === 'function'
  const isNodes = typeof (stream as Partial<NodeJS.ReadableStream>).pipe === 'function'
  let source: Source | undefined
  let hasEnded = false
  const take = async (method: Method, value: unknown): Promise<IteratorResult<unknown>> => {
    source ??= isReadable ? reading(stream as ReadableStream) : ((stream as AsyncIterable<unknown>)[Symbol.asyncIterator]() as Source)
    if (method === Method.Next) return source.next(value)
    if (method === Method.Return) return source.return === undefined ? { done: true, value } : source.return(value)
    if (source.throw !== undefined) return source.throw(value)
    await source.return?.(undefined)
    throw value
  }
  const steps: Steps = async (method, value) => {
    if (hasEnded) {
      if (method === Method.Throw) throw value
      return [true, method === Method.Return ? value : undefined]
    }
    hasEnded = method !== Method.Next
    try {
      const { done, value: item } = await take(method, value)
      hasEnded = done === true
      return [hasEnded, item]
    } catch (error) {
      hasEnded = true
      throw error
    } finally {
      if (hasEnded) ended()
    }
  }
  return {
    nature: isReadable || isNodes ? Nature.Readable : Nature.Iterable,
    steps,
    end: () => {
      // Nobody is there to hear how it went.
      if (!hasEnded) steps(Method.Return).catch(() => {})
    },
  }
}

/** Reads a stream so that its end reaches it with its reason. */
function reading(stream: ReadableStream): Source {
  const reader = stream.getReader()
  return {
    next: async () => {
      const { done, value } = await reader.read()
      if (done) reader.releaseLock()
      return done ? { done, value: undefined } : { done, value: value as unknown }
    },
    return: async (reason) => {
      await reader.cancel(reason)
      reader.releaseLock()
      return { done: true, value: undefined }
    },
  }
}

/**
 * A stream whose steps the guest takes.
 *
 * @param steps takes one
 * @param letGo no more steps will be taken
 */
export function consume(nature: Nature, steps: (method: Method, value?: unknown) => Promise<unknown>, letGo: () => void): object {
  let hasEnded = false
  const take = async (method: Method, value?: unknown): Promise<Step> => {
    if (hasEnded) {
      if (method === Method.Throw) throw value
      return [true, method === Method.Return ? value : undefined]
    }
    try {
      const step = await steps(method, value)
      if (!Array.isArray(step) || typeof step[0] !== 'boolean') throw new IsoseedError('ERR_DATA_CLONE', 'a stream of the guest answers with something else than a step')
      if (step[0]) end()
      return [step[0], step[1] as unknown]
    } catch (error) {
      end()
      throw error
    }
  }
  const end = (): void => {
    hasEnded = true
    letGo()
  }
  return nature === Nature.Readable ? readable(take) : iterable(take)
}

function readable(take: Steps): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        const [done, value] = await take(Method.Next)
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel(reason) {
        await take(Method.Return, reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function iterable(take: Steps): RemoteIterable {
  const call = async (method: Method, value: unknown): Promise<IteratorResult<unknown>> => {
    const [done, item] = await take(method, value)
    return { done, value: item }
  }
  const stream: RemoteIterable = {
    next: (value?: unknown) => call(Method.Next, value),
    return: (value?: unknown) => call(Method.Return, value),
    throw: (error?: unknown) => call(Method.Throw, error),
    [Symbol.asyncIterator]: () => stream,
    [Symbol.asyncDispose]: async () => {
      await call(Method.Return, undefined)
    },
  }
  return stream
}
