// https://html.spec.whatwg.org/multipage/web-messaging.html#message-channels
//
// Both ends are in the same isolate, so a message is cloned when it is sent.
import { cloneWith, registerMover, transferList } from './clone.js'
import { DOMException } from './dom-exception.js'
import { Event, EventTarget, fireTrusted, handlerAttribute } from './events.js'
import { dictionary, illegal, isObject, need, shape } from './idl.js'

const PRIVATE = Symbol('MessagePort')

interface Message {
  data: unknown
  ports: MessagePort[]
}

interface MessageEventInit {
  data: unknown
  origin: unknown
  lastEventId: unknown
  source: unknown
  ports: Iterable<unknown>
}

export class MessageEvent extends Event {
  readonly #data: unknown
  readonly #origin: string
  readonly #lastEventId: string
  readonly #source: unknown
  readonly #ports: readonly unknown[]

  constructor(type: unknown, init: unknown = undefined) {
    need('MessageEvent constructor', 1, arguments.length)
    super(type, init)
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } = dictionary<MessageEventInit>(init, 'The options of MessageEvent')
    this.#data = data
    this.#origin = `${origin as string}`
    this.#lastEventId = `${lastEventId as string}`
    if (source !== null && !(source instanceof MessagePort)) throw new TypeError('MessageEvent: source must be a MessagePort')
    this.#source = source
    const list = [...ports]
    if (!list.every((port) => port instanceof MessagePort)) throw new TypeError('MessageEvent: ports must be MessagePorts')
    this.#ports = Object.freeze(list)
  }

  get data(): unknown {
    return this.#data
  }

  get origin(): string {
    return this.#origin
  }

  get lastEventId(): string {
    return this.#lastEventId
  }

  get source(): unknown {
    return this.#source
  }

  get ports(): readonly unknown[] {
    return this.#ports
  }
}

shape(MessageEvent, 'MessageEvent')

export class MessagePort extends EventTarget {
  #other: MessagePort | undefined
  #queue: Message[] = []
  #isStarted = false
  #isDetached = false

  constructor(token: unknown = undefined) {
    if (token !== PRIVATE) illegal()
    super()
  }

  static entangle(this: void): [MessagePort, MessagePort] {
    const [one, other] = [new MessagePort(PRIVATE), new MessagePort(PRIVATE)]
    one.#other = other
    other.#other = one
    return [one, other]
  }

  static move(this: void, port: object): (() => MessagePort) | undefined {
    if (!(#isDetached in port) || port.#isDetached) return undefined
    return () => {
      const moved = new MessagePort(PRIVATE)
      moved.#queue = port.#queue
      moved.#other = port.#other
      if (moved.#other !== undefined) moved.#other.#other = moved
      port.#isDetached = true
      port.#other = undefined
      port.#queue = []
      return moved
    }
  }

  static startPort(this: void, port: MessagePort): void {
    if (port.#isStarted || port.#isDetached) return
    port.#isStarted = true
    for (let waiting = port.#queue.length; waiting > 0; waiting--) port.#schedule()
  }

  postMessage(message: unknown, options: unknown = undefined): void {
    need('MessagePort.postMessage', 1, arguments.length)
    const isList = isObject(options) && typeof Reflect.get(options, Symbol.iterator) === 'function'
    const transfer = isList ? [...(options as Iterable<unknown>)] : transferList(options, 'MessagePort.postMessage')
    if (transfer.includes(this)) throw new DOMException('Transfer list contains source port', 'DataCloneError')
    const target = this.#other
    const { clone, moved } = cloneWith(message, transfer)
    // A port can be sent to its own other end; nobody gets that.
    if (target === undefined || target.#isDetached) return
    target.#queue.push({ data: clone, ports: moved.filter((object) => object instanceof MessagePort) })
    if (target.#isStarted) target.#schedule()
  }

  start(): void {
    startPort(this)
  }

  close(): void {
    if (this.#isDetached) return
    const other = this.#other
    this.#isDetached = true
    this.#other = undefined
    if (other === undefined) return
    other.#other = undefined
    for (const port of [this, other]) system.startTimer(() => fireTrusted(port, new Event('close')), 0, false, 'MessagePort.close')
  }

  /** Delivers one message in a task of its own. */
  #schedule(): void {
    system.startTimer(() => this.#deliver(), 0, false, 'MessagePort.postMessage')
  }

  #deliver(): void {
    const message = this.#queue.shift()
    if (message === undefined) return
    fireTrusted(this, new MessageEvent('message', message))
  }
}

const { entangle, move, startPort } = MessagePort
for (const key of ['entangle', 'move', 'startPort']) Reflect.deleteProperty(MessagePort, key)

shape(MessagePort, 'MessagePort')
handlerAttribute(MessagePort, 'message', startPort)
handlerAttribute(MessagePort, 'messageerror')
handlerAttribute(MessagePort, 'close')
registerMover(move)

export class MessageChannel {
  readonly #ports = entangle()

  get port1(): MessagePort {
    return this.#ports[0]
  }

  get port2(): MessagePort {
    return this.#ports[1]
  }
}

shape(MessageChannel, 'MessageChannel')
