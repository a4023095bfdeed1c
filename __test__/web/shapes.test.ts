// The globals of the bridge have the shape of Node's own: names, kinds, lengths, attributes, prototypes.
import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import { expect, test } from 'vitest'

/** What differs from Node 20, and why. */
const DIFFERENCES: Record<string, string> = {
  'URL.createObjectURL': 'there is nothing to load an object URL',
  'URL.revokeObjectURL': 'there is nothing to load an object URL',
  'setTimeout.length': 'as the standard has it',
  'setInterval.length': 'as the standard has it',
  'clearTimeout.length': 'as the standard has it',
  'clearInterval.length': 'as the standard has it',
  'structuredClone.length': 'as the standard has it',
  'TextEncoderStream#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'TextDecoderStream#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'Event#AT_TARGET': 'as the standard has it',
  'Event#BUBBLING_PHASE': 'as the standard has it',
  'Event#CAPTURING_PHASE': 'as the standard has it',
  'Event#NONE': 'as the standard has it',
  'Event#returnValue': 'as the standard has it',
  'CustomEvent#initCustomEvent': 'as the standard has it',
  'AbortSignal.abort': 'as the standard has it',
  'AbortSignal.any': 'as the standard has it',
  'AbortSignal.timeout': 'as the standard has it',
  'AbortSignal#reason': 'as the standard has it',
  'AbortSignal#throwIfAborted': 'as the standard has it',
  'FormData.length': 'as the standard has it',
  'FormData#constructor': 'as the standard has it',
  'MessageChannel#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'MessageChannel#port1': 'in Node each channel has it',
  'MessageChannel#port2': 'in Node each channel has it',
  'MessagePort#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'MessagePort#close': 'as the standard has it',
  'MessagePort#postMessage': 'as the standard has it',
  'MessagePort#onclose': 'as the standard has it',
  'MessagePort#hasRef': 'of Node alone',
  'MessagePort#ref': 'of Node alone',
  'MessagePort#unref': 'of Node alone',
  'MessageEvent#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'Blob#bytes': 'as the standard has it',
  'Request#attribute': 'of Node alone',
  'WritableStreamDefaultController#abortReason': 'for older versions of the standard',
  'Performance#clearResourceTimings': 'there are no resources',
  'Performance#setResourceTimingBufferSize': 'there are no resources',
  'Performance#markResourceTiming': 'of Node alone',
  'Performance#onresourcetimingbufferfull': 'there are no resources',
  'Performance#eventLoopUtilization': 'of Node alone',
  'Performance#nodeTiming': 'of Node alone',
  'Performance#timerify': 'of Node alone',
  'PerformanceEntry#Symbol(Symbol.toStringTag)': 'as the standard has it',
  'PerformanceMark^': 'as the standard has it',
  'PerformanceMark#toJSON': 'as the standard has it',
  'PerformanceMeasure^': 'as the standard has it',
  'PerformanceMeasure#toJSON': 'as the standard has it',
  'SubtleCrypto#decrypt': 'needs keys',
  'SubtleCrypto#deriveBits': 'needs keys',
  'SubtleCrypto#deriveKey': 'needs keys',
  'SubtleCrypto#encrypt': 'needs keys',
  'SubtleCrypto#exportKey': 'needs keys',
  'SubtleCrypto#generateKey': 'needs keys',
  'SubtleCrypto#importKey': 'needs keys',
  'SubtleCrypto#sign': 'needs keys',
  'SubtleCrypto#unwrapKey': 'needs keys',
  'SubtleCrypto#verify': 'needs keys',
  'SubtleCrypto#wrapKey': 'needs keys',
}

/** Each member of each global, in words. Runs in the isolate and here. */
const walk = `(names) => {
  const found = {}
  const note = (path, descriptor) => {
    const { value, get, set, enumerable } = descriptor
    const kind = get !== undefined ? 'get' + (set === undefined ? '' : ' set') : typeof value === 'function' ? 'function ' + value.name + '/' + value.length : String(value)
    found[path] = (enumerable ? 'enumerable ' : '') + kind
  }
  // What an implementation keeps for itself: symbols that are not well-known, and names with an underscore.
  const isPublic = (key) => typeof key === 'symbol' ? key === Symbol.iterator || key === Symbol.asyncIterator || key === Symbol.toStringTag : !key.startsWith('_')
  for (const name of names) {
    const global = Object.getOwnPropertyDescriptor(globalThis, name)
    if (global === undefined) continue
    const value = globalThis[name]
    found[name] = (global.enumerable ? 'enumerable ' : '') + typeof value
    if (typeof value !== 'function') continue
    found[name + '.length'] = String(value.length)
    found[name + '.name'] = value.name
    for (const key of Reflect.ownKeys(value)) {
      if (isPublic(key) && !['length', 'name', 'prototype', 'arguments', 'caller'].includes(key)) note(name + '.' + String(key), Object.getOwnPropertyDescriptor(value, key))
    }
    // A function of Node's may be a constructor by accident.
    if (value.prototype === undefined || !/^[A-Z]/.test(name)) continue
    for (const key of Reflect.ownKeys(value.prototype)) if (isPublic(key)) note(name + '#' + String(key), Object.getOwnPropertyDescriptor(value.prototype, key))
    found[name + '^'] = Object.prototype.toString.call(Object.getPrototypeOf(value.prototype))
  }
  return found
}`

async function shapes(): Promise<[ours: Record<string, string>, node: Record<string, string>]> {
  await using bare = await createIsolate()
  await using isolate = await createIsolate({ snapshot: await buildSnapshot({ bridge: webBridge }) })
  const before = new Set(await bare.eval<string[]>('Object.getOwnPropertyNames(globalThis)'))
  const names = (await isolate.eval<string[]>('Object.getOwnPropertyNames(globalThis)')).filter((name) => !before.has(name))
  const here = new Function(`return ${walk}`)() as (names: string[]) => Record<string, string>
  return [await isolate.eval(`(${walk})(${JSON.stringify(names)})`), here(names)]
}

test.runIf(process.version.startsWith('v20.'))('every member of every global is as in Node, apart from what is listed', async () => {
  const [ours, node] = await shapes()
  expect(Object.keys(ours).length).toBeGreaterThan(400)
  const differing = [...new Set([...Object.keys(ours), ...Object.keys(node)])].filter((path) => ours[path] !== node[path])
  expect(differing.toSorted()).toEqual(Object.keys(DIFFERENCES).toSorted())
})

test('console has all methods of the standard', async () => {
  await using isolate = await createIsolate({ snapshot: await buildSnapshot({ bridge: webBridge }) })
  const methods = ['assert', 'clear', 'count', 'countReset', 'debug', 'dir', 'dirxml', 'error', 'group', 'groupCollapsed', 'groupEnd', 'info', 'log', 'table', 'time', 'timeEnd', 'timeLog', 'trace', 'warn']
  expect(await isolate.eval(`${JSON.stringify(methods)}.filter((method) => typeof console[method] !== 'function')`)).toEqual([])
})
