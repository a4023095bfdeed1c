globalThis.AbortController = class AbortController {
  constructor() {
    const listeners = new Set()
    this.signal = { aborted: false, addEventListener: (_, listener) => listeners.add(listener), removeEventListener: (_, listener) => listeners.delete(listener) }
    this.abort = (reason) => {
      if (this.signal.aborted) return
      Object.assign(this.signal, { aborted: true, reason })
      for (const listener of listeners) listener({ type: 'abort' })
    }
  }
}
