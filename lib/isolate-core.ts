import type { NativeIsolate, NativeReport, NativeSnapshot, NativeSource } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import { LimitReporter, tellDisposed, traceCall } from './diagnostics.js'
import type { CallTrace } from './diagnostics-types.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import { deliver, wanted } from './reports.js'
import type { Listeners } from './reports.js'
import type { IsolateStats } from './types.js'

/**
 * One isolate behind its public face: talks to the native isolate and runs
 * the bindings.
 *
 * The `Isolate`, its `api` and every pending request hold it, the connection
 * does not: when only its own bindings refer to it, it is collected, and the
 * native isolate with it.
 */
export class IsolateCore implements HostCallReceiver {
  readonly #connection: Connection
  readonly #native: NativeIsolate
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly #listeners: Listeners
  readonly #limits: LimitReporter
  /** What the host is done with, and the native side does not know yet. */
  #done = { reports: 0, weight: 0 }
  #disposed: Promise<void> | undefined

  private constructor(connection: Connection, native: NativeIsolate, request: IsolateRequest) {
    this.#connection = connection
    this.#native = native
    this.#bindings = request.bindings
    this.#listeners = request.listeners
    this.#limits = new LimitReporter(native.id)
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
    const { timeoutMs, memoryLimitMb, bindings } = request
    const options = {
      memoryLimitMb,
      sources,
      globals: connection.encode(request.globals, 'globals'),
      bindings: [...bindings.keys()],
      ...wanted(request.listeners),
      ...(timeoutMs === Infinity ? {} : { timeoutMs }),
    }
    let core: IsolateCore | undefined
    await connection.request((id) => {
      const native = connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, request)
      connection.register(native.id, core)
    })
    return core as unknown as IsolateCore
  }

  eval({ source, timeoutMs, signal }: EvalRequest): Promise<unknown> {
    return this.#traced('eval', source.name, timeoutMs, async () => {
      const event = await this.#request((id) => this.#native.eval(id, source, timeoutMs), signal)
      return this.#connection.decode(event.bytes)
    })
  }

  call(path: string, args: unknown[], { timeoutMs, signal }: CallLimits): Promise<unknown> {
    return this.#traced('call', path, timeoutMs, async () => {
      const bytes = this.#connection.encode(args, 'args')
      const event = await this.#request((id) => this.#native.call(id, path, bytes, timeoutMs), signal)
      return this.#connection.decode(event.bytes)
    })
  }

  /** Tells the channels of `diagnostics_channel` of a call, and of the limits that it hits. */
  #traced(kind: CallTrace['kind'], name: string, timeoutMs: number | undefined, run: () => Promise<unknown>): Promise<unknown> {
    const watched = async (): Promise<unknown> => {
      try {
        return await run()
      } catch (error) {
        this.#limits.see(error, kind, name)
        throw error
      }
    }
    return traceCall(() => ({ isolateId: this.id, kind, name, ...(timeoutMs === undefined ? {} : { timeoutMs }) }), watched)
  }

  async stats(): Promise<IsolateStats> {
    const event = await this.#request((id) => this.#native.stats(id))
    return JSON.parse(event.json as string) as IsolateStats
  }

  /** However often it is called: one disposal, one promise. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    await this.#request((id) => this.#native.dispose(id))
    this.#connection.unregister(this.#native.id, this)
    tellDisposed(this.id, 'dispose')
  }

  #request(start: (request: number) => void, signal?: AbortSignal): ReturnType<Connection['request']> {
    const options: RequestOptions = { signal, abort: (request) => this.#native.abort(request), owner: this }
    return this.#connection.request(start, options)
  }

  /** Runs a binding and answers with what becomes of it. */
  onHostCall(hostCall: number, path: string, args: Uint8Array): void {
    void this.#run(path, args).then(({ ok, value }) => {
      try {
        this.#native.answer(hostCall, ok, value)
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

  async #run(path: string, args: Uint8Array): Promise<{ ok: boolean; value: Uint8Array }> {
    try {
      const binding = this.#bindings.get(path)
      if (binding === undefined) throw new Error(`host function ${path} does not exist in this isolate`)
      const decoded = this.#connection.decode(args) as unknown[]
      const result: unknown = await Reflect.apply(binding.call, binding.holder, decoded)
      return { ok: true, value: this.#connection.encode(result, `${path}()`) }
    } catch (error) {
      return { ok: false, value: this.#connection.encodeThrown(error, path) }
    }
  }
}
