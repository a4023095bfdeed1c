import type { NativeEvent, NativeIsolate } from '../native.js'

/** In an event without a message: all sessions have ended. Sessions are numbered from 1. */
export const EVERY_SESSION = 0

/** One session of an isolate's inspector, as whoever opened it sees it. */
export interface LinkSession {
  /** Hands over a message of the client, JSON. Nothing happens after the end. */
  send(message: string): void
  /** Ends it; `onEnd` is not called. */
  close(): void
}

/** Who opened a session. */
export interface LinkListener {
  /** @param read to be called when the message is done with; the isolate waits while too many are not */
  onMessage(message: string, read: () => void): void
  /** The isolate is finished. */
  onEnd(): void
}

/** How the link reaches its isolate. */
export interface LinkIsolate {
  readonly native: Pick<NativeIsolate, 'inspectorConnect' | 'inspectorSend' | 'inspectorDisconnect' | 'inspectorRead' | 'inspectorHold'>
  request(start: (request: number) => void): Promise<NativeEvent>
}

/** The sessions of one isolate's inspector, numbered. */
export class InspectorLink {
  readonly #isolate: LinkIsolate
  readonly #listeners = new Map<number, LinkListener>()
  #lastSession = 0
  #holders = 0

  constructor(isolate: LinkIsolate) {
    this.#isolate = isolate
  }

  /** @throws `IsoseedError` with `ERR_DISPOSED` */
  async connect(listener: LinkListener): Promise<LinkSession> {
    const session = ++this.#lastSession
    // Before the answer: messages may come with it.
    this.#listeners.set(session, listener)
    const { native } = this.#isolate
    try {
      await this.#isolate.request((request) => native.inspectorConnect(request, session))
    } catch (error) {
      this.#listeners.delete(session)
      throw error
    }
    return {
      send: (message) => {
        if (this.#listeners.has(session)) native.inspectorSend(session, message)
      },
      close: () => {
        if (this.#listeners.delete(session)) native.inspectorDisconnect(session)
      },
    }
  }

  /** Has calls wait until a client lets them run. The returned function takes it back, once. */
  hold(): () => void {
    let holds = true
    this.#holders += 1
    this.#isolate.native.inspectorHold(true)
    return () => {
      if (!holds) return
      holds = false
      this.#holders -= 1
      if (this.#holders === 0) this.#isolate.native.inspectorHold(false)
    }
  }

  /** What the native side has for a session; no message means that the isolate is finished. */
  onEvent(session: number, message: string | undefined): void {
    if (message === undefined) {
      this.#end(session === EVERY_SESSION ? [...this.#listeners.keys()] : [session])
      return
    }
    const listener = this.#listeners.get(session)
    let isUnread = true
    listener?.onMessage(message, () => {
      if (isUnread) this.#isolate.native.inspectorRead(session)
      isUnread = false
    })
  }

  #end(sessions: readonly number[]): void {
    for (const session of sessions) {
      const listener = this.#listeners.get(session)
      this.#listeners.delete(session)
      listener?.onEnd()
    }
  }
}
