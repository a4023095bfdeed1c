import type { NativeIsolate, NativeIsolateOptions, NativeSnapshot } from '../../native.js'
import { loadNative } from '../addon.js'
import type { Connection } from '../connection.js'
import { ProcessLink } from './link.js'
import type { Opening } from './link.js'
import { CREATION, Session } from './session.js'
import { standIn } from './stand-in.js'
import type { Place } from './stand-in.js'

/** So many processes are started before anyone asks for them. */
const SPARES = 1

/** So many are kept, with those that have served a session and can serve another one. */
const MOST_SPARES = 4

/** Spare processes end when none was in use for so long, in milliseconds. */
const IDLE_MS = 30_000

/** The processes of this JavaScript environment: each runs one isolate at a time. */
class ProcessPool {
  readonly #connection: Connection
  readonly #spares: ProcessLink[] = []
  /** Those in use, and the snapshot that the next one will likely ask for. */
  readonly #used = new Map<ProcessLink, NativeSnapshot | undefined>()
  /** How to start a session again, if its process turns out to be dead. */
  readonly #secondTries = new WeakMap<Session, () => void>()
  #idle: NodeJS.Timeout | undefined
  /** Its members see a stand-in go, and must not hold it. */
  readonly #collected = new FinalizationRegistry<() => void>((end) => end())

  constructor(connection: Connection) {
    this.#connection = connection
  }

  createIsolate(request: number, options: NativeIsolateOptions, snapshot: NativeSnapshot | undefined): NativeIsolate {
    const connection = this.#connection
    clearTimeout(this.#idle)
    const spare = this.#take(snapshot)
    const place: Place = { link: spare ?? this.#start() }
    const session = new Session(loadNative().reserveIsolateId(), connection, () => place.link.end(SILENT))
    session.begin(request, CREATION, connection.starting?.timeoutMs)
    const opening = { request, options, snapshot }
    // A spare one may have died unnoticed. Where sources run before the isolate is ready, they may have been the reason.
    if (spare !== undefined && options.sources.length === 0) {
      this.#secondTries.set(session, () => {
        place.link = this.#start()
        this.#open(place.link, session, opening)
      })
    }
    this.#open(place.link, session, opening)
    const isolate = standIn(connection, session, place)
    this.#collected.register(isolate, () => {
      if (!session.isFinished) place.link.end(undefined)
    })
    return isolate
  }

  #open(link: ProcessLink, session: Session, opening: Opening): void {
    this.#used.set(link, opening.snapshot)
    link.open(session, opening)
  }

  /** The best spare: one that is ready and has the snapshot. */
  #take(snapshot: NativeSnapshot | undefined): ProcessLink | undefined {
    const worth = (link: ProcessLink): number => (link.isReady ? 2 : 0) + (snapshot === undefined || link.has(snapshot) ? 1 : 0)
    const [best] = this.#spares.toSorted((a, b) => worth(b) - worth(a))
    if (best !== undefined) this.#forget(best)
    return best
  }

  #start(): ProcessLink {
    return new ProcessLink(this.#connection, {
      onStart: (link) => this.#refill(this.#used.get(link)),
      onRelease: (link, reusable) => this.#release(link, reusable),
      onEnd: (link) => this.#forget(link),
      onFailedStart: (link, session) => {
        const again = this.#secondTries.get(session)
        this.#secondTries.delete(session)
        this.#used.delete(link)
        again?.()
        return again !== undefined
      },
    })
  }

  /** Once a session runs, so that it does not wait for another one's process. */
  #refill(snapshot: NativeSnapshot | undefined): void {
    if (this.#spares.length >= SPARES) return
    const link = this.#start()
    if (snapshot !== undefined) link.keep(snapshot)
    this.#spares.push(link)
  }

  #release(link: ProcessLink, reusable: boolean): void {
    this.#used.delete(link)
    if (reusable && this.#spares.length < MOST_SPARES) this.#spares.push(link)
    else link.end(undefined)
    if (this.#used.size > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => {
      for (const spare of this.#spares.splice(0)) spare.end(undefined)
    }, IDLE_MS).unref()
  }

  #forget(link: ProcessLink): void {
    const index = this.#spares.indexOf(link)
    if (index >= 0) this.#spares.splice(index, 1)
  }
}

const SILENT = { code: 'ERR_ISOLATE_LOST', message: "the isolate is lost: its process did not answer, long after the call's time limit" }

const pools = new WeakMap<Connection, ProcessPool>()

/**
 * `connection.createIsolate`, in a process of its own. What is returned has all
 * methods of a native isolate.
 */
export function createInProcess(
  connection: Connection,
  request: number,
  options: NativeIsolateOptions,
  snapshot: NativeSnapshot | undefined,
): NativeIsolate {
  let pool = pools.get(connection)
  if (pool === undefined) {
    pool = new ProcessPool(connection)
    pools.set(connection, pool)
  }
  return pool.createIsolate(request, options, snapshot)
}
