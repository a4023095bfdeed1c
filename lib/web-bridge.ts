import { guarded, wrong } from './checks.js'
import type { SourceObject } from './source.js'

/**
 * A part of the web bridge: the globals that it defines, with those of the parts that it needs.
 *
 * - `'abort'`: `AbortController`, `AbortSignal` with `timeout` and `any`
 * - `'base64'`: `atob`, `btoa`
 * - `'blob'`: `Blob`, `File`
 * - `'crypto'`: `crypto` with `getRandomValues`, `randomUUID` and `subtle.digest`
 * - `'domException'`: `DOMException`
 * - `'encoding'`: `TextEncoder`, `TextDecoder` for all encodings of the web
 * - `'events'`: `Event`, `EventTarget`, `CustomEvent`
 * - `'fetch'`: `Headers`, `Request`, `Response`, `FormData`, and `fetch` when the host gives a binding of that name
 * - `'messaging'`: `MessageChannel`, `MessagePort`, `MessageEvent`
 * - `'microtasks'`: `queueMicrotask`
 * - `'performance'`: `performance` with `now`, `timeOrigin`, `mark` and `measure`
 * - `'streams'`: `ReadableStream`, `WritableStream`, `TransformStream`, their readers, writers, controllers and
 *   strategies, `TextEncoderStream`, `TextDecoderStream`
 * - `'structuredClone'`: `structuredClone`
 * - `'timers'`: `setTimeout`, `setInterval`, `clearTimeout`, `clearInterval`
 * - `'url'`: `URL`, `URLSearchParams`
 */
export type WebBridgePart =
  | 'abort'
  | 'base64'
  | 'blob'
  | 'crypto'
  | 'domException'
  | 'encoding'
  | 'events'
  | 'fetch'
  | 'messaging'
  | 'microtasks'
  | 'performance'
  | 'streams'
  | 'structuredClone'
  | 'timers'
  | 'url'

/** The ready-made bridge: a source with the web platform's everyday APIs. */
export interface WebBridge extends Readonly<SourceObject> {
  /** The names of all parts. */
  readonly parts: readonly WebBridgePart[]
  /**
   * A source with some of the parts, and those that they need.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` for an unknown part
   */
  pick(parts: readonly WebBridgePart[]): SourceObject
}

/** What a guest's `fetch` asks of the host: the argument of a binding named `fetch`. */
export interface FetchRequest {
  /** Absolute, without a fragment's meaning: as in `Request.url`. */
  url: string
  /** `GET`, `POST` and so on. */
  method: string
  /** Names in small letters, sorted, with their values. */
  headers: [name: string, value: string][]
  /** What to do about redirects. */
  redirect: 'follow' | 'error' | 'manual'
  /** The whole body, if the request has one. */
  body?: Uint8Array
}

/** What a binding named `fetch` answers with. A host's exception rejects the guest's promise. */
export interface FetchResponse {
  /**
   * An integer from 200 to 599.
   *
   * @default 200
   */
  status?: number
  /** @default '' */
  statusText?: string
  /** Pairs, or an object. */
  headers?: Iterable<readonly [name: string, value: string]> | Record<string, string>
  /** The body: text, bytes, or an asynchronous iterable of either. None for `null`. */
  body?: string | Uint8Array | ArrayBuffer | AsyncIterable<string | Uint8Array> | null
  /**
   * Where the response came from, after redirects.
   *
   * @default the request's
   */
  url?: string
  /** @default false */
  redirected?: boolean
}

/** What web-bridge.js exports. */
interface Pieces {
  /** The module that makes each part. */
  parts: Record<WebBridgePart, number>
  /** All modules in the order in which they are evaluated. */
  modules: { name: string; needs: number[]; code: string }[]
}

/**
 * The built-ins of ECMAScript that the bridge uses: a guest that replaces the globals later does not change it. Those
 * that V8 adds late are not among them.
 */
const CAPTURED = [
  'Array',
  'ArrayBuffer',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Date',
  'Error',
  'Float32Array',
  'Float64Array',
  'Function',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'JSON',
  'Map',
  'Math',
  'Number',
  'Object',
  'Promise',
  'RangeError',
  'Reflect',
  'Set',
  'String',
  'Symbol',
  'TypeError',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'WeakMap',
  'WeakRef',
  'WeakSet',
] as const

let pieces: Pieces | undefined

/** Loaded when it is first needed: most programs do without. */
function load(): Pieces {
  // A plain `require`, so that the bundle leaves it to Node: web-bridge.js lies beside the bundle.
  pieces ??= require('../web-bridge.js') as Pieces
  return pieces
}

/** The modules that make some parts, and all that those need. */
function neededFor(parts: readonly WebBridgePart[]): Set<number> {
  const { modules, parts: known } = load()
  const needed = new Set<number>()
  const add = (index: number): void => {
    if (needed.has(index)) return
    needed.add(index)
    modules[index]!.needs.forEach(add)
  }
  for (const part of parts) add(known[part])
  return needed
}

function assemble(parts: readonly WebBridgePart[]): string {
  const { modules } = load()
  const needed = neededFor(parts)
  const code = modules.filter((_, index) => needed.has(index)).map((module) => module.code)
  return [
    // Nothing of it is the module's to export.
    "const system = require('isoseed:system')\n;(() => {\n'use strict'",
    `const { ${CAPTURED.join(', ')} } = globalThis`,
    ...code,
    '})()\n',
  ].join('\n')
}

/**
 * A name like those of our own scripts: positions in findings are those of the code that calls the bridge. Modules of
 * the same name are the same: another choice of parts has another name.
 */
const NAME = 'isoseed:web'

function source(name: string, code: () => string): SourceObject {
  return Object.defineProperty({ code: '', name, type: 'commonjs' }, 'code', { get: code, enumerable: true })
}

function pick(parts: readonly WebBridgePart[]): SourceObject {
  if (!Array.isArray(parts)) throw wrong('webBridge.pick', 'parts', 'an array of names', parts)
  const known = load().parts
  const names: unknown[] = guarded('webBridge.pick', 'parts', () => [...(parts as unknown[])])
  for (const [index, name] of names.entries()) {
    if (typeof name === 'string' && Object.hasOwn(known, name)) continue
    throw wrong('webBridge.pick', `parts[${index}]`, `one of ${Object.keys(known).join(', ')}`, name)
  }
  const picked = [...new Set(names as WebBridgePart[])].toSorted()
  const code = assemble(picked)
  return source(picked.length === Object.keys(known).length ? NAME : `${NAME}/${picked.join('+')}`, () => code)
}

let whole: string | undefined

function allParts(): readonly WebBridgePart[] {
  return Object.freeze(Object.keys(load().parts) as WebBridgePart[])
}

/**
 * The web platform's everyday APIs as a bridge: timers, `queueMicrotask`, URL, text encodings, base64, events, abort
 * signals, `structuredClone`, message channels, blobs, streams, `Headers`, `Request`, `Response`, `FormData`,
 * `performance`, and the part of `crypto` that needs no keys. `fetch` is there when the host gives a binding of that
 * name (`FetchRequest`, `FetchResponse`).
 *
 * It is a `Source` as any other: `buildSnapshot({ bridge: webBridge, bundle })`, also in `fallback`, and for
 * `isolate.eval` in an isolate without a snapshot. `webBridge.pick(['timers', 'url'])` is one with some of the parts
 * only.
 */
export const webBridge: WebBridge = Object.freeze(
  Object.defineProperties(
    source(NAME, () => (whole ??= assemble(allParts()))),
    {
      parts: { get: allParts },
      pick: { value: pick },
    },
  ),
) as WebBridge
