// Streams across the border, the guest's half. Both ends are functions: what produces is a function to
// call for each step, `(method, value) => [done, value]`, and what consumes calls one. So a step is
// asked for when it is wanted, and nothing is read ahead. What a guest patches here it patches for itself.
((asyncIterator) => {
  'use strict'
  const NEXT = 0
  const RETURN = 1
  const THROW = 2

  const isReadable = (value) => typeof ReadableStream === 'function' && value instanceof ReadableStream

  // Reads a stream so that its end reaches it with its reason.
  const reading = (stream) => {
    const reader = stream.getReader()
    return {
      async next() {
        const result = await reader.read()
        if (result.done) reader.releaseLock()
        return result
      },
      async return(reason) {
        await reader.cancel(reason)
        reader.releaseLock()
        return { done: true, value: undefined }
      },
    }
  }

  // The steps of an async iterable, for the host to call.
  const produce = (iterable) => {
    let iterator
    let hasEnded = false
    const step = async (method, value) => {
      iterator ??= isReadable(iterable) ? reading(iterable) : iterable[asyncIterator]()
      if (method === NEXT) return iterator.next(value)
      if (method === RETURN) return iterator.return === undefined ? { done: true, value } : iterator.return(value)
      if (iterator.throw !== undefined) return iterator.throw(value)
      if (iterator.return !== undefined) await iterator.return()
      throw value
    }
    return async (method, value) => {
      if (hasEnded) {
        if (method === THROW) throw value
        return [true, method === RETURN ? value : undefined]
      }
      hasEnded = method !== NEXT
      try {
        const { done, value: item } = await step(method, value)
        hasEnded = !!done
        return [hasEnded, item]
      } catch (error) {
        hasEnded = true
        throw error
      }
    }
  }

  // A stream whose steps the host takes.
  const consume = (steps, wasReadable) => {
    // Let go of when it has ended: the host has done so, too.
    let rest = steps
    const step = async (method, value) => {
      if (rest === undefined) {
        if (method === THROW) throw value
        return [true, method === RETURN ? value : undefined]
      }
      try {
        const result = await rest(method, value)
        if (result[0]) rest = undefined
        return result
      } catch (error) {
        const told = rest
        rest = undefined
        // The host has ended it, or, when the value can't cross, not heard of it yet.
        if (method !== NEXT && told !== undefined) await told(RETURN)
        throw error
      }
    }
    if (wasReadable && typeof ReadableStream === 'function') {
      return new ReadableStream(
        {
          async pull(controller) {
            const result = await step(NEXT)
            if (result[0]) controller.close()
            else controller.enqueue(result[1])
          },
          async cancel(reason) {
            await step(RETURN, reason)
          },
        },
        { highWaterMark: 0 },
      )
    }
    const call = async (method, value) => {
      const result = await step(method, value)
      return { value: result[1], done: result[0] }
    }
    const stream = {
      next: (value) => call(NEXT, value),
      return: (value) => call(RETURN, value),
      throw: (error) => call(THROW, error),
      [asyncIterator]: () => stream,
    }
    const { asyncDispose } = Symbol
    if (asyncDispose !== undefined) stream[asyncDispose] = async () => void (await stream.return())
    return stream
  }

  return { __proto__: null, isReadable, produce, consume }
})
