// The part of https://w3c.github.io/webcrypto/ that needs no keys.
import { DOMException } from './dom-exception.js'
import { bytesOf, illegal, isBufferSource, methodOf, need, shape } from './idl.js'

const PRIVATE = Symbol('Crypto')

/** More random bytes at once are refused. */
const MOST_RANDOM = 65536

const HASHES: Record<string, number> = { 'SHA-1': 160, 'SHA-256': 256, 'SHA-384': 384, 'SHA-512': 512 }

const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array]

function fill(view: ArrayBufferView<ArrayBuffer>): void {
  if (system.fillRandom(view)) return
  // While a snapshot is built: the builder watches who draws random numbers, and warns of what stays.
  const bytes = bytesOf(view)
  for (let index = 0; index < bytes.length; index++) bytes[index] = Math.random() * 256
}

export class SubtleCrypto {
  readonly #isReal: boolean

  constructor(token: unknown = undefined) {
    if (token !== PRIVATE) illegal()
    this.#isReal = true
  }

  async digest(algorithm: unknown, data: unknown): Promise<ArrayBuffer> {
    if (!this.#isReal) illegal()
    need('SubtleCrypto.digest', 2, arguments.length)
    const isObject = typeof algorithm === 'object' && algorithm !== null
    const given: unknown = isObject ? (algorithm as { name?: unknown }).name : algorithm
    if (isObject && given === undefined) throw new TypeError('SubtleCrypto.digest: the algorithm has no name')
    const name = `${given as string}`.toUpperCase()
    if (!isBufferSource(data)) throw new TypeError('SubtleCrypto.digest: the data must be an ArrayBuffer or a view of one')
    const bits = Object.hasOwn(HASHES, name) ? HASHES[name] : undefined
    if (bits === undefined) throw new DOMException('Unrecognized algorithm name', 'NotSupportedError')
    const into = new Uint8Array(bits / 8)
    system.digest(bits, data, into)
    return into.buffer
  }
}

shape(SubtleCrypto, 'SubtleCrypto')

export class Crypto {
  readonly #subtle: SubtleCrypto

  constructor(token: unknown = undefined) {
    if (token !== PRIVATE) illegal()
    this.#subtle = new SubtleCrypto(PRIVATE)
  }

  get subtle(): SubtleCrypto {
    return this.#subtle
  }

  getRandomValues<T>(array: T): T {
    if (!(#subtle in this)) illegal()
    need('crypto.getRandomValues', 1, arguments.length)
    if (!INTEGERS.some((type) => array instanceof type)) {
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError')
    }
    const view = array as unknown as Uint8Array<ArrayBuffer>
    if (view.byteLength > MOST_RANDOM) {
      throw new DOMException(`The requested length exceeds ${MOST_RANDOM} bytes`, 'QuotaExceededError')
    }
    fill(view)
    return array
  }

  randomUUID(): string {
    if (!(#subtle in this)) illegal()
    const bytes = new Uint8Array(16)
    fill(bytes)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}

shape(Crypto, 'Crypto')

export const crypto = new Crypto(PRIVATE)
export const randomUUID = methodOf(Crypto, 'randomUUID') as (crypto: Crypto) => string
