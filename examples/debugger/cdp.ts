// A small client of the Chrome DevTools Protocol, over a WebSocket as Chrome and VS Code use it.
import { once } from 'node:events'
import { WebSocket } from 'ws'

type Listener = (params: any) => void

export class Debugger implements Disposable {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (message: any) => void>()
  readonly #listeners = new Map<string, Set<Listener>>()
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))))
  }

  static async connect(url: string): Promise<Debugger> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    return new Debugger(socket)
  }

  #receive(message: { id?: number; method?: string; params?: unknown }): void {
    if (message.id === undefined) this.#listeners.get(message.method!)?.forEach((listener) => listener(message.params))
    else this.#answers.get(message.id)?.(message)
  }

  /** Asks for something and waits for the answer. */
  async post(method: string, params: object = {}): Promise<any> {
    const id = ++this.#lastId
    const { error, result } = await new Promise<any>((resolve) => {
      this.#answers.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  on(event: string, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
  }

  next(event: string): Promise<any> {
    return new Promise((resolve) => {
      const listener: Listener = (params) => {
        this.#listeners.get(event)!.delete(listener)
        resolve(params)
      }
      this.on(event, listener)
    })
  }

  /** Does something that stops at a breakpoint, and waits until it has. */
  async untilPaused(act: () => unknown): Promise<any> {
    const paused = this.next('Debugger.paused')
    act()
    return paused
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
