import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { LinkListener, LinkSession } from '../inspector-link.js'
import { serveClient } from './client.js'
import protocol from './protocol.json' with { type: 'json' }

/** Set where this is bundled. */
declare const ISOSEED_VERSION: string

/** One isolate that clients may debug. */
export interface Target {
  readonly title: string
  connect(listener: LinkListener): Promise<LinkSession>
}

/** Where clients find one target. */
export interface Endpoint {
  readonly url: string
  readonly devtoolsUrl: string
  /** Disconnects its clients; the server ends with its last endpoint. */
  close(): Promise<void>
}

/** Where to listen. */
export interface Address {
  host: string
  port: number
}

/** More clients of one target than this are refused: each is a session in its isolate. */
const MOST_CLIENTS = 16

/** A client's message may have so many bytes: more than any source that is edited live. */
const LARGEST_MESSAGE = 64 * 1024 * 1024

interface Entry {
  readonly target: Target
  readonly clients: Set<WebSocket>
}

/** The servers of this JavaScript environment, by the address that was asked for. */
const servers = new Map<string, Promise<Server>>()

/** Makes a target known under an address; targets with the same address share a server. */
export async function listen(target: Target, address: Address): Promise<Endpoint> {
  const key = `${address.host} ${address.port}`
  for (;;) {
    let opening = servers.get(key)
    if (opening === undefined) {
      opening = Server.open(address, () => servers.delete(key))
      servers.set(key, opening)
      opening.catch(() => servers.delete(key))
    }
    const endpoint = (await opening).add(target)
    if (endpoint !== undefined) return endpoint
    // It closed meanwhile, with its last endpoint.
  }
}

/**
 * The HTTP server of Node's own inspector, for isolates: what there is under
 * `/json`, and a WebSocket for each target.
 */
class Server {
  readonly #http: HttpServer
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: LARGEST_MESSAGE })
  readonly #entries = new Map<string, Entry>()
  readonly #onClose: () => void
  #isClosed = false

  private constructor(http: HttpServer, onClose: () => void) {
    this.#http = http
    this.#onClose = onClose
  }

  static async open({ host, port }: Address, onClose: () => void): Promise<Server> {
    const http = createServer()
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen({ host, port, exclusive: true }, resolve)
    })
    const server = new Server(http, onClose)
    // A debugger keeps no process alive.
    http.unref()
    http.on('connection', (socket) => socket.unref())
    http.on('request', (request, response) => server.#answer(request, response))
    http.on('upgrade', (request, socket, head) => server.#upgrade(request, socket, head))
    http.on('error', () => undefined) // Of a connection that could not be accepted: the others go on.
    return server
  }

  /** None once it is closed. */
  add(target: Target): Endpoint | undefined {
    if (this.#isClosed) return undefined
    const id = randomUUID()
    const entry: Entry = { target, clients: new Set() }
    this.#entries.set(id, entry)
    return {
      url: `ws://${this.#authority}/${id}`,
      devtoolsUrl: this.#devtoolsUrl(id),
      close: () => this.#remove(id, entry),
    }
  }

  get #authority(): string {
    const { address, family, port } = this.#http.address() as AddressInfo
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
  }

  #devtoolsUrl(id: string, page = 'js_app.html'): string {
    return `devtools://devtools/bundled/${page}?experiments=true&v8only=true&ws=${this.#authority}/${id}`
  }

  async #remove(id: string, { clients }: Entry): Promise<void> {
    if (!this.#entries.delete(id)) return
    await Promise.all(Array.from(clients, disconnect))
    if (this.#entries.size > 0 || this.#isClosed) return
    this.#isClosed = true
    this.#onClose()
    await new Promise((resolve) => {
      this.#http.close(resolve)
      this.#http.closeAllConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [status, body] = this.#find(request)
    const text = typeof body === 'string' ? body : JSON.stringify(body, undefined, 2)
    const type = typeof body === 'string' ? 'text/plain' : 'application/json'
    const headers = { 'Content-Type': `${type}; charset=UTF-8`, 'Cache-Control': 'no-cache', 'Content-Length': Buffer.byteLength(text) }
    response.writeHead(status, headers).end(text)
  }

  #find(request: IncomingMessage): [status: number, body: unknown] {
    if (!isAllowedHost(request.headers.host)) return [400, WRONG_HOST]
    if (request.method !== 'GET') return [405, 'There is only GET here.\n']
    switch (path(request).replace(/\/$/, '')) {
      case '/json':
      case '/json/list':
        return [200, Array.from(this.#entries, ([id, { target }]) => this.#describe(id, target))]
      case '/json/version':
        return [200, { Browser: `isoseed/${ISOSEED_VERSION}`, 'Protocol-Version': `${protocol.version.major}.${protocol.version.minor}` }]
      case '/json/protocol':
        return [200, protocol]
      default:
        return [404, 'There is /json/list, /json/version and /json/protocol here.\n']
    }
  }

  #describe(id: string, { title }: Target): object {
    return {
      description: 'isoseed isolate',
      devtoolsFrontendUrl: this.#devtoolsUrl(id),
      devtoolsFrontendUrlCompat: this.#devtoolsUrl(id, 'inspector.html'),
      id,
      title,
      // What Chrome and VS Code know for JavaScript without a page.
      type: 'node',
      url: '',
      webSocketDebuggerUrl: `ws://${this.#authority}/${id}`,
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const entry = this.#entries.get(path(request).slice(1))
    if (!isAllowedHost(request.headers.host)) return refuse(socket, '400 Bad Request')
    if (entry === undefined) return refuse(socket, '404 Not Found')
    if (entry.clients.size >= MOST_CLIENTS) return refuse(socket, '503 Service Unavailable')
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      entry.clients.add(client)
      client.on('close', () => entry.clients.delete(client))
      serveClient(client, entry.target)
    })
  }
}

const WRONG_HOST = 'Host header is specified and is not an IP address or localhost.\n'

/**
 * As Node's inspector does: a name that an attacker's DNS lets point here would
 * give a web page access.
 */
function isAllowedHost(header: string | undefined): boolean {
  if (header === undefined) return true
  const host = header.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return host === 'localhost' || host === 'localhost6' || isIP(host) !== 0
}

function path({ url = '/' }: IncomingMessage): string {
  return url.replace(/[?#].*$/, '')
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => undefined) // It may be gone already.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** A client that does not answer the closing handshake is cut off. */
const CLOSING_MS = 500

function disconnect(client: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => client.terminate(), CLOSING_MS)
    client.once('close', () => {
      clearTimeout(cut)
      resolve()
    })
    client.resume()
    client.close(1001, 'the inspector is closed')
  })
}
