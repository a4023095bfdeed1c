/** Native functions: what `require('isoseed:system')` gives. See src/engine/system. */
interface System {
  /** A binding `name` of the host becomes the global `wrap(binding)`. */
  adopt(name: string, wrap: (binding: (...args: unknown[]) => Promise<unknown>) => unknown): void
  /** `undefined`: not base64. */
  atob(text: string): string | undefined
  /** `undefined`: a character is no byte. */
  btoa(text: string): string | undefined
  /** Milliseconds since the session began; 0 while a snapshot is built. */
  now(): number
  /** When the session began, in milliseconds since 1970; `undefined` while a snapshot is built. */
  timeOrigin(): number | undefined
  /**
   * A structured clone. `write` gives a number to each object whose prototype is marked; `finish` gives what is in
   * their places in the clone; `refuse` throws.
   */
  clone(
    value: unknown,
    buffers: ArrayBuffer[],
    write: (object: object) => number,
    finish: () => object[],
    refuse: (message: string) => never,
  ): unknown
  /** Whether it is an `ArrayBuffer` that can be detached, and is not yet. */
  isTransferable(value: unknown): boolean
  /** Objects that inherit from it are not cloned as plain ones. */
  mark(prototype: object, className: string): void
  /** Writes a digest of 160, 256, 384 or 512 bits. */
  digest(bits: number, bytes: ArrayBuffer | ArrayBufferView, into: Uint8Array): void
  /** Names and values in turn. */
  parseForm(text: string): string[]
  serializeForm(namesAndValues: string[]): string
  queueMicrotask(callback: () => void): void
  /** Tells of an exception that nobody catches. */
  report(exception: unknown): void
  /** `false` while a snapshot is built: nothing was filled. */
  fillRandom(view: ArrayBufferView): boolean
  /** The name of the encoding, in small letters. */
  encodingOf(label: string): string | undefined
  decode(encoding: string, bytes: ArrayBuffer | ArrayBufferView, fatal: boolean, ignoreBOM: boolean): string
  decodeChunk(
    encoding: string,
    bytes: ArrayBuffer | ArrayBufferView,
    fatal: boolean,
    ignoreBOM: boolean,
    state: DecoderState,
    isLast: boolean,
  ): string
  utf8Length(text: string): number
  /** How many bytes it wrote; `read` gets how many UTF-16 units they are. */
  utf8Write(text: string, into: Uint8Array, read?: Uint32Array): number
  /** A positive integer. `name` is what refuses while a snapshot is built. */
  startTimer(callback: () => unknown, ms: number, repeats: boolean, name: string): number
  stopTimer(id: number): void
  /** The URL's text, and where its parts are. */
  parseUrl(input: string, base: string | undefined): UrlParts | undefined
  changeUrl(href: string, part: string, value: string): UrlParts | undefined
}

/** Bytes that begin a character, as a string; UTF-16 units of them that were given already; whether it has begun. */
type DecoderState = [carried: string, given: number, began: boolean]

/** Places as in src/engine/system/url/record.rs. */
type UrlParts = [
  href: string,
  protocolEnd: number,
  usernameEnd: number,
  passwordEnd: number,
  hostStart: number,
  hostnameEnd: number,
  portEnd: number,
  pathStart: number,
  pathEnd: number,
  searchEnd: number,
]

declare const system: System
