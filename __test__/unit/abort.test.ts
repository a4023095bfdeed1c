import { expect, test } from 'vitest'
import { abortReason, onAbort } from '../../lib/abort.js'

test('a signal has one listener, however many wait, and none after the last', () => {
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1
    remove(...args)
  }
  const stops = Array.from({ length: 50 }, () => onAbort(signal, () => {}))
  expect(listeners).toBe(1)
  for (const stop of stops) stop()
  expect(listeners).toBe(0)
  onAbort(signal, () => {})
  expect(listeners).toBe(1)
  stops[0]?.()
  expect(listeners).toBe(1)
})

test('everybody who still waits is called, once', () => {
  const controller = new AbortController()
  const called: number[] = []
  const stop = onAbort(controller.signal, () => called.push(1))
  onAbort(controller.signal, () => {
    called.push(2)
    // A callback may give up on the others, or ask for another signal.
    stop()
  })
  onAbort(controller.signal, () => called.push(3))
  controller.abort()
  expect(called).toEqual([1, 2, 3])
  stop()
})

test('other listeners of the signal make no difference', () => {
  const controller = new AbortController()
  const called: string[] = []
  controller.signal.addEventListener('abort', () => called.push('before'), { once: true })
  onAbort(controller.signal, () => called.push('ours'))
  controller.signal.addEventListener('abort', () => called.push('after'))
  controller.abort()
  expect(called).toEqual(['before', 'ours', 'after'])
})

test('the reason is the signal\'s own', () => {
  expect(abortReason(AbortSignal.abort(null))).toBe(null)
  expect(abortReason(AbortSignal.abort('why'))).toBe('why')
  expect(abortReason({ reason: undefined } as unknown as AbortSignal)).toMatchObject({ name: 'AbortError' })
})
