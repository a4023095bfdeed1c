import { AsyncLocalStorage } from 'node:async_hooks'

/** A call of a `sync` binding, while the host answers it: its isolate's thread waits. */
export interface Frame {
  /** The isolate's number. */
  readonly isolate: number
  /** The host call's number, unique in the isolate. */
  readonly hostCall: number
  /** The call within which this one was made. */
  readonly outer: Frame | undefined
}

/** Made when the first `sync` binding is called: it costs each promise of the process a little. */
let frames: AsyncLocalStorage<Frame> | undefined

/** The call of a `sync` binding that the running code works for, directly or by what it awaits. */
export function currentFrame(): Frame | undefined {
  return frames?.getStore()
}

/** Runs a `sync` binding: what it calls in its isolate runs while the isolate waits for it. */
export function runWithin<T>(frame: Frame, work: () => T): T {
  frames ??= new AsyncLocalStorage()
  return frames.run(frame, work)
}

/** The calls that an isolate waits for and the running code works for, the innermost first. */
export function hostCallsWithin(isolate: number): number[] {
  const hostCalls: number[] = []
  for (let frame = currentFrame(); frame !== undefined; frame = frame.outer) {
    if (frame.isolate === isolate) hostCalls.push(frame.hostCall)
  }
  return hostCalls
}
