// https://fetch.spec.whatwg.org/#response-class
import type { Blob } from './blob.js'
import { Body, extract } from './body.js'
import type { Content } from './body.js'
import { utf8 } from './encoding.js'
import type { FormData } from './form-data.js'
import { Headers, addHeader, getHeader, hasHeader, immutable } from './headers.js'
import { dictionary, need, shape, usv } from './idl.js'
import type { ReadableStream } from './streams.js'
import { URL, hrefOf } from './url.js'

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304])

interface ResponseInit {
  status: unknown
  statusText: unknown
  headers: unknown
}

interface State {
  type: string
  url: string
  redirected: boolean
  status: number
  statusText: string
}

const DEFAULTS: State = { type: 'default', url: '', redirected: false, status: 200, statusText: '' }

export class Response {
  #state: State
  #headers: Headers
  readonly #body: Body

  constructor(body: unknown = undefined, init: unknown = undefined) {
    const { status = 200, statusText = '', headers } = dictionary<ResponseInit>(init, 'The options of Response')
    // Web IDL's `unsigned short`: it wraps around before it is compared.
    const code = Math.trunc(Number(status)) & 0xffff
    if (code < 200 || code > 599) throw new RangeError('Response: status must be from 200 to 599')
    const text = `${statusText as string}`
    if (!/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(text)) throw new TypeError('Response: invalid statusText')
    this.#state = { ...DEFAULTS, status: code, statusText: text }
    this.#headers = new Headers(headers)
    const extracted = body === undefined || body === null ? undefined : extract(body)
    if (extracted !== undefined) {
      if (WITHOUT_BODY.has(code)) throw new TypeError(`Response: a response of status ${code} has no body`)
      if (extracted.type !== undefined && !hasHeader(this.#headers, 'content-type')) addHeader(this.#headers, 'content-type', extracted.type)
    }
    this.#body = new Body(extracted?.content, () => getHeader(this.#headers, 'content-type'))
  }

  static error(this: void): Response {
    return made({ ...DEFAULTS, type: 'error', status: 0 }, new Headers(), undefined)
  }

  static redirect(this: void, url: unknown, status: unknown = 302): Response {
    need('Response.redirect', 1, arguments.length)
    const location = hrefOf(new URL(usv(url)))
    const code = Math.trunc(Number(status)) & 0xffff
    if (!REDIRECTS.has(code)) throw new RangeError(`Response.redirect: ${code} is no status of a redirect`)
    return made({ ...DEFAULTS, status: code }, new Headers([['location', location]]), undefined)
  }

  static json(this: void, data: unknown, init: unknown = undefined): Response {
    need('Response.json', 1, arguments.length)
    const text = JSON.stringify(data) as string | undefined
    if (text === undefined) throw new TypeError('Response.json: the value is not JSON serializable')
    const { status, statusText, headers: given } = dictionary<ResponseInit>(init, 'The options of Response')
    const headers = new Headers(given)
    if (!hasHeader(headers, 'content-type')) addHeader(headers, 'content-type', 'application/json')
    return new Response(utf8(text), { status, statusText, headers })
  }

  get type(): string {
    return this.#state.type
  }

  get url(): string {
    return this.#state.url
  }

  get redirected(): boolean {
    return this.#state.redirected
  }

  get status(): number {
    return this.#state.status
  }

  get ok(): boolean {
    return this.#state.status >= 200 && this.#state.status <= 299
  }

  get statusText(): string {
    return this.#state.statusText
  }

  get headers(): Headers {
    return this.#headers
  }

  get body(): ReadableStream<unknown> | null {
    return this.#body.stream
  }

  get bodyUsed(): boolean {
    return this.#body.isUsed
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.#body.bytes()).buffer
  }

  async blob(): Promise<Blob> {
    return this.#body.blob()
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#body.bytes()
  }

  async formData(): Promise<FormData> {
    return this.#body.formData()
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.#body.text())
  }

  async text(): Promise<string> {
    return this.#body.text()
  }

  clone(): Response {
    if (this.#body.isUnusable) throw new TypeError('Response.clone: Body has already been consumed.')
    const copy = new Response(null)
    copy.#state = { ...this.#state }
    copy.#headers = new Headers(this.#headers)
    copy.#body.put(this.#body.tee())
    return copy
  }

  /** A response that no guest made: its headers can't be changed. */
  static made(this: void, state: State, headers: Headers, content: Content | undefined): Response {
    const response = new Response()
    response.#state = state
    response.#headers = immutable(headers)
    response.#body.put(content)
    return response
  }
}

const { made } = Response
Reflect.deleteProperty(Response, 'made')

shape(Response, 'Response')

export { DEFAULTS as responseDefaults, WITHOUT_BODY, made as newResponse }
