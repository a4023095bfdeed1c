import { makeApi } from '../api-proxy.js'
import { isPath } from '../bindings.js'
import { Given, checkFileName, isInteger, readObject, wrong } from '../checks.js'
import { invalidArg } from '../errors.js'
import type { CallOptions } from '../isolate-types.js'
import { checkCallOptions, checkEval } from '../options.js'
import type { Remote } from '../remote.js'
import type { IsolateStats } from '../report-types.js'
import { nativeSnapshot } from '../snapshot.js'
import type { Source } from '../source.js'
import { SessionCore } from './core.js'
import { checkOpenSession, checkSessionId, checkVersion } from './options.js'
import type { CheckedSession } from './options.js'
import { useStore } from './stores.js'
import type { StoreUse } from './stores.js'
import type { ExportStateOptions, OpenSessionOptions, RevisionInfo, SavedState, SessionImportOptions, SessionInfo } from './types.js'

let makeSession: <Api extends object>(core: SessionCore, use: StoreUse, timeoutMs: number) => Session<Api>

/** What a session that is forgotten leaves: a lease that would be renewed for ever. */
const forgotten = new FinalizationRegistry<() => Promise<void>>((close) => {
  close().catch(() => undefined)
})

/**
 * A session with a name: its state outlives the process. Made by `openSession`.
 *
 * `eval`, `call`, `import` and `api` work as on an `Isolate`, one after the other, each as a step: what it did to the
 * state is kept whole, or not at all. A binding may call its own session; that is part of the step. What is not in the
 * state lives as long as the isolate: closures, timers, top-level `let`, `const` and `class`, modules. A step that
 * fails ends the isolate (unless `onThrow` is `'keep'`), and so does the process.
 *
 * Close it when it is done, best with `await using`.
 */
export class Session<Api extends object = Record<string, any>> implements AsyncDisposable {
  static {
    makeSession = (core, use, timeoutMs) => new Session(core, use, timeoutMs)
  }

  /** Its name. */
  readonly id: string
  /** Whether it had a state in the store when it was opened. */
  readonly resumed: boolean

  readonly #core: SessionCore
  readonly #close: () => Promise<void>
  readonly #timeoutMs: number
  readonly #api: Remote<Api>

  private constructor(core: SessionCore, use: StoreUse, timeoutMs: number) {
    if (!(core instanceof SessionCore)) throw invalidArg('a Session is made by openSession, not by new')
    this.id = core.id
    this.resumed = core.resumed
    this.#core = core
    this.#timeoutMs = timeoutMs
    this.#api = makeApi((path, args) => core.run((isolate) => isolate.call(path, args, checkCallOptions(undefined, timeoutMs)))) as Remote<Api>
    let closed: Promise<void> | undefined
    this.#close = () => {
      const done = core.close()
      return (closed ??= done.finally(use.release))
    }
    forgotten.register(this, this.#close, this)
  }

  /** The guest's global functions, as `isolate.api`. */
  get api(): Remote<Api> {
    return this.#api
  }

  /**
   * Evaluates code, as `isolate.eval`, as a step.
   *
   * @throws as `isolate.eval`, and as `save`; `IsoseedError` with `ERR_STATE_VALUE` if it left something in the state
   * that can't be kept, or `ERR_STATE_LIMIT` if it is too much
   */
  eval<T = unknown>(source: Source, options?: CallOptions): Promise<T> {
    const request = checkEval(source, options, this.#timeoutMs)
    return this.#core.run((isolate) => isolate.eval(request)) as Promise<T>
  }

  /**
   * Calls a function of the guest, as `isolate.call`, as a step.
   *
   * @throws as `isolate.call`, and as `save`; `IsoseedError` with `ERR_STATE_VALUE` if it left something in the state
   * that can't be kept, or `ERR_STATE_LIMIT` if it is too much
   */
  call<T = unknown>(path: string, args: unknown[] = [], options?: CallOptions): Promise<T> {
    if (!isPath(path)) throw wrong('session.call', 'path', 'a dotted path of names', path)
    if (!Array.isArray(args)) throw wrong('session.call', 'args', 'an array', args)
    const limits = checkCallOptions(options, this.#timeoutMs)
    return this.#core.run((isolate) => isolate.call(path, args, limits)) as Promise<T>
  }

  /**
   * Imports a module, as `isolate.import`, as a step. Modules are not part of the state: the session's next isolate
   * evaluates them again.
   *
   * @throws as `isolate.import`, and as `save`
   */
  import<T = Record<string, unknown>>(specifier: string, options?: CallOptions): Promise<T> {
    const name = checkFileName('session.import', 'specifier', specifier)
    const limits = checkCallOptions(options, this.#timeoutMs, 'session.import')
    return this.#core.run((isolate) => isolate.import(name, limits)) as Promise<T>
  }

  /**
   * Figures of the isolate that the session has now.
   *
   * @throws `IsoseedError` with `ERR_DISPOSED` if the session is closed, or its isolate has ended
   */
  stats(): Promise<IsolateStats> {
    return this.#core.stats()
  }

  /**
   * Saves the state as it is. Writes nothing if it is what the newest revision has.
   *
   * @returns the newest revision
   * @throws `IsoseedError` with `ERR_STORE`, `ERR_SESSION_LEASE_LOST` if another host has taken the session over,
   * `ERR_STATE_VALUE` or `ERR_STATE_LIMIT` if the state can't be kept, `ERR_DISPOSED` if the session is closed, or
   * `ERR_NESTED_CALL` within a step
   */
  save(): Promise<SavedState> {
    return this.#core.save()
  }

  /** What the session is, as of its last step. */
  info(): Promise<SessionInfo> {
    return Promise.resolve(this.#core.info())
  }

  /**
   * The state as bytes, for another session, store or machine: see docs/state-format.md. The same state gives the same
   * bytes.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
   * @throws as `save`
   */
  async exportState(options?: ExportStateOptions): Promise<Uint8Array | null> {
    const mode = checkExport(options)
    if (mode === 'off') return null
    const { bytes, isEmpty } = await this.#core.exportState()
    return isEmpty && mode === 'auto' ? null : bytes.slice()
  }

  /**
   * Replaces the state by that of bytes that `exportState` gave: all of it, or nothing is changed. The session goes on
   * in a fresh isolate.
   *
   * The bytes do not say which version of the schema they have: `schema` does, and an older state is brought up to date
   * by `schema.migrate` of `openSession`.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
   * @throws `IsoseedError` with `ERR_STATE_CORRUPT` if the bytes are no state, `ERR_STATE_LIMIT`, `ERR_SESSION_SCHEMA`
   * if `schema` of `openSession` can't work with it or it has other variables than the session's options name, or
   * `ERR_SESSION_CODE_CHANGED` if the snapshot lacks code that the state refers to; as `save`
   */
  importState(bytes: Uint8Array, options: SessionImportOptions = {}): Promise<void> {
    if (!(bytes instanceof Uint8Array)) throw wrong('session.importState', 'bytes', 'a Uint8Array', bytes)
    return this.#core.importState(bytes, checkVersion(new Given('session.importState', options, ['schema'])))
  }

  /**
   * The revisions that are kept, the newest first.
   *
   * @throws `IsoseedError` with `ERR_DISPOSED` at once if the session is closed, or `ERR_STORE` when it is read
   */
  history(): AsyncIterable<RevisionInfo> {
    return this.#core.history()
  }

  /**
   * Makes an earlier revision the state, as a new revision: all of it, or nothing is changed. The session goes on in a
   * fresh isolate.
   *
   * @throws `TypeError` with `ERR_INVALID_ARG` if there is none of this number
   * @throws `IsoseedError` with `ERR_SESSION_DAMAGED`, `ERR_SESSION_KEY`, `ERR_SESSION_SCHEMA` or
   * `ERR_SESSION_CODE_CHANGED` if it can't be read any more; as `save`
   */
  restore(revision: number): Promise<void> {
    if (!isInteger(revision, [1, Number.MAX_SAFE_INTEGER])) throw wrong('session.restore', 'revision', 'a positive integer', revision)
    return this.#core.restore(revision)
  }

  /**
   * Waits for the steps that were asked for, saves what is not saved, also what timers and functions of the guest have
   * changed since the last step (unless `save` is `'manual'`), ends the isolate and lets others have the session. What a
   * call or an import left that rejected with `ERR_STORE` is not saved. May be called again, and then returns the same
   * promise.
   *
   * @throws `IsoseedError` with `ERR_STORE` if the last save or the release failed, or `ERR_STATE_VALUE` or
   * `ERR_STATE_LIMIT` if what has changed since the last step can't be kept; the session is closed even so
   * @throws `IsoseedError` with `ERR_NESTED_CALL` at once within a step, which would wait for its own end; it stays open
   */
  close(): Promise<void> {
    const closed = this.#close()
    forgotten.unregister(this)
    return closed
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Opens a session: goes on from its newest state in the store, or begins one. While it is open, nobody else has it.
 *
 * The type argument describes the guest's global functions, for `api`.
 *
 * @param id its name: 1 to 512 bytes, without control characters
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
 * @throws `IsoseedError` with `ERR_SESSION_LOCKED` if somebody has it open: `lease` says who and until when
 * @throws `IsoseedError` with `ERR_SESSION_KEY` if the state is encrypted with another key, `ERR_SESSION_DAMAGED` if no
 * revision is sound, `ERR_SESSION_SCHEMA` if `schema` can't work with it or it has other variables than `state` and
 * `keepGlobals` name, `ERR_SESSION_CODE_CHANGED` if the snapshot
 * lacks code that it refers to, `ERR_STATE_LIMIT` or `ERR_STORE`
 * @throws `IsoseedError` with `ERR_MEMORY_LIMIT` if the state is too large to be read within `memoryLimitMb`, which takes
 * more memory than having it; it is intact
 * @throws as `createIsolate`
 */
export function openSession<Api extends object = Record<string, any>>(id: string, options: OpenSessionOptions): Promise<Session<Api>> {
  return open<Api>(checkSessionId('openSession', id), checkOpenSession(options, nativeSnapshot))
}

async function open<Api extends object>(id: string, checked: CheckedSession): Promise<Session<Api>> {
  const use = await useStore(checked.store)
  try {
    const core = await SessionCore.open(id, { ...checked, store: use.store })
    return makeSession<Api>(core, use, checked.isolate.timeoutMs)
  } catch (error) {
    await use.release().catch(() => undefined)
    throw error
  }
}

function checkExport(options: unknown): NonNullable<ExportStateOptions['mode']> {
  if (options === undefined) return 'auto'
  const mode = readObject('session.exportState', 'options', options, ['mode']).get('mode') ?? 'auto'
  if (mode === 'auto' || mode === 'force' || mode === 'off') return mode
  throw wrong('session.exportState', 'mode', "'auto', 'force' or 'off'", mode)
}
