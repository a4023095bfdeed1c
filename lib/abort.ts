/** The callbacks that wait for each signal. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back once when a signal is aborted.
 *
 * However many calls share a signal, it gets one listener: Node warns of a
 * leak at eleven. The listener goes with the last of them.
 *
 * @returns stops waiting; harmless when called again or too late
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = waiting.get(signal)
  if (callbacks === undefined) {
    callbacks = new Set()
    waiting.set(signal, callbacks)
    signal.addEventListener('abort', fire, { once: true })
  }
  callbacks.add(callback)
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0 || waiting.get(signal) !== callbacks) return
    waiting.delete(signal)
    signal.removeEventListener('abort', fire)
  }
}

function fire(event: Event): void {
  const signal = event.currentTarget as AbortSignal
  const callbacks = waiting.get(signal)
  waiting.delete(signal)
  callbacks?.forEach((callback) => callback())
}

/** Why a signal was aborted; polyfills may not say. */
export function abortReason(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason
  return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason
}
