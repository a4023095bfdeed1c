import type { ReadableStream } from 'node:stream/web'
import type { Plugin } from 'esbuild'
import { expectTypeOf, test } from 'vitest'
import { buildSnapshot, createIsolate, openStore, sessions, Snapshot, snapshotCache } from '../lib/index.js'
import type {
  BuildSnapshotOptions,
  CallOptions,
  ConsoleEntry,
  CpuProfile,
  CreateIsolateOptions,
  DiagnosticsChannels,
  GuestBindings,
  HostFunction,
  HostObject,
  Inspector,
  InspectorSession,
  Isolate,
  IsolateStats,
  IsoseedError,
  LeaseAnswer,
  ModuleLoader,
  ModuleSource,
  Remote,
  RemoteFunction,
  RemoteIterable,
  SavedState,
  SessionInspection,
  SessionRecord,
  SnapshotCacheLimits,
  SnapshotCacheStats,
  SnapshotInfo,
  Source,
  Store,
  StoredState,
  StoreLease,
  StateOverview,
  SyncBinding,
  UnhandledRejection,
  WriteAnswer,
} from '../lib/index.js'
import { bundle } from '../lib/bundle.js'
import type { storeConformance, StorePlace } from '../lib/store/conformance.js'

interface Api {
  math: { add(a: number, b: number): number; deep: { er: () => Promise<string> } }
  render: (name: string, options?: { upper: boolean }) => Promise<string>
  optional?: () => 1
  version: string
  list: string[]
  when: Date
  then: () => void
}
declare const isolate: Isolate<Api>
declare const untyped: Isolate

test('functions become asynchronous, and keep their parameters', () => {
  expectTypeOf(isolate.api.math.add).toEqualTypeOf<(a: number, b: number) => Promise<number>>()
  expectTypeOf(isolate.api.render).toEqualTypeOf<(name: string, options?: { upper: boolean }) => Promise<string>>()
  expectTypeOf(isolate.api.math.deep.er).returns.toEqualTypeOf<Promise<string>>()
  expectTypeOf(isolate.api.optional).toEqualTypeOf<() => Promise<1>>()
  // @ts-expect-error a string is no number
  void isolate.api.math.add('1', 2)
  // @ts-expect-error no such function
  void isolate.api.math.subtract
})

test('what is no function can not be reached', () => {
  expectTypeOf(isolate.api.version).toBeNever()
  expectTypeOf(isolate.api.list).toBeNever()
  expectTypeOf(isolate.api.when).toBeNever()
  expectTypeOf<keyof Remote<Api>>().toEqualTypeOf<'math' | 'render' | 'optional' | 'version' | 'list' | 'when'>()
})

test('nothing can be assigned', () => {
  // @ts-expect-error read-only
  isolate.api.render = async () => ''
  expectTypeOf<Remote<Api>>().toEqualTypeOf<Readonly<Remote<Api>>>()
})

test('without a type argument everything may be called', () => {
  expectTypeOf(untyped.api.anything).toBeAny()
  expectTypeOf<Remote<Record<string, any>>[string]>().toBeAny()
  expectTypeOf(createIsolate()).resolves.toEqualTypeOf<Isolate>()
  expectTypeOf(createIsolate<Api>()).resolves.toEqualTypeOf<Isolate<Api>>()
})

test('eval and call are unknown until they are told', () => {
  expectTypeOf(isolate.eval('1')).resolves.toBeUnknown()
  expectTypeOf(isolate.eval<number>('1')).resolves.toBeNumber()
  expectTypeOf(isolate.call('math.add', [1, 2])).resolves.toBeUnknown()
  expectTypeOf(isolate.call<number>('math.add', [1, 2], { timeoutMs: 5 })).resolves.toBeNumber()
  expectTypeOf(isolate.stats()).resolves.toEqualTypeOf<IsolateStats>()
})

test('an inspector has addresses, sessions and an end', () => {
  expectTypeOf(isolate.inspect({ port: 0, host: '::1', title: 'a', waitForDebugger: true, signal: AbortSignal.timeout(1) })).resolves.toEqualTypeOf<Inspector>()
  expectTypeOf<Inspector>().toExtend<AsyncDisposable>()
  expectTypeOf<Inspector['url']>().toBeString()
  expectTypeOf<ReturnType<Inspector['connect']>>().resolves.toEqualTypeOf<InspectorSession>()
  expectTypeOf<InspectorSession>().toExtend<Disposable>()
  // @ts-expect-error no such option
  void isolate.inspect({ break: true })
  // @ts-expect-error made by isolate.inspect
  void new Inspector()
})

test('profiles are data, heap snapshots streams or files', () => {
  expectTypeOf(isolate.cpuProfile(async () => {}, { samplingIntervalUs: 100 })).resolves.toEqualTypeOf<CpuProfile>()
  // @ts-expect-error nothing to profile
  void isolate.cpuProfile()
  expectTypeOf(isolate.heapSnapshot()).resolves.toEqualTypeOf<ReadableStream<Uint8Array>>()
  expectTypeOf(isolate.heapSnapshot({ signal: AbortSignal.timeout(1) })).resolves.toEqualTypeOf<ReadableStream<Uint8Array>>()
  expectTypeOf(isolate.heapSnapshot({ path: 'a.heapsnapshot' })).resolves.toBeVoid()
})

test('an isolate works with `await using`', () => {
  expectTypeOf(isolate).toExtend<AsyncDisposable>()
  expectTypeOf(isolate.seededFrom).toEqualTypeOf<'snapshot' | 'fallback' | 'blank'>()
})

test('options', () => {
  expectTypeOf<string>().toExtend<Source>()
  expectTypeOf<{ code: string; name: string; type: 'script' }>().toExtend<Source>()
  expectTypeOf<{ code: string; type: 'module'; global: string }>().toExtend<Source>()
  expectTypeOf<{ code: string; type: 'json' }>().not.toExtend<Source>()
  expectTypeOf<BuildSnapshotOptions>().toHaveProperty('bundle').toEqualTypeOf<Source | Source[] | undefined>()
  expectTypeOf<CallOptions>().toHaveProperty('signal').toEqualTypeOf<AbortSignal | undefined>()
  const bindings = { fetchUser: async (id: number) => ({ id }), db: { get: (key: string) => key, deep: { er() {} } } }
  expectTypeOf(bindings).toExtend<NonNullable<CreateIsolateOptions['bindings']>>()
  expectTypeOf<{ a: number }>().not.toExtend<NonNullable<CreateIsolateOptions['bindings']>>()
  // @ts-expect-error no such option
  void createIsolate({ memoryLimit: 1 })
  // @ts-expect-error a string is no number
  void createIsolate({ timeoutMs: '1' })
})

test('what an isolate tells beside answers', () => {
  expectTypeOf<'inherit'>().toExtend<NonNullable<CreateIsolateOptions['console']>>()
  expectTypeOf<NonNullable<CreateIsolateOptions['console']>>().extract<(...args: never[]) => unknown>().parameter(0).toEqualTypeOf<ConsoleEntry>()
  expectTypeOf<NonNullable<CreateIsolateOptions['onUnhandledRejection']>>().parameter(0).toEqualTypeOf<UnhandledRejection>()
  expectTypeOf<ConsoleEntry['level']>().toExtend<keyof Console>()
  expectTypeOf<DiagnosticsChannels['isoseed:limit']['code']>().toEqualTypeOf<'ERR_TIMEOUT' | 'ERR_CPU_LIMIT' | 'ERR_MEMORY_LIMIT' | 'ERR_ISOLATE_LOST'>()
  // @ts-expect-error no such sink
  void createIsolate({ console: 'stdout' })
})

test('functions and streams of the guest', () => {
  interface Crossing {
    counter(start: number): { next: (by?: number) => number; rows: AsyncGenerator<string>; plain: Date }
    map(items: number[], change: (item: number) => Promise<number>): Map<string, () => Promise<boolean>>
    stream(): ReadableStream<number>
    list: () => [first: () => 1, second: string][]
    untyped(value: any): any
    unknown(value: unknown): unknown
  }
  const api = null as unknown as Isolate<Crossing>['api']
  expectTypeOf(api.counter).parameters.toEqualTypeOf<[start: number]>()
  const counter = null as unknown as Awaited<ReturnType<typeof api.counter>>
  expectTypeOf(counter.next).toEqualTypeOf<RemoteFunction<[by?: number], number>>()
  expectTypeOf(counter.next(1)).resolves.toBeNumber()
  expectTypeOf(counter.next.with({ timeoutMs: 1 })(2)).resolves.toBeNumber()
  expectTypeOf(counter.next).toExtend<Disposable>()
  expectTypeOf(counter.rows).toEqualTypeOf<RemoteIterable<string>>()
  expectTypeOf(counter.plain).toEqualTypeOf<Date>()
  expectTypeOf(api.map([1], (item) => item + 1)).resolves.toEqualTypeOf<Map<string, RemoteFunction<[], boolean>>>()
  void api.map([1], async (item) => item + 1)
  // @ts-expect-error a text is no number
  void api.map([1], (item) => String(item))
  expectTypeOf(api.stream()).resolves.toEqualTypeOf<ReadableStream<number>>()
  expectTypeOf(api.list()).resolves.toEqualTypeOf<[first: RemoteFunction<[], 1>, second: string][]>()
  expectTypeOf(api.untyped).returns.resolves.toBeAny()
  expectTypeOf(api.unknown).returns.resolves.toBeUnknown()
  // @ts-expect-error no such option
  void counter.next.with({ filename: 'a.js' })
})

test('bindings with functions as the guest sees them', () => {
  const bindings = {
    each: async (items: number[], call: RemoteFunction<[item: number], string>) => Promise.all(items.map((item) => call(item))),
    open: (path: string) => ({ path, read: async (bytes: number) => new Uint8Array(bytes), close: { sync: true as const, fn: () => true } }),
  }
  type Guest = GuestBindings<typeof bindings>
  expectTypeOf<Guest['each']>().toEqualTypeOf<(items: number[], call: (item: number) => string | Promise<string>) => Promise<string[]>>()
  expectTypeOf<Awaited<ReturnType<Guest['open']>>>().toEqualTypeOf<{ path: string; read: (bytes: number) => Promise<Uint8Array<ArrayBuffer>>; close: () => boolean }>()
})

test('bindings as the guest sees them', () => {
  const bindings = {
    add: (a: number, b: number) => a + b,
    load: async (id: string) => ({ id }),
    now: { sync: true, fn: () => 1 },
    later: { sync: true, fn: async (key: string, deep?: boolean) => [key, deep] as const },
    db: { get: (key: string) => key, deep: { er: { sync: true, fn(n: number) { return n } } } },
  } as const
  expectTypeOf(bindings).toExtend<NonNullable<CreateIsolateOptions['bindings']>>()
  type Guest = GuestBindings<typeof bindings>
  expectTypeOf<Guest['add']>().toEqualTypeOf<(a: number, b: number) => Promise<number>>()
  expectTypeOf<Guest['load']>().toEqualTypeOf<(id: string) => Promise<{ id: string }>>()
  expectTypeOf<Guest['now']>().toEqualTypeOf<() => number>()
  expectTypeOf<Guest['later']>().toEqualTypeOf<(key: string, deep?: boolean) => readonly [string, boolean | undefined]>()
  expectTypeOf<Guest['db']['get']>().toEqualTypeOf<(key: string) => Promise<string>>()
  expectTypeOf<Guest['db']['deep']['er']>().toEqualTypeOf<(n: number) => number>()
  expectTypeOf<GuestBindings<{ any: any; not: number }>>().toEqualTypeOf<{ readonly any: any; readonly not: never }>()
  expectTypeOf<{ sync: true; fn: () => void }>().toExtend<SyncBinding>()
  expectTypeOf<{ sync: boolean; fn: () => void }>().not.toExtend<HostFunction | SyncBinding | HostObject>()
  expectTypeOf<{ sync: true }>().not.toExtend<HostFunction | SyncBinding | HostObject>()
})

test('the cache', () => {
  expectTypeOf<BuildSnapshotOptions['cache']>().toEqualTypeOf<boolean | string | undefined>()
  expectTypeOf(snapshotCache.stats).toEqualTypeOf<() => SnapshotCacheStats>()
  expectTypeOf(snapshotCache.clear).toEqualTypeOf<() => void>()
  expectTypeOf(snapshotCache.setLimits).parameter(0).toEqualTypeOf<SnapshotCacheLimits>()
})

test('snapshots', () => {
  expectTypeOf(buildSnapshot({})).resolves.toEqualTypeOf<Snapshot>()
  expectTypeOf(Snapshot.load('path')).resolves.toEqualTypeOf<Snapshot>()
  expectTypeOf(Snapshot.load).parameter(0).toEqualTypeOf<string | Uint8Array>()
  expectTypeOf(Snapshot.inspect).returns.resolves.toEqualTypeOf<SnapshotInfo>()
  expectTypeOf<Snapshot['key']>().toBeString()
  expectTypeOf<ReturnType<Snapshot['bytes']>>().toEqualTypeOf<Uint8Array>()
  expectTypeOf<SnapshotInfo['sources'][number]['role']>().toEqualTypeOf<'bridge' | 'bundle' | 'warmup'>()
  // @ts-expect-error made by buildSnapshot or Snapshot.load
  expectTypeOf(Snapshot).toBeConstructibleWith()
})

test('what the bundler makes is a source, and its plugins are esbuild\'s', () => {
  expectTypeOf(bundle).parameter(0).toHaveProperty('plugins').toEqualTypeOf<Plugin[] | undefined>()
  expectTypeOf(bundle({ entry: 'lodash', global: '_' })).resolves.toExtend<Source>()
  // @ts-expect-error there is always an entry
  void bundle({ global: '_' })
  // @ts-expect-error no such option
  void bundle({ entry: 'lodash', platform: 'node' })
})

test('modules', () => {
  type Modules = NonNullable<CreateIsolateOptions['modules']>
  expectTypeOf({ 'a.js': 'export default 1', 'b.json': { code: '1', type: 'json' as const }, 'c.cjs': { code: '', name: 'c', type: 'commonjs' as const } }).toExtend<Modules>()
  expectTypeOf((specifier: string) => (specifier === 'a' ? 'export default 1' : null)).toExtend<Modules>()
  expectTypeOf(async (_: string, referrer: string) => (referrer === '' ? undefined : { code: '' })).toExtend<Modules>()
  expectTypeOf(() => 5).not.toExtend<ModuleLoader>()
  expectTypeOf<{ code: string; type: 'script' }>().not.toExtend<ModuleSource>()
  expectTypeOf(untyped.import<{ default: number }>('a.js', { timeoutMs: 5 })).resolves.toEqualTypeOf<{ default: number }>()
  expectTypeOf(untyped.import('a.js')).resolves.toEqualTypeOf<Record<string, unknown>>()
})

test('a store is what openStore gives, and what a user writes', () => {
  expectTypeOf(openStore).returns.resolves.toEqualTypeOf<Store>()
  expectTypeOf<typeof storeConformance>().parameter(0).returns.toEqualTypeOf<StorePlace | Promise<StorePlace>>()
  expectTypeOf<StorePlace['open']>().returns.toEqualTypeOf<Store | Promise<Store>>()
  // @ts-expect-error a lease that is held names itself
  expectTypeOf<{ held: true }>().toExtend<LeaseAnswer>()
  expectTypeOf<{ status: 'written' }>().toExtend<WriteAnswer>()
  expectTypeOf<IsoseedError['lease']>().toEqualTypeOf<StoreLease | undefined>()
})

test('sessions that are not opened', () => {
  expectTypeOf(sessions.list('memory:')).toEqualTypeOf<AsyncIterable<SessionRecord>>()
  expectTypeOf(sessions.inspect('memory:', 'a', { encryptionKey: [new Uint8Array(32)], limits: { nodes: 5 }, revision: 1, state: 's' })).resolves.toEqualTypeOf<SessionInspection | undefined>()
  expectTypeOf<SessionInspection>().toExtend<SessionRecord>()
  expectTypeOf<SessionInspection['state']>().toEqualTypeOf<StateOverview | undefined>()
  expectTypeOf(sessions.exportState('memory:', 'a')).resolves.toEqualTypeOf<StoredState | undefined>()
  expectTypeOf(sessions.importState('memory:', 'a', new Uint8Array(), { schema: 1, compression: 'none' })).resolves.toEqualTypeOf<SavedState>()
  // @ts-expect-error a state has no schema of its own
  void sessions.exportState('memory:', 'a', { schema: 1 })
})
