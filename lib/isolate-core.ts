import type { ReadableStream } from 'node:stream/web'
import type { NativeEvent, NativeIsolate, NativeReport, NativeSnapshot, NativeSource, NativeStateRequest } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import { profile } from './cpu-profile.js'
import { LimitReporter, tellDisposed, traceCall } from './diagnostics.js'
import type { CallTrace } from './diagnostics-types.js'
import { streamed, writeHeapSnapshot } from './heap-snapshot.js'
import { openInspector } from './inspect.js'
import type { Inspected, Inspector } from './inspect.js'
import type { CpuProfileRequest, HeapSnapshotRequest, InspectRequest } from './inspect-options.js'
import { InspectorLink } from './inspector-link.js'
import type { CpuProfile } from './inspector-types.js'
import { LOADER_PATH, askLoader } from './modules.js'
import { currentFrame, hostCallsWithin, runWithin } from './nesting.js'
import type { Frame } from './nesting.js'
import { checkReferenceOptions } from './options.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import { createInProcess } from './process/pool.js'
import { References } from './references.js'
import type { Exported, Guest } from './references.js'
import { deliver, wanted } from './reports.js'
import type { Listeners } from './reports.js'
import { takeMarked } from './transfer.js'
import type { ModuleLoader } from './isolate-types.js'
import type { IsolateStats } from './report-types.js'
import { keptState } from './session/state.js'
import type { KeptState } from './session/state.js'
import type { Limits } from './value-limits.js'
import { broughtBy } from './wire.js'

/** A request that runs guest code. */
interface GuestCall extends Pick<CallTrace, 'kind' | 'name'>, Pick<CallLimits, 'timeoutMs' | 'signal'> {
  start: (request: number) => void
}

/** What ends an isolate, and what tells that it has ended. */
const ENDED: ReadonlySet<unknown> = new Set(['ERR_DISPOSED', 'ERR_MEMORY_LIMIT', 'ERR_CPU_LIMIT', 'ERR_ISOLATE_LOST'])

/**
 * One isolate behind its public face: talks to the native isolate and runs
 * the bindings.
 *
 * The `Isolate`, its `api` and every pending request hold it, the connection
 * does not: when only its own bindings refer to it, it is collected, and the
 * native isolate with it.
 */
export class IsolateCore implements HostCallReceiver, Inspected, Guest {
  readonly #connection: Connection
  readonly #native: NativeIsolate
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly #references: References
  readonly #timeoutMs: number
  readonly link: InspectorLink
  readonly #loader: ModuleLoader | undefined
  readonly #listeners: Listeners
  readonly #limitReporter: LimitReporter
  readonly #limits: Limits
  /** What the host is done with, and the native side does not know yet. */
  #done = { reports: 0, weight: 0 }
  #disposed: Promise<void> | undefined
  readonly #onHostCall: <T>(run: () => T) => T
  /** With `process`: how long it took to start. */
  #startMs: number | undefined

  private constructor(connection: Connection, native: NativeIsolate, references: References, request: IsolateRequest) {
    this.#connection = connection
    this.#native = native
    this.#bindings = request.bindings
    this.#references = references
    this.#timeoutMs = request.timeoutMs
    this.#loader = request.modules.loader
    this.#listeners = request.listeners
    this.#limitReporter = new LimitReporter(native.id)
    this.#limits = request.valueLimits
    this.#onHostCall = request.onHostCall ?? ((run) => run())
    this.link = new InspectorLink({ native, request: (start) => this.#request(start) })
    references.connect(this)
  }

  /** Unique in the process. */
  get id(): number {
    return this.#native.id
  }

  /**
   * Starts an isolate and waits until it is ready.
   *
   * @param sources what it starts from instead of a snapshot
   */
  static async start(request: IsolateRequest, snapshot: NativeSnapshot | undefined, sources: NativeSource[]): Promise<IsolateCore> {
    const connection = connect()
    const references = new References()
    const { timeoutMs, memoryLimitMb, bindings, cpuLimitMs, codegen, modules, valueLimits } = request
    const options = {
      memoryLimitMb,
      sources,
      globals: connection.encodeGlobals(request.globals, valueLimits, references),
      bindings: [...bindings.keys()],
      syncBindings: [...bindings].filter(([, { sync }]) => sync).map(([path]) => path),
      modules: modules.given,
      hasLoader: modules.loader !== undefined,
      ...withTimeout(timeoutMs),
      ...(cpuLimitMs === Infinity ? {} : { cpuLimitMs }),
      codegenStrings: codegen.strings,
      codegenWasm: codegen.wasm,
      ...wanted(request.listeners),
      largestValue: valueLimits.bytes,
      ...(valueLimits.depth === undefined ? {} : { deepestValue: valueLimits.depth }),
      ...(request.keepsState === true ? { keepsState: true } : {}),
    }
    let core: IsolateCore | undefined
    const asked = performance.now()
    const limits = sources.length === 0 ? { timeoutMs: 0 } : withTimeout(timeoutMs)
    await connection.request((id) => {
      const native = request.process
        ? createInProcess(connection, id, options, snapshot)
        : connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, references, request)
      connection.register(native.id, core)
    }, limits)
    const started = core as unknown as IsolateCore
    // Its process knows nothing of the time that it took to start.
    if (request.process) started.#startMs = performance.now() - asked
    return started
  }

  eval({ source, timeoutMs, signal, moves }: EvalRequest): Promise<unknown> {
    const start = (id: number): void => {
      if (moves?.result === true) this.#native.announceMoves(id, [], [], true)
      this.#native.eval(id, source, timeoutMs)
    }
    return this.#run({ kind: 'eval', name: source.name, timeoutMs, signal, start })
  }

  call(path: string, args: unknown[], { timeoutMs, signal, moves }: CallLimits): Promise<unknown> {
    const start = (id: number): void => this.#send(id, args, moves, (bytes) => this.#native.call(id, path, bytes, timeoutMs))
    return this.#run({ kind: 'call', name: path, timeoutMs, signal, start })
  }

  import(specifier: string, { timeoutMs, signal }: CallLimits): Promise<unknown> {
    const start = (id: number): void => this.#native.import(id, specifier, timeoutMs)
    return this.#run({ kind: 'import', name: specifier, timeoutMs, signal, start })
  }

  callReference(number: number, args: unknown[], options: unknown): Promise<unknown> {
    const { timeoutMs, signal, moves } = checkReferenceOptions(options, this.#timeoutMs)
    const start = (id: number): void => this.#send(id, args, moves, (bytes) => this.#native.callReference(id, number, bytes, timeoutMs))
    return this.#run({ kind: 'call', name: 'a function of the guest', timeoutMs, signal, start })
  }

  checkReferenceOptions(options: unknown): void {
    checkReferenceOptions(options, this.#timeoutMs)
  }

  release(references: number[]): void {
    this.#native.release(references)
  }

  /** Hands arguments to the native side. Not before it is sure that they are sent: they may bring functions. */
  #send(id: number, args: unknown[], moves: CallLimits['moves'], send: (bytes: Uint8Array) => void): void {
    const { bytes, beside } = this.#connection.encodeArguments(args, this.#limits, this.#references, moves?.transfer ?? [])
    if (beside.length > 0 || moves?.result === true) {
      const handed = this.#connection.handOver(beside, moves?.transfer ?? [])
      this.#native.announceMoves(id, handed.bytes, handed.lent, moves?.result === true)
    }
    send(bytes)
    if (moves !== undefined) this.#connection.detach(moves.transfer)
  }

  /** Runs guest code, and tells the channels of `diagnostics_channel` of it. */
  #run(call: GuestCall): Promise<unknown> {
    const { kind, name, timeoutMs } = call
    return traceCall(
      () => ({ isolateId: this.id, kind, name, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
      () => this.#answered(call),
    )
  }

  async #answered({ kind, name, timeoutMs, signal, start }: GuestCall): Promise<unknown> {
    try {
      return this.#connection.valueOf(await this.#sent(start, signal, timeoutMs), this.#references)
    } catch (failure) {
      const error = this.#failed(failure)
      this.#limitReporter.see(error, kind, name)
      throw error
    } finally {
      this.#connection.takeBack()
    }
  }

  /** Writes the state down. The isolate must have been started for it. */
  async exportState(what: NativeStateRequest, timeoutMs: number | undefined): Promise<KeptState> {
    const { bytes, json } = await this.#request((id) => this.#native.exportState(id, what, false, timeoutMs))
    return keptState(bytes as Uint8Array, json as string)
  }

  /** As `exportState`; `undefined` if no code of the guest has run since the last time. */
  async exportChanged(what: NativeStateRequest, timeoutMs: number | undefined): Promise<KeptState | undefined> {
    const { bytes, json } = await this.#request((id) => this.#native.exportState(id, what, true, timeoutMs))
    return bytes === undefined ? undefined : keptState(bytes, json as string)
  }

  /** Replaces the state by that of a document: all of it, or nothing is changed. */
  async importState(bytes: Uint8Array, what: NativeStateRequest, timeoutMs: number | undefined): Promise<void> {
    await this.#request((id) => this.#native.importState(id, bytes, what, timeoutMs))
  }

  async stats(): Promise<IsolateStats> {
    const event = await this.#request((id) => this.#native.stats(id))
    const stats = JSON.parse(event.json as string) as IsolateStats
    return this.#startMs === undefined ? stats : { ...stats, startMs: this.#startMs }
  }

  inspect(request: InspectRequest): Promise<Inspector> {
    return openInspector(this, request)
  }

  cpuProfile({ work, samplingIntervalUs }: CpuProfileRequest): Promise<CpuProfile> {
    return profile(this.#connection, this.link, work, samplingIntervalUs)
  }

  async heapSnapshot({ path, signal }: HeapSnapshotRequest): Promise<ReadableStream<Uint8Array> | undefined> {
    const write = (to: string): Promise<void> => writeHeapSnapshot(this.#connection, this.link, to, signal)
    if (path === undefined) return streamed(write)
    await write(path)
    return undefined
  }

  holdLoop(): () => void {
    return this.#connection.hold()
  }

  onInspector(session: number, message: string | undefined): void {
    this.link.onEvent(session, message)
  }

  /** However often it is called: one disposal, one promise. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    await this.#request((id) => this.#native.dispose(id))
    this.#references.end()
    this.#connection.takeBack()
    this.#connection.unregister(this.#native.id, this)
    tellDisposed(this.id, 'dispose')
  }

  async #request(start: (request: number) => void, signal?: AbortSignal): Promise<NativeEvent> {
    try {
      return await this.#sent(start, signal)
    } catch (failure) {
      throw this.#failed(failure)
    }
  }

  #sent(start: (request: number) => void, signal?: AbortSignal, timeoutMs?: number): Promise<NativeEvent> {
    const options: RequestOptions = { signal, abort: (request) => this.#native.abort(request), owner: this, timeoutMs }
    if (currentFrame() === undefined) return this.#connection.send(start, options)
    const hostCalls = hostCallsWithin(this.#native.id)
    const startNested = (request: number): void => {
      this.#native.nest(request, hostCalls)
      start(request)
    }
    return this.#connection.send(startNested, options)
  }

  #failed(failure: unknown): unknown {
    const error = this.#connection.errorOf(failure)
    if (ENDED.has((error as { code?: unknown } | undefined)?.code)) this.#references.end()
    return error
  }

  /** Runs a binding, or a function that was sent, and answers with what becomes of it. */
  onHostCall(hostCall: number, target: string | number, args: Uint8Array, within: Frame | undefined): void {
    const called = typeof target === 'string' ? this.#bindings.get(target) : this.#references.exported(target)
    const run = (): Promise<HostAnswer> => (target === LOADER_PATH ? this.#load(args) : this.#runBinding(called, nameOf(target, called), args))
    const frame = called?.sync === true ? { isolate: this.#native.id, hostCall, outer: within } : within
    const runHere = (): Promise<HostAnswer> => (frame === undefined ? run() : runWithin(frame, run))
    void this.#onHostCall(runHere).then(({ ok, value, beside = [], transfer = [] }) => {
      try {
        if (beside.length === 0) this.#native.answer(hostCall, ok, value)
        else {
          const handed = this.#connection.handOver(beside, transfer)
          this.#native.answerMoving(hostCall, value, handed.bytes, handed.lent)
        }
        this.#connection.detach(transfer)
      } catch {
        // The isolate is gone, and nobody waits for the answer: nothing that may end the host.
      }
    })
  }

  /** Tells the listeners. The native side hears that it is done on the next turn of the event loop, which other work gets its part of. */
  onReports(reports: NativeReport[], weight: number): void {
    for (const report of reports) deliver(report, this.#listeners)
    if (this.#done.reports === 0) {
      setImmediate(() => {
        const done = this.#done
        this.#done = { reports: 0, weight: 0 }
        this.#native.reported(done.reports, done.weight)
      })
    }
    this.#done.reports += reports.length
    this.#done.weight += weight
  }

  onRelease(references: readonly number[]): void {
    this.#references.released(references)
  }

  onUnread(message: Uint8Array): void {
    const brought = broughtBy(message)
    this.#references.receive(brought)
    this.#references.received(brought)
  }

  async #load(question: Uint8Array): Promise<HostAnswer> {
    try {
      if (this.#loader === undefined) throw new Error('this isolate has no module loader')
      return { ok: true, value: await askLoader(this.#loader, question) }
    } catch (error) {
      return { ok: false, value: this.#connection.encodeThrown(error, LOADER_PATH) }
    }
  }

  async #runBinding(called: Binding | Exported | undefined, name: string, args: Uint8Array): Promise<HostAnswer> {
    try {
      if (called === undefined) throw new Error(`host function ${name} does not exist in this isolate`)
      const decoded = this.#connection.decode(args, this.#references) as unknown[]
      const result: unknown = await Reflect.apply(called.call, called.holder, decoded)
      const label = `${name}()`
      const transfer = takeMarked(result, label)
      const { bytes, beside } = this.#connection.encode(result, label, this.#limits, this.#references, transfer)
      return { ok: true, value: bytes, beside, transfer }
    } catch (error) {
      return { ok: false, value: this.#connection.encodeThrown(error, name) }
    }
  }
}

/** What messages call a host function. */
function nameOf(target: string | number, called: Binding | Exported | undefined): string {
  if (typeof target === 'string') return target
  const name: unknown = called?.call.name
  return typeof name === 'string' && name !== '' ? name : '(anonymous)'
}

/** An encoded value, or an encoded error. */
interface HostAnswer {
  ok: boolean
  value: Uint8Array
  /** Buffers that go beside it. */
  beside?: readonly ArrayBuffer[]
  /** Buffers that the host gives away. */
  transfer?: readonly ArrayBuffer[]
}

/** The native side knows no infinity: there, no limit is an absent one. */
function withTimeout(timeoutMs: number): { timeoutMs?: number } {
  return timeoutMs === Infinity ? {} : { timeoutMs }
}
