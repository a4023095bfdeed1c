// https://fetch.spec.whatwg.org/#request-class
import { AbortController, abort, isAbortSignal, isAborted, onAbort, reasonOf, signalOf } from './abort.js'
import type { AbortSignal } from './abort.js'
import type { Blob } from './blob.js'
import { Body, extract } from './body.js'
import type { FormData } from './form-data.js'
import { Headers, addHeader, getHeader, hasHeader } from './headers.js'
import { dictionary, getterOf, isObject, need, shape, usv } from './idl.js'
import type { ReadableStream } from './streams.js'
import { hrefOf, URL, usernameOf, passwordOf } from './url.js'

const METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const CHOICES = {
  referrerPolicy: [
    '',
    'no-referrer',
    'no-referrer-when-downgrade',
    'same-origin',
    'origin',
    'strict-origin',
    'origin-when-cross-origin',
    'strict-origin-when-cross-origin',
    'unsafe-url',
  ],
  mode: ['same-origin', 'cors', 'no-cors', 'navigate'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  redirect: ['follow', 'error', 'manual'],
} as const

type ChoiceName = keyof typeof CHOICES

interface RequestInit extends Record<ChoiceName, unknown> {
  method: unknown
  headers: unknown
  body: unknown
  referrer: unknown
  integrity: unknown
  keepalive: unknown
  signal: unknown
  duplex: unknown
  window: unknown
}

/** Everything that is only there to be read. */
interface Settings extends Record<ChoiceName, string> {
  url: string
  method: string
  referrer: string
  integrity: string
  keepalive: boolean
}

const DEFAULTS: Omit<Settings, 'url'> = {
  method: 'GET',
  referrer: 'about:client',
  referrerPolicy: '',
  mode: 'cors',
  credentials: 'same-origin',
  cache: 'default',
  redirect: 'follow',
  integrity: '',
  keepalive: false,
}

export class Request {
  readonly #settings: Settings
  readonly #headers: Headers
  readonly #body: Body
  readonly #signal: AbortSignal

  constructor(input: unknown, init: unknown = undefined) {
    need('Request constructor', 1, arguments.length)
    const options = dictionary<RequestInit>(init, 'The options of Request')
    const from = isRequest(input) ? input : undefined
    this.#settings = changed(from === undefined ? { ...DEFAULTS, url: urlOf(input) } : { ...from.#settings }, options)
    const { method } = this.#settings
    const signal = options.signal === undefined && from !== undefined ? from.#signal : options.signal
    if (signal !== undefined && signal !== null && !isAbortSignal(signal)) throw new TypeError('Request: signal must be an AbortSignal')
    this.#headers = new Headers(options.headers === undefined && from !== undefined ? from.#headers : options.headers)
    const hasBody = options.body !== undefined && options.body !== null
    if ((hasBody || (from !== undefined && !from.#body.isNull)) && (method === 'GET' || method === 'HEAD')) {
      throw new TypeError('Request with GET/HEAD method cannot have body.')
    }
    let content
    if (hasBody) {
      const extracted = extract(options.body)
      content = extracted.content
      if (content.stream !== undefined && options.duplex !== 'half') {
        throw new TypeError("RequestInit: duplex option is required when sending a body that is a stream, and must be 'half'")
      }
      if (extracted.type !== undefined && !hasHeader(this.#headers, 'content-type')) addHeader(this.#headers, 'content-type', extracted.type)
    } else if (from !== undefined) {
      if (from.#body.isUnusable) throw new TypeError('Cannot construct a Request with a Request object that has already been used.')
      content = from.#body.take()
    }
    this.#body = new Body(content, () => getHeader(this.#headers, 'content-type'))
    const controller = new AbortController()
    const own = signalOf(controller)
    this.#signal = own
    if (isAbortSignal(signal)) {
      if (isAborted(signal)) abort(own, reasonOf(signal))
      else onAbort(signal, () => abort(own, reasonOf(signal)))
    }
  }

  get method(): string {
    return this.#settings.method
  }

  get url(): string {
    return this.#settings.url
  }

  get headers(): Headers {
    return this.#headers
  }

  get destination(): string {
    return this.#settings && ''
  }

  get referrer(): string {
    return this.#settings.referrer
  }

  get referrerPolicy(): string {
    return this.#settings.referrerPolicy
  }

  get mode(): string {
    return this.#settings.mode
  }

  get credentials(): string {
    return this.#settings.credentials
  }

  get cache(): string {
    return this.#settings.cache
  }

  get redirect(): string {
    return this.#settings.redirect
  }

  get integrity(): string {
    return this.#settings.integrity
  }

  get keepalive(): boolean {
    return this.#settings.keepalive
  }

  get isReloadNavigation(): boolean {
    return this.#settings === undefined
  }

  get isHistoryNavigation(): boolean {
    return this.#settings === undefined
  }

  get signal(): AbortSignal {
    return this.#signal
  }

  get duplex(): string {
    return this.#settings && 'half'
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

  clone(): Request {
    if (this.#body.isUnusable) throw new TypeError('Request.clone: Body has already been consumed.')
    const copy = new Request(this.#settings.url, { ...this.#settings, headers: this.#headers, signal: this.#signal })
    copy.#body.put(this.#body.tee())
    return copy
  }

  static isRequest(this: void, value: unknown): value is Request {
    return isObject(value) && #settings in value
  }

  static bodyOf(this: void, request: Request): Body {
    return request.#body
  }
}

const { isRequest, bodyOf } = Request
for (const key of ['isRequest', 'bodyOf']) Reflect.deleteProperty(Request, key)

export const requestUrl = getterOf<string>(Request, 'url')
export const requestMethod = getterOf<string>(Request, 'method')
export const requestRedirect = getterOf<string>(Request, 'redirect')
export const requestHeaders = getterOf<Headers>(Request, 'headers')
export const requestSignal = getterOf<AbortSignal>(Request, 'signal')

shape(Request, 'Request')

export { bodyOf as requestBody, isRequest }

function urlOf(input: unknown): string {
  const url = new URL(usv(input))
  if (usernameOf(url) !== '' || passwordOf(url) !== '') {
    throw new TypeError('Request cannot be constructed from a URL that includes credentials')
  }
  return hrefOf(url)
}

function changed(settings: Settings, options: Partial<RequestInit>): Settings {
  if (options.window !== undefined && options.window !== null) throw new TypeError("Request: 'window' option must be null")
  for (const name of Object.keys(CHOICES) as ChoiceName[]) {
    const value = options[name]
    if (value === undefined) continue
    const text = `${value as string}`
    if (!(CHOICES[name] as readonly string[]).includes(text)) throw new TypeError(`Request: ${name} must not be ${JSON.stringify(text)}`)
    settings[name] = text
  }
  if (settings.mode === 'navigate') throw new TypeError('Request: mode must not be "navigate"')
  if (settings.cache === 'only-if-cached' && settings.mode !== 'same-origin') {
    throw new TypeError("Request: 'only-if-cached' can be set only with 'same-origin' mode")
  }
  if (options.referrer !== undefined) settings.referrer = referrer(usv(options.referrer))
  if (options.integrity !== undefined && options.integrity !== null) settings.integrity = `${options.integrity as string}`
  if (options.keepalive !== undefined) settings.keepalive = Boolean(options.keepalive)
  if (options.duplex !== undefined && options.duplex !== 'half') throw new TypeError('Request: duplex must be "half"')
  if (options.method !== undefined) settings.method = methodOf(`${options.method as string}`)
  return settings
}

/** An empty one is none; one of another origin can't be chosen. */
function referrer(text: string): string {
  if (text === '') return ''
  if (system.parseUrl(text, undefined) === undefined) throw new TypeError('Request: the referrer is no URL')
  return 'about:client'
}

function methodOf(method: string): string {
  const upper = method.toUpperCase()
  if (!TOKEN.test(method) || upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK') {
    throw new TypeError(`'${method}' is not a valid HTTP method.`)
  }
  return METHODS.has(upper) ? upper : method
}
