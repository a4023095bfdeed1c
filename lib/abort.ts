/** The callbacks that wait for a signal, and its one listener. */
interface Waiting {
  callbacks: Set<() => void>
  fire: () => void
}

const waiting = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back once when a signal is aborted.
 *
 * However many calls share a signal, it gets one listener: Node warns of a
 * leak at eleven. The listener goes with the last of them.
 *
 * @returns stops waiting; harmless when called again or too late
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let shared = waiting.get(signal)
  if (shared === undefined) {
    const callbacks = new Set<() => void>()
    // Not by the event's `currentTarget`: in Node 20 only a signal's first listener finds one there.
    const fire = (): void => {
      waiting.delete(signal)
      callbacks.forEach((waits) => waits())
    }
    shared = { callbacks, fire }
    waiting.set(signal, shared)
    signal.addEventListener('abort', fire, { once: true })
  }
  const { callbacks, fire } = shared
  callbacks.add(callback)
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0 || waiting.get(signal) !== shared) return
    waiting.delete(signal)
    signal.removeEventListener('abort', fire)
  }
}

/** Asked each time anew: TypeScript takes the property for constant. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

/** Why a signal was aborted; polyfills may not say. */
export function abortReason(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason
  return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason
}
