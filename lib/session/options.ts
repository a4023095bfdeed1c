import { types } from 'node:util'
import { hostname } from 'node:os'
import type { NativeSource, NativeStateRequest } from '../../native.js'
import { Given, MAX_TIMEOUT_MS, isInteger, isObject, readObject, wrong } from '../checks.js'
import { invalidArg } from '../errors.js'
import { ISOLATE_OPTIONS, isolateRequest } from '../options.js'
import type { IsolateRequest, SnapshotLookup } from '../options.js'
import type { Packing } from '../store/packing.js'
import type { Store } from '../store/types.js'
import type { SaveRule } from './save-clock.js'
import type { StateLimits, StateSchema } from './types.js'

const SESSION_OPTIONS = ['store', 'state', 'keepGlobals', 'save', 'onThrow', 'schema', 'encryptionKey', 'compression', 'limits', 'lease', 'onLost'] as const

/** Whatever else the user's class is. */
const STORE_METHODS: readonly (keyof Store)[] = ['acquire', 'renew', 'release', 'read', 'chunks', 'write', 'history', 'find', 'list', 'delete', 'prune', 'close']

const COUNT_RANGE = [1, MAX_TIMEOUT_MS] as const
const KEY_BYTES = 32
const LEASE_RANGE = [100, 86_400_000] as const
const MAX_NAME_BYTES = 512
/** Names with dots between: it is written into code. */
const GUEST_PATH = /^[\p{ID_Start}$_][\p{ID_Continue}$]*(\.[\p{ID_Start}$_][\p{ID_Continue}$]*)*$/u

/** Sizes that no state needs more of; V8's own limits are below. */
const LIMIT_RANGES = {
  payloadBytes: [1024, 2 ** 31 - 1],
  stateBytes: [1024, 2 ** 31 - 1],
  variables: [1, 1_000_000],
  nodes: [1, 100_000_000],
  depth: [1, 100_000_000],
} as const satisfies Record<keyof StateLimits, readonly [number, number]>

const DEFAULT_LIMITS: Readonly<StateLimits> = { payloadBytes: 32 * 2 ** 20, stateBytes: 24 * 2 ** 20, variables: 2048, nodes: 1_000_000, depth: 10_000 }

/** What a session needs, with its store still to be opened. */
export interface SessionRequest {
  readonly store: Store
  readonly holder: string
  readonly ttlMs: number
  readonly packing: Packing
  readonly limits: Readonly<StateLimits>
  readonly stateRequest: NativeStateRequest
  /** Makes the state where there is none. */
  readonly initial: NativeSource
  readonly schema: StateSchema
  readonly save: SaveRule
  readonly onThrow: 'rollback' | 'keep'
  readonly onLost: ((error: Error) => void) | undefined
  readonly isolate: IsolateRequest
  /** Of each use of the state; absent for no limit. */
  readonly timeoutMs: number | undefined
}

/** The same, with the store as it was given. */
export interface CheckedSession extends Omit<SessionRequest, 'store'> {
  readonly store: Store | string
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkSessionId(where: string, id: unknown): string {
  if (isName(id)) return id
  throw wrong(where, 'id', `a string of 1 to ${MAX_NAME_BYTES} bytes without control characters`, id)
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkStore(where: string, store: unknown): Store | string {
  if (typeof store === 'string') return store
  if (typeof store === 'object' && store !== null && STORE_METHODS.every((name) => typeof Reflect.get(store, name) === 'function')) return store as Store
  throw wrong(where, 'store', 'a Store, or the location of one', store)
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkOpenSession(options: unknown, nativeSnapshot: SnapshotLookup): CheckedSession {
  const given = new Given('openSession', options, [...ISOLATE_OPTIONS, ...SESSION_OPTIONS])
  const isolate = isolateRequest(given, nativeSnapshot)
  const limits = checkLimits(given)
  const state = checkStateName(given)
  return {
    store: checkStore(given.where, given.get('store')),
    ...checkLease(given),
    packing: { keys: checkKeys(given), compression: given.choice('compression', ['zstd', 'none']) },
    limits,
    stateRequest: { state, keepGlobals: given.boolean('keepGlobals', false), ...limits },
    initial: { name: 'isoseed:state', code: `if (!Object.hasOwn(globalThis, '${state}')) globalThis.${state} = {}; 0` },
    schema: checkSchema(given),
    save: checkSave(given),
    onThrow: given.choice('onThrow', ['rollback', 'keep']),
    onLost: checkFunction(given, 'onLost') as CheckedSession['onLost'],
    isolate,
    timeoutMs: isolate.timeoutMs === Infinity ? undefined : isolate.timeoutMs,
  }
}

/**
 * It is written into code, and has to stand in every file and table: letters that need no quoting.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkStateName(given: Given): string {
  const name = given.get('state') ?? 'state'
  if (typeof name === 'string' && /^[A-Za-z_$][\w$]{0,63}$/.test(name)) return name
  throw given.fail('state', 'an identifier of at most 64 letters, digits, _ and $')
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkLimits(given: Given): StateLimits {
  const limits = { ...DEFAULT_LIMITS }
  const value = given.get('limits')
  if (value === undefined) return limits
  const names = Object.keys(LIMIT_RANGES) as (keyof StateLimits)[]
  const parts = readObject(given.where, 'limits', value, names)
  for (const name of names) {
    const limit = parts.get(name)
    if (limit === undefined) continue
    if (!isInteger(limit, LIMIT_RANGES[name])) throw wrong(given.where, `limits.${name}`, `an integer from ${LIMIT_RANGES[name].join(' to ')}`, limit)
    limits[name] = limit
  }
  return limits
}

function checkSave(given: Given): SaveRule {
  const save = given.get('save') ?? 'call'
  if (save === 'call') return { everyCalls: 1, everyMs: Infinity, holdsCalls: true }
  if (save === 'manual') return { everyCalls: Infinity, everyMs: Infinity, holdsCalls: false }
  if (!isObject(save)) throw given.fail('save', "'call', 'manual', or an object")
  const parts = readObject(given.where, 'save', save, ['everyCalls', 'everyMs'])
  const part = (name: string): number => {
    const value = parts.get(name)
    if (value === undefined) return Infinity
    if (isInteger(value, COUNT_RANGE)) return value
    throw wrong(given.where, `save.${name}`, `an integer from ${COUNT_RANGE.join(' to ')}`, value)
  }
  const rule = { everyCalls: part('everyCalls'), everyMs: part('everyMs'), holdsCalls: false }
  if (rule.everyCalls === Infinity && rule.everyMs === Infinity) throw invalidArg(`${given.where}: save must have everyCalls, everyMs or both`)
  return rule
}

function checkSchema(given: Given): StateSchema {
  const schema = given.get('schema')
  if (schema === undefined) return { version: 0 }
  const parts = readObject(given.where, 'schema', schema, ['version', 'migrate'])
  const [version, migrate] = [parts.get('version'), parts.get('migrate')]
  if (!isInteger(version, [0, MAX_TIMEOUT_MS])) throw wrong(given.where, 'schema.version', `an integer from 0 to ${MAX_TIMEOUT_MS}`, version)
  if (migrate === undefined) return { version }
  const isMeant = typeof migrate === 'function' || (typeof migrate === 'string' && GUEST_PATH.test(migrate))
  if (!isMeant) throw wrong(given.where, 'schema.migrate', 'a function, or the dotted path of one of the guest', migrate)
  return { version, migrate: migrate as NonNullable<StateSchema['migrate']> }
}

/**
 * The version of a schema; absent if none is given.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG`
 */
export function checkVersion(given: Given): number | undefined {
  const schema = given.get('schema')
  if (schema === undefined || isInteger(schema, [0, MAX_TIMEOUT_MS])) return schema
  throw given.fail('schema', `an integer from 0 to ${MAX_TIMEOUT_MS}`)
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkKeys(given: Given): Uint8Array[] {
  const key = given.get('encryptionKey')
  if (key === undefined) return []
  const keys: unknown[] = Array.isArray(key) ? key : [key]
  if (keys.length === 0) throw given.fail('encryptionKey', 'a key, or several')
  // What a key is may appear in no message.
  const isKey = (one: unknown): one is Uint8Array => types.isUint8Array(one) && one.byteLength === KEY_BYTES
  if (!keys.every(isKey)) throw invalidArg(`${given.where}: encryptionKey must be a Uint8Array of ${KEY_BYTES} bytes, or several`)
  return keys.map((one) => one.slice())
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkLease(given: Given): Pick<SessionRequest, 'holder' | 'ttlMs'> {
  const lease = given.get('lease')
  const parts = lease === undefined ? new Map<string, unknown>() : readObject(given.where, 'lease', lease, ['holder', 'ttlMs'])
  const holder = parts.get('holder') ?? `${hostname()}:${process.pid}`
  if (!isName(holder)) throw wrong(given.where, 'lease.holder', `a string of 1 to ${MAX_NAME_BYTES} bytes without control characters`, holder)
  const ttlMs = parts.get('ttlMs') ?? 30_000
  if (!isInteger(ttlMs, LEASE_RANGE)) throw wrong(given.where, 'lease.ttlMs', `an integer from ${LEASE_RANGE.join(' to ')}`, ttlMs)
  return { holder, ttlMs }
}

function checkFunction(given: Given, name: string): unknown {
  const value = given.get(name)
  if (value !== undefined && typeof value !== 'function') throw given.fail(name, 'a function')
  return value
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_NAME_BYTES && !/[\p{Cc}\p{Cs}]/u.test(value)
}
