// Timers (https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html#timers), with Node's rule for delays.

const LONGEST_MS = 2 ** 31 - 1

type Callback = (...args: unknown[]) => unknown

function start(name: string, callback: unknown, delay: unknown, args: unknown[], repeats: boolean): number {
  // A string would be code to evaluate.
  if (typeof callback !== 'function') throw new TypeError(`${name}: the callback must be a function`)
  const ms = Number(delay)
  const run = args.length === 0 ? (callback as () => unknown) : () => Reflect.apply(callback as Callback, globalThis, args)
  return system.startTimer(run, ms >= 1 && ms <= LONGEST_MS ? Math.trunc(ms) : 1, repeats, name)
}

function stop(id: unknown): void {
  if (typeof id === 'number' || typeof id === 'string') system.stopTimer(Number(id))
}

// Methods of an object, because those are no constructors, as the platform's functions are none.
export const { setTimeout, setInterval, clearTimeout, clearInterval } = {
  setTimeout(callback: unknown, delay: unknown = 0, ...args: unknown[]): number {
    return start('setTimeout', callback, delay, args, false)
  },

  setInterval(callback: unknown, delay: unknown = 0, ...args: unknown[]): number {
    return start('setInterval', callback, delay, args, true)
  },

  clearTimeout(id: unknown = 0): void {
    stop(id)
  },

  clearInterval(id: unknown = 0): void {
    stop(id)
  },
}
