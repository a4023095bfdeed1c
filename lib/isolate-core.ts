import type { NativeIsolate, NativeSnapshot, NativeSource } from '../native.js'
import type { Binding } from './bindings.js'
import { connect } from './connection.js'
import type { Connection, HostCallReceiver, RequestOptions } from './connection.js'
import type { CallLimits, EvalRequest, IsolateRequest } from './options.js'
import { asBytes, movedBeside, takeMarked } from './transfer.js'
import type { IsolateStats } from './types.js'
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
  readonly #limits: Limits
  #disposed: Promise<void> | undefined

  private constructor(connection: Connection, native: NativeIsolate, bindings: ReadonlyMap<string, Binding>, limits: Limits) {
    this.#connection = connection
    this.#native = native
    this.#bindings = bindings
    this.#limits = limits
  }

  /**
   * Starts an isolate and waits until it is ready.
   *
   * @param sources what it starts from instead of a snapshot
   */
  static async start(request: IsolateRequest, snapshot: NativeSnapshot | undefined, sources: NativeSource[]): Promise<IsolateCore> {
    const connection = connect()
    const { timeoutMs, memoryLimitMb, bindings, valueLimits } = request
    const globals = connection.encode(request.globals, 'globals')
    connection.checkLimits(globals, valueLimits, 'globals', request.globals, true)
    const options = {
      memoryLimitMb,
      sources,
      globals,
      bindings: [...bindings.keys()],
      largestValue: valueLimits.bytes,
      ...(valueLimits.depth === undefined ? {} : { deepestValue: valueLimits.depth }),
      ...(timeoutMs === Infinity ? {} : { timeoutMs }),
    }
    let core: IsolateCore | undefined
    await connection.request((id) => {
      const native = connection.native.createIsolate(id, options, snapshot)
      core = new IsolateCore(connection, native, bindings, valueLimits)
      connection.register(native.id, core)
    })
    return core as unknown as IsolateCore
  }

  async eval({ source, timeoutMs, signal, moves }: EvalRequest): Promise<unknown> {
    const event = await this.#request((id) => {
      if (moves?.result === true) this.#native.announceMoves(id, [], true)
      this.#native.eval(id, source, timeoutMs)
    }, signal)
    return this.#connection.decode(event.bytes, event.buffers)
  }

  async call(path: string, args: unknown[], { timeoutMs, signal, moves }: CallLimits): Promise<unknown> {
    const transfer = moves?.transfer ?? []
    const beside = movedBeside(transfer)
    const bytes = this.#connection.encode(args, 'args', beside)
    this.#connection.checkLimits(bytes, this.#limits, 'args', args, true, beside)
    const event = await this.#request((id) => {
      if (moves !== undefined) this.#native.announceMoves(id, asBytes(beside), moves.result)
      this.#native.call(id, path, bytes, timeoutMs)
      this.#connection.detach(transfer)
    }, signal)
    return this.#connection.decode(event.bytes, event.buffers)
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
    return this.#connection.request(start, options)
  }

  /** Runs a binding and answers with what becomes of it. */
  onHostCall(hostCall: number, path: string, args: Uint8Array): void {
    void this.#run(path, args).then(({ ok, value, transfer }) => {
      try {
        if (transfer === undefined || transfer.length === 0) this.#native.answer(hostCall, ok, value)
        else this.#native.answerMoving(hostCall, value, asBytes(movedBeside(transfer)))
        this.#connection.detach(transfer ?? [])
      } catch {
        // The isolate is gone, and nobody waits for the answer: nothing that may end the host.
      }
    })
  }

  async #run(path: string, args: Uint8Array): Promise<{ ok: boolean; value: Uint8Array; transfer?: ArrayBuffer[] }> {
    try {
      const binding = this.#bindings.get(path)
      if (binding === undefined) throw new Error(`host function ${path} does not exist in this isolate`)
      const decoded = this.#connection.decode(args) as unknown[]
      const result: unknown = await Reflect.apply(binding.call, binding.holder, decoded)
      const label = `${path}()`
      const transfer = takeMarked(result, label)
      const beside = movedBeside(transfer)
      const value = this.#connection.encode(result, label, beside)
      this.#connection.checkLimits(value, this.#limits, label, result, false, beside)
      return { ok: true, value, transfer }
    } catch (error) {
      return { ok: false, value: this.#connection.encodeThrown(error, path) }
    }
  }
}
