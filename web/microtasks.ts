// https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html#microtask-queuing

export const { queueMicrotask } = {
  queueMicrotask(callback: () => void): void {
    if (typeof callback !== 'function') throw new TypeError('queueMicrotask: the callback must be a function')
    system.queueMicrotask(() => {
      try {
        callback()
      } catch (error) {
        system.report(error)
      }
    })
  },
}
