import { isNative } from './support/native.ts'
import 'core-js/actual/index.js'

export const input = [3, 1, 2]

/** What this V8 has and what core-js added must answer alike. */
export async function answer(numbers: number[]) {
  const any = globalThis as any
  const I = any.Iterator
  return {
    try: await (Promise as any).try((n: number) => n + 1, 41),
    withResolvers: await (() => { const { promise, resolve } = (Promise as any).withResolvers(); resolve(7); return promise })(),
    iterator: I.from(numbers).map((n: number) => n * 2).drop(1).toArray(),
    concat: I.concat([1], [2, 3]).toArray(),
    escape: (RegExp as any).escape('a.b-c'),
    sum: (Math as any).sumPrecise([1e20, 0.1, -1e20]),
    half: (Math as any).f16round(1.337),
    base64: (Uint8Array.from([251, 255, 1]) as any).toBase64({ alphabet: 'base64url' }),
    hex: [...(Uint8Array as any).fromHex('00ff10')],
    isError: [(Error as any).isError(new TypeError('x')), (Error as any).isError({ __proto__: Error.prototype })],
    insert: (() => { const map = new Map() as any; map.getOrInsert('a', 1); map.getOrInsertComputed('b', (key: string) => key + key); return [...map] })(),
    group: any.Object.groupBy(numbers, (n: number) => (n % 2 ? 'odd' : 'even')),
    sets: [...(new Set(numbers) as any).symmetricDifference(new Set([3, 9]))],
    sorted: (numbers as any).toSorted(),
    fromAsync: await (Array as any).fromAsync((async function* () { yield* numbers })()),
    disposed: (() => { const order: number[] = []; const stack = new any.DisposableStack(); stack.defer(() => order.push(1)); stack.defer(() => order.push(2)); stack.dispose(); return order })(),
    suppressed: new any.SuppressedError(1, 2, 'm').message,
    clone: any.structuredClone({ date: new Date(0), map: new Map([[1, new Set([2])]]), list: [1, undefined, 3] }),
    url: (() => { const url = new any.URL('../b?x=1#h', 'https://user@ex\u00e4mple.com:8080/a/c'); url.searchParams.append('y', 'z w'); return url.href })(),
    atob: any.atob(any.btoa('\u00ffx')),
    view: (() => { const view = new DataView(new ArrayBuffer(4)) as any; view.setFloat16(0, 1.5); return [view.getFloat16(0), view.getUint16(0)] })(),
    metadata: typeof (Symbol as any).metadata,
  }
}

/**
 * Which features are this V8's own and which core-js had to add: must be decided in the snapshot as in an
 * isolate that evaluates the same bundle at run time. (Node's V8 is another one, with other features.)
 */
export function sameAsBlank() {
  const any = globalThis as any
  const at = (path: string) => path.split('.').reduce((object, key) => object?.[key], any)
  const paths = [
    'Promise.try', 'Promise.withResolvers', 'Promise.prototype.finally', 'Promise', 'Iterator', 'Iterator.from', 'Iterator.concat', 'Iterator.prototype.map', 'RegExp.escape', 'RegExp', 'Math.sumPrecise', 'Math.f16round',
    'Uint8Array.fromBase64', 'Uint8Array.fromHex', 'Uint8Array.prototype.toBase64', 'Uint8Array.prototype.setFromHex', 'Error.isError', 'Map.prototype.getOrInsert', 'Map.prototype.getOrInsertComputed', 'WeakMap.prototype.getOrInsert',
    'Map.groupBy', 'Object.groupBy', 'Set.prototype.union', 'Array.fromAsync', 'Array.prototype.toSorted', 'DisposableStack', 'AsyncDisposableStack', 'SuppressedError', 'DataView.prototype.getFloat16', 'ArrayBuffer.prototype.transfer',
    'structuredClone', 'queueMicrotask', 'setTimeout', 'setImmediate', 'URL', 'URLSearchParams', 'atob', 'DOMException', 'Symbol', 'JSON.rawJSON', 'JSON.parse', 'Array.prototype.push', 'String.prototype.isWellFormed', 'Error', 'parseInt',
  ]
  return Object.fromEntries(paths.map((path) => [path, at(path) === undefined ? 'absent' : isNative(at(path)) ? 'native' : 'core-js']))
}
