// https://url.spec.whatwg.org/#api
import { getterOf, iteratorsOf, methodOf, need, isObject, shape, usv } from './idl.js'

const SPECIAL_WITH_ORIGIN = new Set(['http:', 'https:', 'ws:', 'wss:', 'ftp:'])

/** How a URL and its parameters see each other. */
let paramsOf: (search: string, changed: (search: string) => void) => URLSearchParams
let setParams: (params: URLSearchParams, search: string) => void

export class URL {
  #parts: UrlParts
  #params: URLSearchParams | undefined

  constructor(url: unknown, base: unknown = undefined) {
    need('URL constructor', 1, arguments.length)
    const parts = parsed(url, base)
    if (parts === undefined) throw invalid()
    this.#parts = parts
  }

  static canParse(this: void, url: unknown, base: unknown = undefined): boolean {
    need('URL.canParse', 1, arguments.length)
    return parsed(url, base) !== undefined
  }

  static parse(this: void, url: unknown, base: unknown = undefined): URL | null {
    need('URL.parse', 1, arguments.length)
    return parsed(url, base) === undefined ? null : new URL(url, base)
  }

  #between(from: number, to: number): string {
    return this.#parts[0].slice(this.#parts[from] as number, this.#parts[to] as number)
  }

  #change(part: string, value: unknown): void {
    const text = usv(value)
    this.#parts = system.changeUrl(this.#parts[0], part, text) ?? this.#parts
  }

  get href(): string {
    return this.#parts[0]
  }

  set href(value: unknown) {
    const parts = system.changeUrl(this.#parts[0], 'href', usv(value))
    if (parts === undefined) throw invalid()
    this.#parts = parts
    this.#refreshParams()
  }

  get origin(): string {
    const protocol = this.#parts[0].slice(0, this.#parts[1])
    if (SPECIAL_WITH_ORIGIN.has(protocol)) return `${protocol}//${this.#between(4, 6)}`
    if (protocol !== 'blob:') return 'null'
    const inner = system.parseUrl(this.#between(7, 8), undefined)
    const isWeb = inner !== undefined && /^https?:/.test(inner[0])
    return isWeb ? `${inner[0].slice(0, inner[1])}//${inner[0].slice(inner[4], inner[6])}` : 'null'
  }

  get protocol(): string {
    return this.#parts[0].slice(0, this.#parts[1])
  }

  set protocol(value: unknown) {
    this.#change('protocol', value)
  }

  get username(): string {
    // After `//`, if there is a host.
    return this.#parts[2] > this.#parts[1] ? this.#parts[0].slice(this.#parts[1] + 2, this.#parts[2]) : ''
  }

  set username(value: unknown) {
    this.#change('username', value)
  }

  get password(): string {
    return this.#parts[3] > this.#parts[2] ? this.#parts[0].slice(this.#parts[2] + 1, this.#parts[3]) : ''
  }

  set password(value: unknown) {
    this.#change('password', value)
  }

  get host(): string {
    return this.#between(4, 6)
  }

  set host(value: unknown) {
    this.#change('host', value)
  }

  get hostname(): string {
    return this.#between(4, 5)
  }

  set hostname(value: unknown) {
    this.#change('hostname', value)
  }

  get port(): string {
    return this.#between(5, 6).slice(1)
  }

  set port(value: unknown) {
    this.#change('port', value)
  }

  get pathname(): string {
    return this.#between(7, 8)
  }

  set pathname(value: unknown) {
    this.#change('pathname', value)
  }

  get search(): string {
    return this.#search()
  }

  #search(): string {
    const search = this.#between(8, 9)
    return search === '?' ? '' : search
  }

  set search(value: unknown) {
    this.#change('search', value)
    this.#refreshParams()
  }

  get searchParams(): URLSearchParams {
    this.#params ??= paramsOf(this.#search(), (search) => this.#change('search', search))
    return this.#params
  }

  #refreshParams(): void {
    if (this.#params !== undefined) setParams(this.#params, this.#search())
  }

  get hash(): string {
    const hash = this.#parts[0].slice(this.#parts[9])
    return hash === '#' ? '' : hash
  }

  set hash(value: unknown) {
    this.#change('hash', value)
  }

  toString(): string {
    return this.#parts[0]
  }

  toJSON(): string {
    return this.#parts[0]
  }
}

export const hrefOf = getterOf<string>(URL, 'href')
export const usernameOf = getterOf<string>(URL, 'username')
export const passwordOf = getterOf<string>(URL, 'password')

shape(URL, 'URL')

function parsed(url: unknown, base: unknown): UrlParts | undefined {
  return system.parseUrl(usv(url), base === undefined ? undefined : usv(base))
}

function invalid(): TypeError {
  return Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' })
}

type Pair = [name: string, value: string]

const iterate = iteratorsOf<string>('URLSearchParams')

export class URLSearchParams {
  #pairs: Pair[]
  #changed: ((search: string) => void) | undefined

  constructor(init: unknown = '') {
    this.#pairs = isObject(init) ? pairsOf(init) : parsePairs(usv(init).replace(/^\?/, ''))
  }

  static {
    paramsOf = (search, changed) => {
      const params = new URLSearchParams(search)
      params.#changed = changed
      return params
    }
    setParams = (params, search) => {
      params.#pairs = parsePairs(search.slice(1))
    }
  }

  #update(): void {
    this.#changed?.(serialize(this.#pairs))
  }

  get size(): number {
    return this.#pairs.length
  }

  append(name: unknown, value: unknown): void {
    need('URLSearchParams.append', 2, arguments.length)
    this.#pairs.push([usv(name), usv(value)])
    this.#update()
  }

  delete(name: unknown, value: unknown = undefined): void {
    need('URLSearchParams.delete', 1, arguments.length)
    const [wantedName, wantedValue] = [usv(name), value === undefined ? undefined : usv(value)]
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== wantedName || (wantedValue !== undefined && pair[1] !== wantedValue))
    this.#update()
  }

  get(name: unknown): string | null {
    need('URLSearchParams.get', 1, arguments.length)
    const wanted = usv(name)
    return this.#pairs.find((pair) => pair[0] === wanted)?.[1] ?? null
  }

  getAll(name: unknown): string[] {
    need('URLSearchParams.getAll', 1, arguments.length)
    const wanted = usv(name)
    return this.#pairs.filter((pair) => pair[0] === wanted).map((pair) => pair[1])
  }

  has(name: unknown, value: unknown = undefined): boolean {
    need('URLSearchParams.has', 1, arguments.length)
    const [wantedName, wantedValue] = [usv(name), value === undefined ? undefined : usv(value)]
    return this.#pairs.some((pair) => pair[0] === wantedName && (wantedValue === undefined || pair[1] === wantedValue))
  }

  set(name: unknown, value: unknown): void {
    need('URLSearchParams.set', 2, arguments.length)
    const [wanted, text] = [usv(name), usv(value)]
    const at = this.#pairs.findIndex((pair) => pair[0] === wanted)
    if (at < 0) this.#pairs.push([wanted, text])
    else this.#pairs = this.#pairs.flatMap((pair, index): Pair[] => (index === at ? [[wanted, text]] : pair[0] === wanted ? [] : [pair]))
    this.#update()
  }

  sort(): void {
    this.#pairs.sort((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0))
    this.#update()
  }

  forEach(callback: unknown, receiver: unknown = undefined): void {
    need('URLSearchParams.forEach', 1, arguments.length)
    if (typeof callback !== 'function') throw new TypeError('URLSearchParams.forEach: the callback must be a function')
    for (let index = 0; index < this.#pairs.length; index++) {
      const [name, value] = this.#pairs[index]!
      Reflect.apply(callback, receiver, [value, name, this])
    }
  }

  entries(): IterableIterator<Pair> {
    return this.#iterate('entries')
  }

  keys(): IterableIterator<string> {
    return this.#iterate('keys')
  }

  values(): IterableIterator<string> {
    return this.#iterate('values')
  }

  #iterate(kind: 'entries' | 'keys' | 'values'): IterableIterator<never> {
    // Asked now, so that a wrong receiver is told at once.
    if (!(#pairs in this)) throw new TypeError('the receiver is no URLSearchParams')
    return iterate(() => this.#pairs, kind)
  }

  toString(): string {
    return serialize(this.#pairs)
  }

  declare [Symbol.iterator]: () => IterableIterator<Pair>
}

Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
  value: URLSearchParams.prototype.entries,
  writable: true,
  configurable: true,
})
shape(URLSearchParams, 'URLSearchParams')

export const parsePairs = (text: string): Pair[] => {
  const parts = system.parseForm(text)
  const pairs: Pair[] = []
  for (let index = 0; index < parts.length; index += 2) pairs.push([parts[index]!, parts[index + 1]!])
  return pairs
}

/** The text of parameters. */
export const paramsText = methodOf(URLSearchParams, 'toString') as (params: object) => string

function serialize(pairs: readonly Pair[]): string {
  return system.serializeForm(pairs.flat())
}

function pairsOf(init: object): Pair[] {
  const iterator: unknown = Reflect.get(init, Symbol.iterator)
  if (iterator === undefined || iterator === null) {
    const pairs = new Map<string, string>()
    for (const key of Reflect.ownKeys(init)) {
      if (!Object.getOwnPropertyDescriptor(init, key)?.enumerable) continue
      // A symbol is no name: this throws.
      pairs.set(usv(key), usv(Reflect.get(init, key)))
    }
    return [...pairs]
  }
  if (typeof iterator !== 'function') throw new TypeError('URLSearchParams: the object is not iterable')
  return Array.from(init as Iterable<Iterable<unknown>>, (pair): Pair => {
    if (!isObject(pair)) throw new TypeError('URLSearchParams: each pair must be an iterable of a name and a value')
    const [name, value, ...rest] = Array.from(pair as Iterable<unknown>, usv)
    if (name === undefined || value === undefined || rest.length > 0) {
      throw new TypeError('URLSearchParams: each pair must be an iterable of a name and a value')
    }
    return [name, value]
  })
}
