import type { NativeSnapshot, NativeStateRequest } from '../../native.js'
import { IsoseedError, invalidArg } from '../errors.js'
import type { IsolateCore } from '../isolate-core.js'
import type { IsolateStats } from '../report-types.js'
import { startSeeded } from '../seed.js'
import { Ledger } from '../store/ledger.js'
import type { Loaded } from '../store/ledger.js'
import { tooLong } from '../store/reading.js'
import type { RevisionMeta } from '../store/types.js'
import { checkVariables, hasState, isBare } from './document.js'
import type { SessionRequest } from './options.js'
import { SaveClock } from './save-clock.js'
import { checkSchema, upgradeOf } from './schema.js'
import type { SavedUnder } from './schema.js'
import type { KeptState } from './state.js'
import { beginStep, openStepOf, runInStep } from './steps.js'
import type { Step } from './steps.js'
import type { SavedState, SessionInfo } from './types.js'

/** What ends an isolate. */
const ENDED: ReadonlySet<unknown> = new Set(['ERR_DISPOSED', 'ERR_MEMORY_LIMIT', 'ERR_CPU_LIMIT', 'ERR_ISOLATE_LOST'])

/**
 * A session behind its public face: the state as it was after the last step, and an isolate that has it and can be
 * thrown away.
 *
 * Steps go one after the other, and each ends with the state written down. One that fails is undone by ending the
 * isolate: the next starts another, from the state. So what it left in closures, timers and promises is gone, too.
 */
export class SessionCore {
  readonly id: string
  readonly #request: SessionRequest
  #ledger!: Ledger
  readonly #clock: SaveClock
  /** The step that runs: its isolate's host calls are parts of it. */
  #step: Step | undefined
  #last: Promise<unknown> = Promise.resolve()
  #isolate: IsolateCore | undefined
  /** What the first isolate started from: the others start from the same, whatever becomes of a file. */
  #seed: { snapshot: NativeSnapshot | undefined } | undefined
  #kept!: KeptState
  #revision: RevisionMeta | undefined
  #createdAt: number | undefined
  #recovered: Loaded['recovered']
  #resumed = false
  /** Whether code of a step has run in the isolate. */
  #hasStepped = false
  /** A save failed on the way: only the store knows what the state is. */
  #isInDoubt = false
  /** Why there are no more steps. */
  #end: Error | undefined
  #isLost = false
  #closed: Promise<void> | undefined

  private constructor(id: string, request: SessionRequest) {
    this.id = id
    this.#request = request
    this.#clock = new SaveClock(request.save, () => void this.#saveInBackground())
  }

  /**
   * Takes the session's lease, and reads its state or makes a new one.
   *
   * @throws as `openSession`
   */
  static async open(id: string, request: SessionRequest): Promise<SessionCore> {
    const core = new SessionCore(id, request)
    const { store, holder, ttlMs, packing, limits } = request
    core.#ledger = await Ledger.open({
      store,
      session: id,
      holder,
      ttlMs,
      packing,
      maxBytes: limits.payloadBytes,
      onLost: (error) => core.#lose(error),
    })
    try {
      await core.#begin()
      return core
    } catch (error) {
      await core.#drop()
      await core.#ledger.close().catch(() => undefined)
      throw error
    }
  }

  /** Whether the session had a state in the store. */
  get resumed(): boolean {
    return this.#resumed
  }

  /** Runs guest code as a step; as a part of the step that a binding is called in, if one calls. */
  run<T>(work: (isolate: IsolateCore) => Promise<T>): Promise<T> {
    const around = openStepOf(this)
    return around !== undefined ? work(around.isolate) : this.#next(() => this.#take(work))
  }

  /** What does not touch the state. */
  stats(): Promise<IsolateStats> {
    const around = openStepOf(this)
    return around !== undefined ? around.isolate.stats() : this.#next(async () => (await this.#live()).stats())
  }

  /** Saves what is there now. */
  save(): Promise<SavedState> {
    this.#refuseWithin('save')
    return this.#next(async () => {
      await this.#keep(await this.#live())
      return this.#save()
    })
  }

  info(): SessionInfo {
    const { revision = 0, createdAt: updatedAt } = this.#revision ?? {}
    return {
      id: this.id,
      revision,
      ...(this.#createdAt === undefined ? {} : { createdAt: this.#createdAt }),
      ...(updatedAt === undefined ? {} : { updatedAt }),
      schema: this.#request.schema.version,
      snapshotKey: this.#snapshotKey,
      hash: this.#kept.hash,
      bytes: this.#kept.bytes.byteLength,
      unsaved: this.#clock.isUnsaved,
      unkept: this.#kept.unkept,
      ...(this.#recovered === undefined ? {} : { recovered: this.#recovered }),
    }
  }

  /** The state as it is now. */
  exportState(): Promise<KeptState> {
    this.#refuseWithin('exportState')
    return this.#next(async () => {
      await this.#keep(await this.#live())
      return this.#kept
    })
  }

  /** Makes a document the state: all of it, or nothing is changed. */
  importState(given: Uint8Array, schema = this.#request.schema.version): Promise<void> {
    this.#refuseWithin('importState')
    const { payloadBytes } = this.#request.limits
    // Before it is copied.
    if (given.byteLength > payloadBytes) return Promise.reject(tooLong(given.byteLength, payloadBytes))
    const bytes = given.slice()
    // A document says nothing of the snapshot that it was made on.
    const from = { schema, snapshotKey: '' }
    return this.#next(() => {
      checkSchema(this.id, from, this.#request.schema)
      return this.#replace(bytes, from)
    })
  }

  /** Makes an earlier revision the state. */
  restore(revision: number): Promise<void> {
    this.#refuseWithin('restore')
    return this.#next(async () => {
      const loaded = await this.#ledger.read(revision)
      if (loaded === undefined) throw invalidArg(`session.restore: session ${JSON.stringify(this.id)} has no revision ${revision}`)
      checkSchema(this.id, loaded.revision, this.#request.schema)
      await this.#replace(loaded.state, loaded.revision)
    })
  }

  history(): AsyncIterable<RevisionMeta> {
    this.#check()
    return this.#ledger.history()
  }

  /** However often it is called: one end, one promise. */
  close(): Promise<void> {
    this.#refuseWithin('close')
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const last = this.#last
    this.#end ??= new IsoseedError('ERR_DISPOSED', `session ${JSON.stringify(this.id)} is closed`)
    await last
    try {
      if (this.#clock.savesAtClose && !this.#isLost && !this.#isInDoubt) await this.#saveLast()
    } finally {
      this.#clock.stop()
      await this.#drop()
      await this.#ledger.close()
    }
  }

  /** Timers and functions of the guest may have changed the state since the last step. */
  async #saveLast(): Promise<void> {
    try {
      if (this.#isolate !== undefined && this.#hasStepped) await this.#keep(this.#isolate)
    } catch (error) {
      // What ended the isolate has undone that, as it would a step.
      if (!hasEnded(error)) throw error
    } finally {
      if (this.#clock.isUnsaved) await this.#save()
    }
  }

  async #begin(): Promise<void> {
    const loaded = await this.#ledger.load()
    if (loaded === undefined) {
      this.#isolate = await this.#started()
      this.#kept = await this.#exported(this.#isolate)
      return
    }
    this.#recovered = loaded.recovered
    this.#resumed = true
    this.#createdAt = loaded.createdAt
    await this.#resume(loaded)
  }

  /** Goes on from what the store has. */
  async #resume({ state, sha256, revision }: Loaded): Promise<void> {
    checkSchema(this.id, revision, this.#request.schema)
    this.#revision = revision
    this.#kept = { bytes: state, hash: sha256, unkept: [], isEmpty: false }
    this.#isolate = await this.#started(state, revision)
    this.#clock.saved()
    // What was there before stays until this is saved.
    if (revision.schema !== this.#request.schema.version) {
      this.#kept = await this.#exported(this.#isolate)
      await this.#save()
    }
  }

  /** Starts an isolate with a state, or with the one that the code begins with. */
  async #started(bytes?: Uint8Array, from?: SavedUnder): Promise<IsolateCore> {
    const { isolate: request, stateRequest, timeoutMs } = this.#request
    if (bytes !== undefined) await checkVariables(this.id, bytes, stateRequest)
    const { core: isolate, snapshot } = await startSeeded({
      ...request,
      ...(this.#seed === undefined ? {} : { snapshot: this.#seed.snapshot }),
      keepsState: true,
      onHostCall: (run) => (this.#step === undefined ? run() : runInStep(this.#step, run)),
    })
    this.#seed ??= { snapshot }
    try {
      using upgrade = from === undefined ? undefined : await upgradeOf(this.id, isolate, from, this.#request)
      if (bytes !== undefined) await isolate.importState(bytes, stateRequest, timeoutMs)
      if (bytes === undefined || isBare(bytes)) await isolate.eval({ source: this.#request.initial, timeoutMs, signal: undefined })
      await upgrade?.run()
      return isolate
    } catch (error) {
      await isolate.dispose()
      throw bytes === undefined ? error : readingFailed(error, bytes.byteLength)
    }
  }

  get #snapshotKey(): string {
    return this.#seed?.snapshot?.key ?? ''
  }

  async #replace(bytes: Uint8Array, from: SavedUnder): Promise<void> {
    // Beside the one that there is: if the state can't be read, that goes on.
    const isolate = await this.#started(bytes, from)
    try {
      await this.#commit(await this.#exported(isolate))
    } catch (error) {
      await isolate.dispose()
      throw error
    }
    await this.#drop()
    this.#isolate = isolate
  }

  /** The isolate of the next step. */
  async #live(): Promise<IsolateCore> {
    if (this.#isInDoubt) await this.#settle()
    this.#isolate ??= await this.#started(this.#kept.bytes)
    return this.#isolate
  }

  /** Finds out what a save that failed has left. */
  async #settle(): Promise<void> {
    await this.#drop()
    const loaded = await this.#ledger.load()
    if (loaded === undefined) {
      this.#isolate = await this.#started()
      this.#kept = await this.#exported(this.#isolate)
      this.#clock.saved()
    } else {
      await this.#resume(loaded)
    }
    this.#isInDoubt = false
  }

  async #drop(): Promise<void> {
    const isolate = this.#isolate
    this.#isolate = undefined
    this.#hasStepped = false
    await isolate?.dispose()
  }

  /** Steps go one after the other. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    const done = this.#last.then(() => {
      // Steps that were asked for before the end are done; without the lease none is.
      if (this.#isLost) this.#check()
      return work()
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  #check(): void {
    if (this.#end !== undefined) throw this.#end
  }

  /** It would wait for the step that waits for it. */
  #refuseWithin(method: string): void {
    if (openStepOf(this) === undefined) return
    throw new IsoseedError('ERR_NESTED_CALL', `session.${method} can't be called from a binding, within a call of the same session`)
  }

  async #take<T>(work: (isolate: IsolateCore) => Promise<T>): Promise<T> {
    const isolate = await this.#live()
    const step = beginStep(this, isolate)
    this.#step = step
    this.#hasStepped = true
    let value: T
    try {
      value = await runInStep(step, () => work(isolate))
    } catch (error) {
      this.#endStep(step)
      await this.#failed(error, isolate)
      throw error
    }
    this.#endStep(step)
    await this.#keepStep(isolate)
    return value
  }

  #endStep(step: Step): void {
    step.isOpen = false
    this.#step = undefined
  }

  /** What a step that failed leaves. */
  async #failed(error: unknown, isolate: IsolateCore): Promise<void> {
    if (this.#request.onThrow === 'rollback' || hasEnded(error)) {
      await this.#drop()
      return
    }
    try {
      await this.#keepStep(isolate)
    } catch (failure) {
      throw withCause(failure, error)
    }
  }

  /** Writes down what a step left. What can't be kept, or not be saved, undoes it. */
  async #keepStep(isolate: IsolateCore): Promise<void> {
    try {
      await this.#commit(await this.#exported(isolate))
    } catch (error) {
      await this.#drop()
      throw error
    }
  }

  /** Takes over what has changed since the last export, all of which are taken over. */
  async #keep(isolate: IsolateCore): Promise<void> {
    const { stateRequest, timeoutMs } = this.#request
    const kept = await isolate.exportChanged(stateRequest, timeoutMs)
    try {
      if (kept !== undefined) this.#adopt(withState(kept, stateRequest))
    } catch (error) {
      await this.#drop()
      throw error
    }
  }

  async #exported(isolate: IsolateCore): Promise<KeptState> {
    const { stateRequest, timeoutMs } = this.#request
    return withState(await isolate.exportState(stateRequest, timeoutMs), stateRequest)
  }

  #adopt(kept: KeptState): void {
    const hasChanged = kept.hash !== this.#kept.hash
    this.#kept = kept
    if (hasChanged) this.#clock.changed()
  }

  /** Takes over what a step has left, and saves it if it is time. A step that waits for that, and fails, is none. */
  async #commit(kept: KeptState): Promise<void> {
    const before = this.#kept
    this.#adopt(kept)
    if (!this.#clock.isDue) return
    if (!this.#request.save.holdsCalls) {
      await this.#saveInBackground()
      return
    }
    try {
      await this.#save()
      this.#isInDoubt = false
    } catch (error) {
      this.#isInDoubt = true
      this.#kept = before
      this.#clock.saved()
      throw error
    }
  }

  /** A save that no call waits for. */
  async #saveInBackground(): Promise<void> {
    try {
      await this.#save()
    } catch (error) {
      // Whoever uses the session hears that it is lost.
      if (this.#isLost) return
      this.#clock.retry()
      const { code, message } = error as IsoseedError
      process.emitWarning(`session ${JSON.stringify(this.id)} could not be saved, and is tried again: ${message} (${code})`, {
        type: 'IsoseedWarning',
        code: 'ISOSEED_SESSION_SAVE',
      })
    }
  }

  async #save(): Promise<SavedState> {
    const kept = this.#kept
    const { revision } = await this.#ledger.save(kept.bytes, { schema: this.#request.schema.version, snapshotKey: this.#snapshotKey, sha256: kept.hash })
    this.#revision = revision
    this.#createdAt ??= revision.createdAt
    if (this.#kept === kept) this.#clock.saved()
    return { revision: revision.revision, bytes: kept.bytes.byteLength, hash: kept.hash }
  }

  /** Another host has the session now. */
  #lose(error: Error): void {
    this.#isLost = true
    this.#end ??= error
    this.#clock.stop()
    void this.#drop()
    this.#request.onLost?.(error)
  }
}

function hasEnded(error: unknown): boolean {
  return ENDED.has((error as Partial<IsoseedError> | undefined)?.code)
}

/** Why a failed step could not even be kept; a cause of its own says more. */
function withCause(failure: unknown, cause: unknown): unknown {
  if (failure instanceof Error && !Object.hasOwn(failure, 'cause')) {
    Object.defineProperty(failure, 'cause', { value: cause, enumerable: false, writable: true, configurable: true })
  }
  return failure
}

/** Reading a state takes more memory than having it, so one that was saved may be too large to be read. */
function readingFailed(error: unknown, bytes: number): unknown {
  if (!(error instanceof IsoseedError) || error.code !== 'ERR_MEMORY_LIMIT') return error
  const message = `${error.message}; that was while a state of ${bytes} bytes was read: it is intact, and can be read with a larger memoryLimitMb`
  return new IsoseedError('ERR_MEMORY_LIMIT', message, { cause: error })
}

/** Refuses what has no state: that could not be told from a state of another name. */
function withState(kept: KeptState, request: NativeStateRequest): KeptState {
  if (hasState(kept.bytes, request)) return kept
  const [path, why] = [request.state, 'there is no such global any more']
  throw new IsoseedError('ERR_STATE_VALUE', `${path} can't be kept: ${why}`, { details: { path, why } })
}
