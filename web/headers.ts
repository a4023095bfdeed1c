// https://fetch.spec.whatwg.org/#headers-class
//
// Without a browser's user no name is forbidden, as in Node.
import { iteratorsOf, isObject, methodOf, need, shape } from './idl.js'

type Header = [name: string, value: string]

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// eslint-disable-next-line no-control-regex
const WRONG_VALUE = /[\0\r\n]/

const iterate = iteratorsOf<string>('Headers')

/** Takes the type's part of the name before it can be seen. */
function byteString(value: unknown, what: string): string {
  const text = `${value as string}`
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 255) throw new TypeError(`${what}: a character is larger than 255`)
  }
  return text
}

function checkedName(what: string, name: unknown): string {
  const text = byteString(name, what)
  if (!NAME.test(text)) throw new TypeError(`${what}: ${JSON.stringify(text)} is an invalid header name`)
  return text.toLowerCase()
}

function checkedValue(what: string, value: unknown): string {
  const text = byteString(value, what).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')
  if (WRONG_VALUE.test(text)) throw new TypeError(`${what}: ${JSON.stringify(text)} is an invalid header value`)
  return text
}

export class Headers {
  #list: Header[] = []
  #isImmutable = false
  /** Sorted and combined, until something changes. */
  #sorted: Header[] | undefined

  constructor(init: unknown = undefined) {
    if (init === undefined) return
    if (!isObject(init)) throw new TypeError('Headers: the argument must be an object or a sequence')
    for (const [name, value] of headersOf(init)) this.#append(name, value)
  }

  #changing(): void {
    if (this.#isImmutable) throw new TypeError('the headers are immutable')
    this.#sorted = undefined
  }

  append(name: unknown, value: unknown): void {
    need('Headers.append', 2, arguments.length)
    this.#append(name, value)
  }

  #append(name: unknown, value: unknown): void {
    const header: Header = [checkedName('Headers.append', name), checkedValue('Headers.append', value)]
    this.#changing()
    this.#list.push(header)
  }

  delete(name: unknown): void {
    need('Headers.delete', 1, arguments.length)
    const wanted = checkedName('Headers.delete', name)
    this.#changing()
    this.#list = this.#list.filter((header) => header[0] !== wanted)
  }

  get(name: unknown): string | null {
    need('Headers.get', 1, arguments.length)
    const wanted = checkedName('Headers.get', name)
    const values = this.#list.filter((header) => header[0] === wanted).map((header) => header[1])
    return values.length === 0 ? null : values.join(', ')
  }

  has(name: unknown): boolean {
    need('Headers.has', 1, arguments.length)
    const wanted = checkedName('Headers.has', name)
    return this.#list.some((header) => header[0] === wanted)
  }

  set(name: unknown, value: unknown): void {
    need('Headers.set', 2, arguments.length)
    const header: Header = [checkedName('Headers.set', name), checkedValue('Headers.set', value)]
    this.#changing()
    const at = this.#list.findIndex((each) => each[0] === header[0])
    if (at < 0) this.#list.push(header)
    else this.#list = this.#list.flatMap((each, index) => (index === at ? [header] : each[0] === header[0] ? [] : [each]))
  }

  getSetCookie(): string[] {
    return this.#list.filter((header) => header[0] === 'set-cookie').map((header) => header[1])
  }

  forEach(callback: unknown, receiver: unknown = undefined): void {
    need('Headers.forEach', 1, arguments.length)
    if (typeof callback !== 'function') throw new TypeError('Headers.forEach: the callback must be a function')
    for (let index = 0; index < this.#pairs().length; index++) {
      const [name, value] = this.#pairs()[index]!
      Reflect.apply(callback, receiver, [value, name, this])
    }
  }

  entries(): IterableIterator<Header> {
    return this.#iterate('entries')
  }

  keys(): IterableIterator<string> {
    return this.#iterate('keys')
  }

  values(): IterableIterator<string> {
    return this.#iterate('values')
  }

  #iterate(kind: 'entries' | 'keys' | 'values'): IterableIterator<never> {
    if (!(#list in this)) throw new TypeError('the receiver is no Headers')
    return iterate(() => this.#pairs(), kind)
  }

  #pairs(): Header[] {
    if (this.#sorted !== undefined) return this.#sorted
    const combined = new Map<string, string>()
    const cookies: Header[] = []
    for (const [name, value] of this.#list) {
      if (name === 'set-cookie') cookies.push([name, value])
      else combined.set(name, combined.has(name) ? `${combined.get(name)}, ${value}` : value)
    }
    this.#sorted = [...combined, ...cookies].toSorted((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0))
    return this.#sorted
  }

  static pairsOf(this: void, headers: Headers): readonly Header[] {
    return headers.#pairs()
  }

  static freeze(this: void, headers: Headers): Headers {
    headers.#isImmutable = true
    return headers
  }

  static isHeaders(this: void, value: unknown): value is Headers {
    return isObject(value) && #list in value
  }

  declare [Symbol.iterator]: () => IterableIterator<Header>
}

const { pairsOf, freeze, isHeaders } = Headers
for (const key of ['pairsOf', 'freeze', 'isHeaders']) Reflect.deleteProperty(Headers, key)

Object.defineProperty(Headers.prototype, Symbol.iterator, { value: Headers.prototype.entries, writable: true, configurable: true })
export const hasHeader = methodOf(Headers, 'has') as (headers: Headers, name: string) => boolean
export const getHeader = methodOf(Headers, 'get') as (headers: Headers, name: string) => string | null
export const addHeader = methodOf(Headers, 'append') as (headers: Headers, name: string, value: string) => void

shape(Headers, 'Headers')

export { pairsOf as headerPairs }

/** Headers that nobody can change. */
export function immutable(headers: Headers): Headers {
  return freeze(headers)
}

function headersOf(init: object): Iterable<[unknown, unknown]> {
  if (isHeaders(init)) return pairsOf(init) as [string, string][]
  const iterator: unknown = Reflect.get(init, Symbol.iterator)
  if (iterator !== undefined && iterator !== null) {
    if (typeof iterator !== 'function') throw new TypeError('Headers: the object is not iterable')
    return Array.from(init as Iterable<unknown>, (pair) => {
      const parts = isObject(pair) ? Array.from(pair as Iterable<unknown>) : []
      if (parts.length !== 2) throw new TypeError('Headers: each header must be a pair of a name and a value')
      return [parts[0], parts[1]]
    })
  }
  return Reflect.ownKeys(init)
    .filter((key) => Object.getOwnPropertyDescriptor(init, key)?.enumerable)
    .map((key) => [key, Reflect.get(init, key)])
}
