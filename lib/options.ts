import { types } from 'node:util'
import type { NativeBuildRequest, NativeSnapshot, NativeSource } from '../native.js'
import { checkBindingPaths, flattenBindings, isPath } from './bindings.js'
import type { Binding } from './bindings.js'
import {
  Given,
  MAX_MEMORY_MB,
  MAX_TIMEOUT_MS,
  MIN_MEMORY_MB,
  checkCode,
  checkFileName,
  checkOrigin,
  checkPath,
  guarded,
  isObject,
  readObject,
  wrong,
} from './checks.js'
import { invalidArg, show } from './errors.js'
import { moduleKey } from './module-name.js'
import { checkModules } from './modules.js'
import type { Modules } from './modules.js'
import { checkListeners } from './observe-options.js'
import type { Listeners } from './reports.js'
import { checkTransfer } from './transfer.js'
import type { BuildProgress, SnapshotCacheLimits } from './snapshot-types.js'
import { checkValueLimits } from './value-limits.js'
import type { Limits } from './value-limits.js'

const MEMORY_RANGE = [MIN_MEMORY_MB, MAX_MEMORY_MB] as const
/** A TiB is more than any cache needs; nothing at all is allowed. */
const CACHE_RANGE = [0, 1024 * 1024] as const
const TIMEOUT_RANGE = [1, MAX_TIMEOUT_MS] as const

/** Each isolate is a thread with a heap: more than this is a mistake. */
const MAX_PREWARMED = 1000

/** The native side of a value if it is a `Snapshot`; a parameter, so that checking options needs no addon. */
export type SnapshotLookup = (value: unknown) => NativeSnapshot | undefined

/** What `buildSnapshot` needs. */
export interface BuildRequest {
  request: NativeBuildRequest
  base: NativeSnapshot | undefined
  onProgress: ((progress: BuildProgress) => void) | undefined
  signal: AbortSignal | undefined
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkBuildOptions(options: unknown, nativeSnapshot: SnapshotLookup): BuildRequest {
  const given = new Given('buildSnapshot', options, [
    'bridge',
    'bundle',
    'warmup',
    'base',
    'bindings',
    'unsafe',
    'timeoutMs',
    'memoryLimitMb',
    'cache',
    'signal',
    'onProgress',
  ])
  const base = nativeSnapshot(given.get('base'))
  if (base === undefined && given.get('base') !== undefined) throw given.fail('base', 'a Snapshot')
  const onProgress = given.get('onProgress')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw given.fail('onProgress', 'a function')
  const request: NativeBuildRequest = {
    bundles: checkBundles(given.where, 'bundle', given.get('bundle')),
    bindings: checkBindingPaths(given.where, given.get('bindings')),
    timeoutMs: given.integer('timeoutMs', TIMEOUT_RANGE, 60_000),
    memoryLimitMb: given.integer('memoryLimitMb', MEMORY_RANGE, 512),
    warnOnly: given.choice('unsafe', ['error', 'warn']) === 'warn',
    ...checkCache(given),
    progress: onProgress !== undefined,
  }
  const bridge = optionalSource(given, 'bridge', 'bridge.js')
  if (bridge !== undefined) request.bridge = bridge
  const warmup = optionalSource(given, 'warmup', 'warmup.js')
  if (warmup !== undefined) request.warmup = warmup
  checkModuleNames(given.where, [...(bridge === undefined ? [] : [bridge]), ...request.bundles])
  return { request, base, onProgress: onProgress as BuildRequest['onProgress'], signal: given.signal('signal') }
}

function checkCache(given: Given): Pick<NativeBuildRequest, 'cache' | 'cacheDirectory'> {
  const cache = given.get('cache')
  if (typeof cache === 'string') return { cache: true, cacheDirectory: checkPath(given.where, 'cache', cache) }
  if (cache !== undefined && typeof cache !== 'boolean') throw given.fail('cache', "true, false or a directory's path")
  return { cache: cache ?? true }
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkCacheLimits(limits: unknown): SnapshotCacheLimits {
  const given = new Given('snapshotCache.setLimits', limits, ['memoryMb', 'directoryMb'])
  const checked: SnapshotCacheLimits = {}
  for (const name of ['memoryMb', 'directoryMb'] as const) {
    if (given.get(name) !== undefined) checked[name] = given.integer(name, CACHE_RANGE, 0)
  }
  return checked
}

/** Modules are found by their names. */
function checkModuleNames(where: string, sources: NativeSource[]): void {
  const names = new Set<string>()
  for (const { name, kind } of sources) {
    if (kind === undefined) continue
    const key = moduleKey(name)
    if (names.has(key)) throw invalidArg(`${where}: two modules have the name ${show(key)}`)
    names.add(key)
  }
}

function checkBundles(where: string, name: string, bundle: unknown): NativeSource[] {
  if (bundle === undefined) return []
  if (!Array.isArray(bundle)) return [checkSource(where, name, bundle, 'bundle.js')]
  const sources: NativeSource[] = []
  for (let index = 0; index < bundle.length; index += 1) {
    const source: unknown = guarded(where, `${name}[${index}]`, () => bundle[index] as unknown)
    const fileName = bundle.length === 1 ? 'bundle.js' : `bundle-${index + 1}.js`
    sources.push(checkSource(where, `${name}[${index}]`, source, fileName))
  }
  return sources
}

/** What `createIsolate` needs. */
export interface IsolateRequest {
  /** One that is loaded, or what to load it from. */
  snapshot: NativeSnapshot | string | Uint8Array | undefined
  /** What to evaluate instead, in order. */
  fallback: NativeSource[] | undefined
  memoryLimitMb: number
  /** May be `Infinity`. */
  timeoutMs: number
  globals: object
  bindings: Map<string, Binding>
  /** May be `Infinity`. */
  cpuLimitMs: number
  codegen: { strings: boolean; wasm: boolean }
  modules: Modules
  /** Whether it runs in a process of its own. */
  process: boolean
  listeners: Listeners
  valueLimits: Limits
  /** Whether its state will be exported and imported. */
  keepsState?: boolean
  /** Runs every host function that the guest calls. */
  onHostCall?: <T>(run: () => T) => T
}

/** The names of the options of `createIsolate`. */
export const ISOLATE_OPTIONS = [
  'snapshot',
  'fallback',
  'memoryLimitMb',
  'timeoutMs',
  'globals',
  'bindings',
  'cpuLimitMs',
  'codegen',
  'modules',
  'process',
  'console',
  'onUnhandledRejection',
  'valueLimits',
] as const

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkIsolateOptions(options: unknown, nativeSnapshot: SnapshotLookup): IsolateRequest {
  return isolateRequest(new Given('createIsolate', options === undefined ? {} : options, ISOLATE_OPTIONS), nativeSnapshot)
}

/**
 * Those of the options that say what an isolate is to be.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function isolateRequest(given: Given, nativeSnapshot: SnapshotLookup): IsolateRequest {
  const snapshot = nativeSnapshot(given.get('snapshot'))
  const bindings = flattenBindings(given.where, given.get('bindings'))
  const globals = checkGlobals(given)
  const boundNames = new Set(Array.from(bindings.keys(), (path) => path.split('.', 1)[0]))
  for (const name of Object.keys(globals)) {
    if (boundNames.has(name)) throw invalidArg(`${given.where}: globals.${name} and bindings.${name} must not both exist`)
  }
  const memoryLimitMb = isolateMemory(given)
  if (snapshot !== undefined) checkMemoryFor(given.where, snapshot, memoryLimitMb)
  return {
    snapshot: snapshot ?? checkSnapshotOrigin(given),
    fallback: checkFallback(given),
    memoryLimitMb,
    timeoutMs: given.timeout('timeoutMs', 30_000),
    globals,
    bindings,
    cpuLimitMs: given.timeout('cpuLimitMs', Infinity),
    codegen: checkCodegen(given),
    modules: checkModules(given),
    process: given.boolean('process', false),
    listeners: checkListeners(given),
    valueLimits: checkValueLimits(given.where, given.get('valueLimits'), memoryLimitMb),
  }
}

function checkCodegen(given: Given): IsolateRequest['codegen'] {
  const codegen = given.get('codegen')
  if (codegen === undefined) return { strings: true, wasm: true }
  const parts = readObject(given.where, 'codegen', codegen, ['strings', 'wasm'])
  const allows = (name: 'strings' | 'wasm'): boolean => {
    const value = parts.get(name)
    if (value === undefined || typeof value === 'boolean') return value ?? true
    throw wrong(given.where, `codegen.${name}`, 'true or false', value)
  }
  return { strings: allows('strings'), wasm: allows('wasm') }
}

function isolateMemory(given: Given): number {
  return given.integer('memoryLimitMb', MEMORY_RANGE, 128)
}

/** @throws `TypeError` with `ERR_INVALID_ARG` if the snapshot's heap does not fit */
export function checkMemoryFor(where: string, snapshot: NativeSnapshot, memoryLimitMb: number): void {
  const smallest = snapshot.smallestMemoryLimitMb
  if (memoryLimitMb >= smallest) return
  throw invalidArg(`${where}: memoryLimitMb must be at least ${smallest} for this snapshot, got ${memoryLimitMb}`)
}

function checkSnapshotOrigin(given: Given): string | Uint8Array | undefined {
  const from = given.get('snapshot')
  if (from === undefined) return undefined
  if (typeof from !== 'string' && !types.isUint8Array(from)) throw given.fail('snapshot', 'a Snapshot, a path or a Uint8Array')
  return checkOrigin(given.where, 'snapshot', from)
}

function checkFallback(given: Given): NativeSource[] | undefined {
  const fallback = given.get('fallback')
  if (fallback === undefined) return undefined
  const parts = readObject(given.where, 'fallback', fallback, ['bridge', 'bundle'])
  const bridge = parts.get('bridge')
  const first = bridge === undefined ? [] : [checkSource(given.where, 'fallback.bridge', bridge, 'bridge.js')]
  const sources = [...first, ...checkBundles(given.where, 'fallback.bundle', parts.get('bundle'))]
  checkModuleNames(given.where, sources)
  return sources
}

/** What `snapshot.prewarm` needs. */
export interface PrewarmRequest {
  count: number
  memoryLimitMb: number
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkPrewarm(count: unknown, options: unknown, snapshot: NativeSnapshot): PrewarmRequest {
  const given = new Given('snapshot.prewarm', options === undefined ? {} : options, ['memoryLimitMb'])
  if (!Number.isInteger(count) || (count as number) < 0 || (count as number) > MAX_PREWARMED) {
    throw wrong(given.where, 'count', `an integer from 0 to ${MAX_PREWARMED}`, count)
  }
  const memoryLimitMb = isolateMemory(given)
  checkMemoryFor(given.where, snapshot, memoryLimitMb)
  return { count: count as number, memoryLimitMb }
}

function checkGlobals(given: Given): object {
  const globals = given.get('globals')
  if (globals === undefined) return {}
  if (!isObject(globals)) throw given.fail('globals', 'an object')
  // It would be a global that no code can name, and easily taken for a prototype on the way.
  if (guarded(given.where, 'globals', () => Object.keys(globals)).includes('__proto__')) {
    throw invalidArg(`${given.where}: a name in globals must not be "__proto__"`)
  }
  return globals
}

/** Limits of one call. */
export interface CallLimits {
  /** Absent: no limit. */
  timeoutMs: number | undefined
  signal: AbortSignal | undefined
  /** Absent: nothing moves. */
  moves?: { transfer: ArrayBuffer[]; result: boolean } | undefined
}

/**
 * @param defaultTimeoutMs the isolate's own limit; may be `Infinity`
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkCallOptions(options: unknown, defaultTimeoutMs: number, where = 'isolate.call'): CallLimits {
  // Nearly every call comes without options: no need to look for them.
  if (options === undefined) return { timeoutMs: finite(defaultTimeoutMs), signal: undefined }
  return limitsOf(new Given(where, options, ['timeoutMs', 'signal', ...(where === 'isolate.call' ? ['transfer', 'transferResult'] : [])]), defaultTimeoutMs)
}

/**
 * @param defaultTimeoutMs the isolate's own limit; may be `Infinity`
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkReferenceOptions(options: unknown, defaultTimeoutMs: number): CallLimits {
  if (options === undefined) return checkCallOptions(options, defaultTimeoutMs)
  return limitsOf(new Given('RemoteFunction.with', options, ['timeoutMs', 'signal']), defaultTimeoutMs)
}

/** What `isolate.eval` needs. */
export interface EvalRequest extends CallLimits {
  source: NativeSource
}

/**
 * @param defaultTimeoutMs the isolate's own limit; may be `Infinity`
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkEval(source: unknown, options: unknown, defaultTimeoutMs: number): EvalRequest {
  if (options === undefined) {
    return { source: checkSource('isolate.eval', 'source', source, 'eval.js'), ...checkCallOptions(options, defaultTimeoutMs) }
  }
  const given = new Given('isolate.eval', options, ['timeoutMs', 'signal', 'filename', 'transferResult'])
  const name = given.fileName('filename') ?? 'eval.js'
  return { source: checkSource(given.where, 'source', source, name), ...limitsOf(given, defaultTimeoutMs) }
}

function limitsOf(given: Given, defaultTimeoutMs: number): CallLimits {
  const transfer = checkTransfer(given.where, 'transfer', given.get('transfer'))
  const result = given.boolean('transferResult', false)
  return {
    timeoutMs: finite(given.timeout('timeoutMs', defaultTimeoutMs)),
    signal: given.signal('signal'),
    moves: result || transfer.length > 0 ? { transfer, result } : undefined,
  }
}

/** The native side knows no infinity: there, no limit is an absent one. */
function finite(timeoutMs: number): number | undefined {
  return timeoutMs === Infinity ? undefined : timeoutMs
}

/** What `verifyIsolation` needs. */
export interface VerifyRequest {
  snapshot: NativeSnapshot
  memoryLimitMb: number
  timeoutMs: number
  hostile: NativeSource | undefined
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkVerifyOptions(snapshot: unknown, options: unknown, nativeSnapshot: SnapshotLookup): VerifyRequest {
  const given = new Given('verifyIsolation', options === undefined ? {} : options, ['memoryLimitMb', 'timeoutMs', 'hostile'])
  const native = nativeSnapshot(snapshot)
  if (native === undefined) throw wrong(given.where, 'snapshot', 'a Snapshot', snapshot)
  return {
    snapshot: native,
    memoryLimitMb: given.integer('memoryLimitMb', MEMORY_RANGE, 512),
    timeoutMs: given.integer('timeoutMs', TIMEOUT_RANGE, 60_000),
    hostile: optionalSource(given, 'hostile', 'hostile.js'),
  }
}

function optionalSource(given: Given, name: string, fileName: string): NativeSource | undefined {
  const source = given.get(name)
  return source === undefined ? undefined : checkSource(given.where, name, source, fileName)
}

function checkSource(where: string, name: string, source: unknown, fileName: string): NativeSource {
  if (typeof source === 'string') return { code: checkCode(where, name, source), name: fileName }
  if (!isObject(source)) throw wrong(where, name, 'a string or { code, name }', source)
  const parts = readObject(where, name, source, ['code', 'name', 'type', 'global'])
  const code = checkCode(where, `${name}.code`, parts.get('code'))
  const ownName = parts.get('name') === undefined ? fileName : checkFileName(where, `${name}.name`, parts.get('name'))
  const type = parts.get('type')
  if (type !== undefined && type !== 'script' && type !== 'commonjs' && type !== 'module') {
    throw wrong(where, `${name}.type`, '"script", "commonjs" or "module"', type)
  }
  const global = parts.get('global')
  if (type === undefined || type === 'script') {
    if (global !== undefined) throw wrong(where, `${name}.global`, 'absent unless its type is "commonjs" or "module"', global)
    return { code, name: ownName }
  }
  if (global !== undefined && !isPath(global)) throw wrong(where, `${name}.global`, 'a name or a dotted path', global)
  return { code, name: ownName, kind: type, ...(global === undefined ? {} : { global }) }
}
