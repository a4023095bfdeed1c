import { once } from 'node:events'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Inspector } from 'isoseed'
import { WebSocket } from 'ws'

/** A message of the protocol without an id. */
export interface ProtocolEvent {
  method: string
  params: any
}

/** A client of the Chrome DevTools Protocol, over whatever carries its messages. */
export class CdpClient {
  readonly events: ProtocolEvent[] = []
  /** Errors that answer no request: what was sent was no message. */
  readonly errors: { code: number; message: string }[] = []
  readonly #send: (message: string) => void
  readonly #answers = new Map<number, (answer: any) => void>()
  readonly #listeners = new Set<(event: ProtocolEvent) => void>()
  #lastId = 0

  constructor(send: (message: string) => void) {
    this.#send = send
  }

  /** Takes a message of the isolate. */
  receive(message: string): void {
    const { id, method, params, error, result } = JSON.parse(message)
    if (id !== undefined) {
      this.#answers.get(id)?.(error === undefined ? result : { error })
      this.#answers.delete(id)
    } else if (error !== undefined) this.errors.push(error)
    else {
      this.events.push({ method, params })
      for (const listener of this.#listeners) listener({ method, params })
    }
  }

  /** Its result, or `{ error }`. */
  post(method: string, params: object = {}): Promise<any> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#answers.set(id, resolve)
      this.#send(JSON.stringify({ id, method, params }))
    })
  }

  /** The parameters of the next event of that name. */
  next(method: string): Promise<any> {
    return new Promise((resolve) => {
      const listener = (event: ProtocolEvent): void => {
        if (event.method !== method) return
        this.#listeners.delete(listener)
        resolve(event.params)
      }
      this.#listeners.add(listener)
    })
  }

  /** Evaluates and returns the value, by value. */
  async evaluate(expression: string, params: object = {}): Promise<any> {
    const { result } = await this.post('Runtime.evaluate', { expression, returnByValue: true, ...params })
    return result.value
  }

  /** Switches debugging on; the URLs of the scripts that are there. */
  async enable(): Promise<string[]> {
    await this.post('Runtime.enable')
    await this.post('Debugger.enable')
    return this.scripts().map(({ url }) => url)
  }

  /** The scripts that were announced so far. */
  scripts(): any[] {
    return this.events.filter(({ method }) => method === 'Debugger.scriptParsed').map(({ params }) => params)
  }
}

/** A client over a WebSocket, as DevTools is. */
export class SocketClient extends CdpClient {
  readonly socket: WebSocket
  /** The closing code and reason. */
  readonly closed: Promise<[code: number, reason: string]>

  constructor(url: string) {
    const socket = new WebSocket(url)
    super((message) => socket.send(message))
    this.socket = socket
    socket.on('message', (data) => this.receive(String(data)))
    this.closed = new Promise((resolve) => socket.on('close', (code, reason) => resolve([code, String(reason)])))
  }

  /** @throws if the server refuses it */
  static async connect(url: string): Promise<SocketClient> {
    const client = new SocketClient(url)
    await once(client.socket, 'open')
    // From now on its end is told by `closed`.
    client.socket.on('error', () => undefined)
    return client
  }
}

/** A client over a session without a socket. */
export async function sessionClient(inspector: Inspector): Promise<CdpClient & { close: () => void; closed: Promise<void> }> {
  let receive: (message: string) => void = () => {}
  const session = await inspector.connect((message) => receive(message))
  const client = new CdpClient((message) => session.send(message))
  receive = (message) => client.receive(message)
  return Object.assign(client, { close: () => session.close(), closed: session.closed })
}

/** What the endpoint's HTTP server answers. */
export async function fetchFrom(inspector: Inspector, path: string, options: { headers?: Record<string, string>; method?: string } = {}): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(inspector.url)
  const request = get({ hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port, path, agent: false, ...options })
  const [response] = await once(request, 'response')
  return { status: response.statusCode, body: await text(response) }
}

/** Where a paused isolate stands: function and line, from 0. */
export function place({ callFrames: [frame] }: any): string {
  return `${frame.functionName}:${frame.location.lineNumber}`
}
