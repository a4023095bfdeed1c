import type { NativeIsolate, NativeSnapshot, NativeSource } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import { currentFrame, hostCallsWithin, runWithin } from './nesting.js'
import type { Frame } from './nesting.js'
import { checkReferenceOptions } from './options.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import { References } from './references.js'
import type { Exported, Guest } from './references.js'
import type { IsolateStats } from './types.js'
import { broughtBy } from './wire.js'

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
export class IsolateCore implements HostCallReceiver, Guest {
  readonly #connection: Connection
  readonly #native: NativeIsolate
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly #references: References
  readonly #timeoutMs: number
  #disposed: Promise<void> | undefined

  private constructor(connection: Connection, native: NativeIsolate, references: References, { bindings, timeoutMs }: IsolateRequest) {
    this.#connection = connection
    this.#native = native
    this.#bindings = bindings
    this.#references = references
    this.#timeoutMs = timeoutMs
    references.connect(this)
  }

  /**
   * Starts an isolate and waits until it is ready.
   *
   * @param sources what it starts from instead of a snapshot
   */
  static async start(request: IsolateRequest, snapshot: NativeSnapshot | undefined, sources: NativeSource[]): Promise<IsolateCore> {
    const connection = connect()
    const references = new References()
    const { timeoutMs, memoryLimitMb, bindings, cpuLimitMs, codegen } = request
    const options = {
      memoryLimitMb,
      sources,
      globals: connection.encode(request.globals, 'globals', references),
      bindings: [...bindings.keys()],
      syncBindings: [...bindings].filter(([, { sync }]) => sync).map(([path]) => path),
      ...(timeoutMs === Infinity ? {} : { timeoutMs }),
      ...(cpuLimitMs === Infinity ? {} : { cpuLimitMs }),
      codegenStrings: codegen.strings,
      codegenWasm: codegen.wasm,
    }
    let core: IsolateCore | undefined
    await connection.request((id) => {
      const native = connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, references, request)
      connection.register(native.id, core)
    })
    return core as unknown as IsolateCore
  }

  async eval({ source, timeoutMs, signal }: EvalRequest): Promise<unknown> {
    const event = await this.#request((id) => this.#native.eval(id, source, timeoutMs), signal)
    return this.#decode(event.bytes)
  }

  async call(path: string, args: unknown[], { timeoutMs, signal }: CallLimits): Promise<unknown> {
    // Not before it is sure to be sent.
    const event = await this.#request((id) => this.#native.call(id, path, this.#encode(args, 'args'), timeoutMs), signal)
    return this.#decode(event.bytes)
  }

  async callReference(number: number, args: unknown[], options: unknown): Promise<unknown> {
    const { timeoutMs, signal } = checkReferenceOptions(options, this.#timeoutMs)
    const event = await this.#request((id) => this.#native.callReference(id, number, this.#encode(args, 'args'), timeoutMs), signal)
    return this.#decode(event.bytes)
  }

  checkReferenceOptions(options: unknown): void {
    checkReferenceOptions(options, this.#timeoutMs)
  }

  release(references: number[]): void {
    this.#native.release(references)
  }

  #encode(value: unknown, label: string): Uint8Array {
    return this.#connection.encode(value, label, this.#references)
  }

  #decode(bytes: Uint8Array | undefined): unknown {
    return this.#connection.decode(bytes, this.#references)
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
    this.#references.end()
    this.#connection.unregister(this.#native.id, this)
  }

  async #request(start: (request: number) => void, signal?: AbortSignal): ReturnType<Connection['request']> {
    const options: RequestOptions = { signal, abort: (request) => this.#native.abort(request), owner: this }
    try {
      if (currentFrame() === undefined) return await this.#connection.request(start, options)
      const hostCalls = hostCallsWithin(this.#native.id)
      return await this.#connection.request((request) => {
        this.#native.nest(request, hostCalls)
        start(request)
      }, options)
    } catch (error) {
      if (ENDED.has((error as { code?: unknown } | undefined)?.code)) this.#references.end()
      throw error
    }
  }

  /** Runs a binding, or a function that was sent, and answers with what becomes of it. */
  onHostCall(hostCall: number, target: string | number, args: Uint8Array, within: Frame | undefined): void {
    const called = typeof target === 'string' ? this.#bindings.get(target) : this.#references.exported(target)
    const run = (): Promise<HostAnswer> => this.#run(called, nameOf(target, called), args)
    const frame = called?.sync === true ? { isolate: this.#native.id, hostCall, outer: within } : within
    void (frame === undefined ? run() : runWithin(frame, run)).then(({ ok, value }) => {
      try {
        this.#native.answer(hostCall, ok, value)
      } catch {
        // The isolate is gone, and nobody waits for the answer: nothing that may end the host.
      }
    })
  }

  onRelease(references: readonly number[]): void {
    this.#references.released(references)
  }

  onUnread(message: Uint8Array): void {
    const brought = broughtBy(message)
    this.#references.receive(brought)
    this.#references.received(brought)
  }

  async #run(called: Binding | Exported | undefined, name: string, args: Uint8Array): Promise<HostAnswer> {
    try {
      if (called === undefined) throw new Error(`host function ${name} does not exist in this isolate`)
      const decoded = this.#decode(args) as unknown[]
      const result: unknown = await Reflect.apply(called.call, called.holder, decoded)
      return { ok: true, value: this.#encode(result, `${name}()`) }
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
}
