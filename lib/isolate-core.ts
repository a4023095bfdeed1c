import type { NativeIsolate, NativeSnapshot, NativeSource } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import { profile } from './cpu-profile.js'
import { streamed } from './heap-snapshot.js'
import { openInspector } from './inspect.js'
import type { Inspected, Inspector } from './inspect.js'
import type { CpuProfileRequest, HeapSnapshotRequest, InspectRequest } from './inspect-options.js'
import { InspectorLink } from './inspector-link.js'
import type { CpuProfile } from './inspector-types.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import type { IsolateStats } from './types.js'

/**
 * One isolate behind its public face: talks to the native isolate and runs
 * the bindings.
 *
 * The `Isolate`, its `api` and every pending request hold it, the connection
 * does not: when only its own bindings refer to it, it is collected, and the
 * native isolate with it.
 */
export class IsolateCore implements HostCallReceiver, Inspected {
  readonly #connection: Connection
  readonly #native: NativeIsolate
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly link: InspectorLink
  #disposed: Promise<void> | undefined

  private constructor(connection: Connection, native: NativeIsolate, bindings: ReadonlyMap<string, Binding>) {
    this.#connection = connection
    this.#native = native
    this.#bindings = bindings
    this.link = new InspectorLink({ native, request: (start) => this.#request(start) })
  }

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
      ...(timeoutMs === Infinity ? {} : { timeoutMs }),
    }
    let core: IsolateCore | undefined
    await connection.request((id) => {
      const native = connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, bindings)
      connection.register(native.id, core)
    })
    return core as unknown as IsolateCore
  }

  async eval({ source, timeoutMs, signal }: EvalRequest): Promise<unknown> {
    const event = await this.#request((id) => this.#native.eval(id, source, timeoutMs), signal)
    return this.#connection.decode(event.bytes)
  }

  async call(path: string, args: unknown[], { timeoutMs, signal }: CallLimits): Promise<unknown> {
    const bytes = this.#connection.encode(args, 'args')
    const event = await this.#request((id) => this.#native.call(id, path, bytes, timeoutMs), signal)
    return this.#connection.decode(event.bytes)
  }

  async stats(): Promise<IsolateStats> {
    const event = await this.#request((id) => this.#native.stats(id))
    return JSON.parse(event.json as string) as IsolateStats
  }

  inspect(request: InspectRequest): Promise<Inspector> {
    return openInspector(this, request)
  }

  cpuProfile({ work, samplingIntervalUs }: CpuProfileRequest): Promise<CpuProfile> {
    return profile(this.#connection, this.link, work, samplingIntervalUs)
  }

  async heapSnapshot({ path, signal }: HeapSnapshotRequest): Promise<ReadableStream<Uint8Array> | undefined> {
    const write = async (to: string): Promise<void> => {
      await this.#request((id) => this.#native.heapSnapshot(id, to), signal)
    }
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
    this.#connection.unregister(this.#native.id, this)
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
