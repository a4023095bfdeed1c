// Over a function of the host that waits: a binding.
{
  const waiting = new Map()
  let last = 0
  const start = (repeat) => (callback, ms = 0, ...args) => {
    const id = (last += 1)
    const wait = () =>
      sleep(ms).then(() => {
        if (waiting.get(id) !== wait) return
        if (repeat) wait()
        else waiting.delete(id)
        callback(...args)
      })
    waiting.set(id, wait)
    wait()
    return id
  }
  const stop = (id) => void waiting.delete(id)
  Object.assign(globalThis, { setTimeout: start(false), setInterval: start(true), clearTimeout: stop, clearInterval: stop })
}
