import type { NativeIsolate, NativeSnapshot, NativeSource } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import { currentFrame, hostCallsWithin, runWithin } from './nesting.js'
import type { Frame } from './nesting.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import { LOADER_PATH, askLoader } from './modules.js'
import { asBytes, takeMarked } from './transfer.js'
import type { IsolateStats, ModuleLoader } from './types.js'
import type { Limits } from './value-limits.js'

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
  readonly #loader: ModuleLoader | undefined
  readonly #limits: Limits
  #disposed: Promise<void> | undefined

  private constructor(
    connection: Connection,
    native: NativeIsolate,
    bindings: ReadonlyMap<string, Binding>,
    loader: ModuleLoader | undefined,
    limits: Limits,
  ) {
    this.#connection = connection
    this.#native = native
    this.#bindings = bindings
    this.#loader = loader
    this.#limits = limits
  }

  /**
   * Starts an isolate and waits until it is ready.
   *
   * @param sources what it starts from instead of a snapshot
   */
  static async start(request: IsolateRequest, snapshot: NativeSnapshot | undefined, sources: NativeSource[]): Promise<IsolateCore> {
    const connection = connect()
    const { timeoutMs, memoryLimitMb, bindings, cpuLimitMs, codegen, modules, valueLimits } = request
    const options = {
      memoryLimitMb,
      sources,
      globals: connection.encodeGlobals(request.globals, valueLimits),
      bindings: [...bindings.keys()],
      syncBindings: [...bindings].filter(([, { sync }]) => sync).map(([path]) => path),
      modules: modules.given,
      hasLoader: modules.loader !== undefined,
      ...(timeoutMs === Infinity ? {} : { timeoutMs }),
      ...(cpuLimitMs === Infinity ? {} : { cpuLimitMs }),
      codegenStrings: codegen.strings,
      codegenWasm: codegen.wasm,
      largestValue: valueLimits.bytes,
      ...(valueLimits.depth === undefined ? {} : { deepestValue: valueLimits.depth }),
    }
    let core: IsolateCore | undefined
    await connection.request((id) => {
      const native = connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, bindings, modules.loader, valueLimits)
      connection.register(native.id, core)
    })
    return core as unknown as IsolateCore
  }

  async eval({ source, timeoutMs, signal, moves }: EvalRequest): Promise<unknown> {
    const event = await this.#request((id) => {
      if (moves?.result === true) this.#native.announceMoves(id, [], true)
      this.#native.eval(id, source, timeoutMs)
    }, signal)
    return this.#connection.valueOf(event)
  }

  async call(path: string, args: unknown[], { timeoutMs, signal, moves }: CallLimits): Promise<unknown> {
    const { bytes, beside } = this.#connection.encodeArguments(args, this.#limits, moves?.transfer ?? [])
    const event = await this.#request((id) => {
      if (beside.length > 0 || moves?.result === true) this.#native.announceMoves(id, asBytes(beside), moves?.result === true)
      this.#native.call(id, path, bytes, timeoutMs)
      if (moves !== undefined) this.#connection.detach(moves.transfer)
    }, signal)
    return this.#connection.valueOf(event)
  }

  async import(specifier: string, { timeoutMs, signal }: CallLimits): Promise<unknown> {
    const event = await this.#request((id) => this.#native.import(id, specifier, timeoutMs), signal)
    return this.#connection.valueOf(event)
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
  }

  #request(start: (request: number) => void, signal?: AbortSignal): ReturnType<Connection['request']> {
    const options: RequestOptions = { signal, abort: (request) => this.#native.abort(request), owner: this }
    if (currentFrame() === undefined) return this.#connection.request(start, options)
    const hostCalls = hostCallsWithin(this.#native.id)
    return this.#connection.request((request) => {
      this.#native.nest(request, hostCalls)
      start(request)
    }, options)
  }

  /** Runs a binding and answers with what becomes of it. */
  onHostCall(hostCall: number, path: string, args: Uint8Array, within: Frame | undefined): void {
    const binding = this.#bindings.get(path)
    const run = (): Promise<HostAnswer> => this.#run(binding, path, args)
    const frame = binding?.sync === true ? { isolate: this.#native.id, hostCall, outer: within } : within
    void (frame === undefined ? run() : runWithin(frame, run)).then(({ ok, value, beside = [], transfer = [] }) => {
      try {
        if (beside.length === 0) this.#native.answer(hostCall, ok, value)
        else this.#native.answerMoving(hostCall, value, asBytes(beside))
        this.#connection.detach(transfer)
      } catch {
        // The isolate is gone, and nobody waits for the answer: nothing that may end the host.
      }
    })
  }

  async #run(binding: Binding | undefined, path: string, args: Uint8Array): Promise<HostAnswer> {
    try {
      if (path === LOADER_PATH && this.#loader !== undefined) return { ok: true, value: await askLoader(this.#loader, args) }
      if (binding === undefined) throw new Error(`host function ${path} does not exist in this isolate`)
      const decoded = this.#connection.decode(args) as unknown[]
      const result: unknown = await Reflect.apply(binding.call, binding.holder, decoded)
      const label = `${path}()`
      const transfer = takeMarked(result, label)
      const { bytes, beside } = this.#connection.encode(result, label, this.#limits, transfer)
      return { ok: true, value: bytes, beside, transfer }
    } catch (error) {
      return { ok: false, value: this.#connection.encodeThrown(error, path) }
    }
  }
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
