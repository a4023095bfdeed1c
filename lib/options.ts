import type { NativeBuildRequest, NativeSnapshot, NativeSource } from '../native.js'
import { checkBindingPaths, flattenBindings, isPath } from './bindings.js'
import type { Binding } from './bindings.js'
import { Given, MAX_MEMORY_MB, MAX_TIMEOUT_MS, MIN_MEMORY_MB, guarded, isObject, readObject, wrong } from './checks.js'
import { invalidArg, show } from './errors.js'
import type { BuildProgress } from './types.js'

const MEMORY_RANGE = [MIN_MEMORY_MB, MAX_MEMORY_MB] as const
const TIMEOUT_RANGE = [1, MAX_TIMEOUT_MS] as const

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
    bundles: checkBundles(given),
    bindings: checkBindingPaths(given.where, given.get('bindings')),
    timeoutMs: given.integer('timeoutMs', TIMEOUT_RANGE, 60_000),
    memoryLimitMb: given.integer('memoryLimitMb', MEMORY_RANGE, 512),
    warnOnly: given.choice('unsafe', ['error', 'warn']) === 'warn',
    cache: given.boolean('cache', true),
    progress: onProgress !== undefined,
  }
  const bridge = optionalSource(given, 'bridge', 'bridge.js')
  if (bridge !== undefined) request.bridge = bridge
  const warmup = optionalSource(given, 'warmup', 'warmup.js')
  if (warmup !== undefined) request.warmup = warmup
  checkModuleNames(given.where, request)
  return { request, base, onProgress: onProgress as BuildRequest['onProgress'], signal: given.signal('signal') }
}

/** Modules are found by their names. */
function checkModuleNames(where: string, { bridge, bundles }: NativeBuildRequest): void {
  const names = new Set<string>()
  for (const { name, kind } of [...(bridge === undefined ? [] : [bridge]), ...bundles]) {
    if (kind === undefined) continue
    if (names.has(name)) throw invalidArg(`${where}: two modules have the name ${show(name)}`)
    names.add(name)
  }
}

function checkBundles(given: Given): NativeSource[] {
  const bundle = given.get('bundle')
  if (!Array.isArray(bundle)) {
    const source = optionalSource(given, 'bundle', 'bundle.js')
    return source === undefined ? [] : [source]
  }
  const sources: NativeSource[] = []
  for (let index = 0; index < bundle.length; index += 1) {
    const source: unknown = guarded(given.where, `bundle[${index}]`, () => bundle[index] as unknown)
    const name = bundle.length === 1 ? 'bundle.js' : `bundle-${index + 1}.js`
    sources.push(checkSource(given.where, `bundle[${index}]`, source, name))
  }
  return sources
}

/** What `createIsolate` needs. */
export interface IsolateRequest {
  snapshot: NativeSnapshot | undefined
  memoryLimitMb: number
  /** May be `Infinity`. */
  timeoutMs: number
  globals: object
  bindings: Map<string, Binding>
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkIsolateOptions(options: unknown, nativeSnapshot: SnapshotLookup): IsolateRequest {
  const given = new Given('createIsolate', options === undefined ? {} : options, [
    'snapshot',
    'memoryLimitMb',
    'timeoutMs',
    'globals',
    'bindings',
  ])
  const snapshot = nativeSnapshot(given.get('snapshot'))
  if (snapshot === undefined && given.get('snapshot') !== undefined) throw given.fail('snapshot', 'a Snapshot')
  const bindings = flattenBindings(given.where, given.get('bindings'))
  const globals = checkGlobals(given)
  const boundNames = new Set(Array.from(bindings.keys(), (path) => path.split('.', 1)[0]))
  for (const name of Object.keys(globals)) {
    if (boundNames.has(name)) throw invalidArg(`${given.where}: globals.${name} and bindings.${name} must not both exist`)
  }
  const memoryLimitMb = given.integer('memoryLimitMb', MEMORY_RANGE, 128)
  const smallest = snapshot?.smallestMemoryLimitMb ?? 0
  if (memoryLimitMb < smallest) {
    throw invalidArg(`${given.where}: memoryLimitMb must be at least ${smallest} for this snapshot, got ${memoryLimitMb}`)
  }
  return {
    snapshot,
    memoryLimitMb,
    timeoutMs: given.timeout('timeoutMs', 30_000),
    globals,
    bindings,
  }
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
}

/**
 * @param defaultTimeoutMs the isolate's own limit; may be `Infinity`
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkCallOptions(options: unknown, defaultTimeoutMs: number): CallLimits {
  // Nearly every call comes without options: no need to look for them.
  if (options === undefined) return { timeoutMs: finite(defaultTimeoutMs), signal: undefined }
  return limitsOf(new Given('isolate.call', options, ['timeoutMs', 'signal']), defaultTimeoutMs)
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
  const given = new Given('isolate.eval', options, ['timeoutMs', 'signal', 'filename'])
  const name = given.fileName('filename') ?? 'eval.js'
  return { source: checkSource(given.where, 'source', source, name), ...limitsOf(given, defaultTimeoutMs) }
}

function limitsOf(given: Given, defaultTimeoutMs: number): CallLimits {
  return { timeoutMs: finite(given.timeout('timeoutMs', defaultTimeoutMs)), signal: given.signal('signal') }
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
  if (typeof source === 'string') return { code: source, name: fileName }
  if (!isObject(source)) throw wrong(where, name, 'a string or { code, name }', source)
  const parts = readObject(where, name, source, ['code', 'name', 'type', 'global'])
  const code = parts.get('code')
  if (typeof code !== 'string') throw wrong(where, `${name}.code`, 'a string', code)
  const ownName = parts.get('name') === undefined ? fileName : parts.get('name')
  if (typeof ownName !== 'string' || ownName === '') throw wrong(where, `${name}.name`, 'a string that is not empty', ownName)
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
