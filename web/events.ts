// Events (https://dom.spec.whatwg.org/#events), for targets that are in no tree.
import { DOMException } from './dom-exception.js'
import { constants, dictionary, getterOf, illegal, isObject, methodOf, need, shape } from './idl.js'

export interface EventInit {
  bubbles: boolean
  cancelable: boolean
  composed: boolean
}

const NONE = 0
const AT_TARGET = 2

export class Event {
  #type: string
  #bubbles: boolean
  #cancelable: boolean
  readonly #composed: boolean
  readonly #timeStamp = system.now()
  #target: EventTarget | null = null
  #currentTarget: EventTarget | null = null
  #isDispatched = false
  #isCanceled = false
  #stopsPropagation = false
  #stopsImmediately = false
  #isInPassive = false
  #isTrusted = false

  constructor(type: unknown, init: unknown = undefined) {
    need('Event constructor', 1, arguments.length)
    const { bubbles, cancelable, composed } = dictionary<EventInit>(init, 'The options of Event')
    this.#type = `${type as string}`
    this.#bubbles = Boolean(bubbles)
    this.#cancelable = Boolean(cancelable)
    this.#composed = Boolean(composed)
  }

  get type(): string {
    return this.#type
  }

  get target(): EventTarget | null {
    return this.#target
  }

  get srcElement(): EventTarget | null {
    return this.#target
  }

  get currentTarget(): EventTarget | null {
    return this.#currentTarget
  }

  get eventPhase(): number {
    return this.#currentTarget === null ? NONE : AT_TARGET
  }

  get bubbles(): boolean {
    return this.#bubbles
  }

  get cancelable(): boolean {
    return this.#cancelable
  }

  get composed(): boolean {
    return this.#composed
  }

  get defaultPrevented(): boolean {
    return this.#isCanceled
  }

  get returnValue(): boolean {
    return !this.#isCanceled
  }

  set returnValue(value: boolean) {
    if (!value) this.preventDefault()
  }

  get cancelBubble(): boolean {
    return this.#stopsPropagation
  }

  set cancelBubble(value: boolean) {
    if (value) this.#stopsPropagation = true
  }

  get isTrusted(): boolean {
    return this.#isTrusted
  }

  get timeStamp(): number {
    return this.#timeStamp
  }

  composedPath(): EventTarget[] {
    return this.#currentTarget === null ? [] : [this.#currentTarget]
  }

  stopPropagation(): void {
    this.#stopsPropagation = true
  }

  stopImmediatePropagation(): void {
    this.#stopsPropagation = true
    this.#stopsImmediately = true
  }

  preventDefault(): void {
    if (this.#cancelable && !this.#isInPassive) this.#isCanceled = true
  }

  initEvent(type: unknown, bubbles: unknown = false, cancelable: unknown = false): void {
    need('initEvent', 1, arguments.length)
    if (this.#isDispatched) return
    this.#type = `${type as string}`
    this.#bubbles = Boolean(bubbles)
    this.#cancelable = Boolean(cancelable)
    this.#stopsPropagation = false
    this.#stopsImmediately = false
    this.#isCanceled = false
    this.#target = null
  }

  /** Dispatches to one target; `false` when it was cancelled. Not a member: what a guest replaces has no say. */
  static dispatch(this: void, event: Event, target: EventTarget, listeners: () => readonly Listener[], isTrusted: boolean): boolean {
    event.#isTrusted = isTrusted
    event.#isDispatched = true
    event.#target = target
    event.#currentTarget = target
    for (const capture of [true, false]) {
      if (event.#stopsPropagation) break
      // A copy: listeners that are added meanwhile are not called.
      for (const listener of listeners()) {
        if (listener.capture !== capture || listener.removed) continue
        if (listener.once) listener.remove()
        event.#isInPassive = listener.passive
        invoke(listener.callback, event, target)
        event.#isInPassive = false
        if (event.#stopsImmediately) break
      }
    }
    event.#currentTarget = null
    event.#isDispatched = false
    event.#stopsPropagation = false
    event.#stopsImmediately = false
    return !event.#isCanceled
  }

  static isDispatched(this: void, event: Event): boolean {
    return event.#isDispatched
  }

  static isEvent(this: void, value: unknown): value is Event {
    return isObject(value) && #isDispatched in value
  }
}

/** The internals, taken off the class that guests see. */
const { dispatch, isDispatched, isEvent } = Event
for (const key of ['dispatch', 'isDispatched', 'isEvent']) Reflect.deleteProperty(Event, key)

const typeOf = getterOf<string>(Event, 'type')
const initEvent = methodOf(Event, 'initEvent')

shape(Event, 'Event')
constants(Event, { NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 })

export class CustomEvent extends Event {
  #detail: unknown

  constructor(type: unknown, init: unknown = undefined) {
    need('CustomEvent constructor', 1, arguments.length)
    super(type, init)
    this.#detail = dictionary<{ detail: unknown }>(init, 'The options of CustomEvent').detail ?? null
  }

  get detail(): unknown {
    return this.#detail
  }

  initCustomEvent(type: unknown, bubbles: unknown = false, cancelable: unknown = false, detail: unknown = null): void {
    need('initCustomEvent', 1, arguments.length)
    if (isDispatched(this)) return
    initEvent(this, type, bubbles, cancelable)
    this.#detail = detail
  }
}

shape(CustomEvent, 'CustomEvent')

type Handler = ((this: unknown, event: Event) => unknown) | { handleEvent(event: Event): unknown }

interface Listener {
  readonly type: string
  readonly callback: Handler
  readonly capture: boolean
  readonly once: boolean
  readonly passive: boolean
  removed: boolean
  remove(): void
}

function invoke(callback: Handler, event: Event, target: EventTarget): void {
  try {
    if (typeof callback === 'function') {
      Reflect.apply(callback, target, [event])
      return
    }
    const { handleEvent } = callback
    if (typeof handleEvent !== 'function') throw new TypeError('handleEvent is not a function')
    Reflect.apply(handleEvent, callback, [event])
  } catch (error) {
    system.report(error)
  }
}

/** An abort signal. */
export type Abortable = EventTarget

let isAbortSignal: ((value: unknown) => value is Abortable) | undefined
let isAborted: (signal: Abortable) => boolean

/** Abort signals are event targets, so they tell about themselves. */
export function recognizeSignals(test: (value: unknown) => value is Abortable, aborted: (signal: Abortable) => boolean): void {
  isAbortSignal = test
  isAborted = aborted
}

interface ListenerOptions {
  capture: boolean
  once: boolean
  passive: boolean
  signal: unknown
}

function isCapture(options: unknown): boolean {
  return isObject(options) ? Boolean((options as Partial<ListenerOptions>).capture) : Boolean(options)
}

export class EventTarget {
  readonly #listeners: Listener[] = []
  readonly #handlers = new Map<string, { value: unknown; call: (event: Event) => unknown }>()

  addEventListener(type: unknown, callback: unknown, options: unknown = undefined): void {
    need('addEventListener', 2, arguments.length)
    const { once, passive, signal } = isObject(options) ? (options as Partial<ListenerOptions>) : {}
    if (signal !== undefined && isAbortSignal?.(signal) !== true) throw new TypeError('addEventListener: signal must be an AbortSignal')
    const listeners = this.#listeners
    if (callback === undefined || callback === null) return
    if (!isObject(callback)) throw new TypeError('addEventListener: the callback must be a function or an object')
    if (signal !== undefined && isAborted(signal)) return
    const name = `${type as string}`
    const capture = isCapture(options)
    if (find(listeners, name, callback, capture) >= 0) return
    const listener: Listener = {
      type: name,
      callback: callback as Handler,
      capture,
      once: Boolean(once),
      passive: Boolean(passive),
      removed: false,
      remove: () => {
        const index = listeners.indexOf(listener)
        if (index >= 0) listeners.splice(index, 1)
        listener.removed = true
        this.#changed(name)
      },
    }
    listeners.push(listener)
    if (signal !== undefined) listen(signal, 'abort', () => listener.remove(), true)
    this.#changed(name)
  }

  removeEventListener(type: unknown, callback: unknown, options: unknown = undefined): void {
    need('removeEventListener', 2, arguments.length)
    const index = find(this.#listeners, `${type as string}`, callback, isCapture(options))
    if (index >= 0) this.#listeners[index]!.remove()
  }

  dispatchEvent(event: unknown): boolean {
    need('dispatchEvent', 1, arguments.length)
    const target = #listeners in this ? this : illegal()
    if (!isEvent(event)) throw new TypeError('dispatchEvent: the argument must be an Event')
    if (isDispatched(event)) throw new DOMException('The event is already being dispatched', 'InvalidStateError')
    return fire(target, event, false)
  }

  /** Told when there is one listener more or less; by class, because a method would be a guest's to replace. */
  #changed(type: string): void {
    if (observers.length === 0) return
    const count = this.#listeners.filter((listener) => listener.type === type).length
    for (let index = 0; index < observers.length; index++) observers[index]!(this, type, count)
  }

  static fire(this: void, target: EventTarget, event: Event, isTrusted: boolean): boolean {
    const type = typeOf(event)
    return dispatch(event, target, () => target.#listeners.filter((listener) => listener.type === type), isTrusted)
  }

  static handler(this: void, target: EventTarget, type: string): unknown {
    return target.#handlers.get(type)?.value ?? null
  }

  static setHandler(this: void, target: EventTarget, type: string, value: unknown): void {
    const known = target.#handlers.get(type)
    if (!isObject(value)) {
      target.#handlers.delete(type)
      if (known !== undefined) find(target.#listeners, type, known.call, false, (listener) => listener.remove())
      return
    }
    if (known !== undefined) {
      // It keeps its place among the listeners.
      known.value = value
      return
    }
    const handler = {
      value,
      call(this: unknown, event: Event) {
        const result: unknown = typeof handler.value === 'function' ? Reflect.apply(handler.value, this, [event]) : undefined
        if (result === false) event.preventDefault()
      },
    }
    target.#handlers.set(type, handler)
    listen(target, type, handler.call, false)
  }
}

const { fire, handler, setHandler } = EventTarget
for (const key of ['fire', 'handler', 'setHandler']) Reflect.deleteProperty(EventTarget, key)
const { addEventListener } = EventTarget.prototype

shape(EventTarget, 'EventTarget')

function find(
  listeners: readonly Listener[],
  type: string,
  callback: unknown,
  capture: boolean,
  found?: (listener: Listener) => void,
): number {
  const index = listeners.findIndex(
    (listener) => listener.type === type && listener.callback === callback && listener.capture === capture,
  )
  if (index >= 0) found?.(listeners[index]!)
  return index
}

/** Adds a listener of the bridge's own. */
export function listen(target: EventTarget, type: string, callback: (event: Event) => unknown, once: boolean): void {
  Reflect.apply(addEventListener, target, [type, callback, { once }])
}

/** Dispatches an event of the bridge's own. */
export function fireTrusted(target: EventTarget, event: Event): boolean {
  return fire(target, event, true)
}

type Observer = (target: EventTarget, type: string, count: number) => void

const observers: Observer[] = []

/** From now on `observer` is told how many listeners a target has. */
export function observeListeners(observer: Observer): void {
  observers[observers.length] = observer
}

/** Defines an attribute such as `onmessage`. */
export function handlerAttribute(constructor: Function, type: string, changed?: (target: never) => void): void {
  const accessors = {
    get(this: EventTarget) {
      return handler(this, type)
    },
    set(this: EventTarget, value: unknown) {
      setHandler(this, type, value)
      changed?.(this as never)
    },
  }
  for (const [prefix, accessor] of Object.entries(accessors)) {
    Object.defineProperty(accessor, 'name', { value: `${prefix} on${type}`, configurable: true })
  }
  Object.defineProperty(constructor.prototype, `on${type}`, { ...accessors, enumerable: true, configurable: true })
}
