import type { NativeError, NativeEvent, NativeIsolateOptions, NativeProcess, NativeSnapshot } from '../../native.js'
import type { Connection } from '../connection.js'
import { endError } from './end.js'
import type { ProcessEnd } from './end.js'
import { pack, unpack } from './messages.js'
import type { Packed, ToHost, ToProcess } from './messages.js'
import { program } from './program.js'
import type { Session } from './session.js'

const MIB = 1024 * 1024

/** A process keeps so many snapshots; those used longest ago are dropped. */
const MOST_SNAPSHOTS = 4

/** A process serves so many sessions: whatever one leaves behind does not add up. */
const MOST_SESSIONS = 100

/** What an isolate's process weighs in the host's garbage collector, in bytes: an isolate nobody holds should go soon. */
const WEIGHT = 32 * MIB

/** After these errors the isolate is finished. */
const FINISHING: ReadonlySet<string> = new Set(['ERR_MEMORY_LIMIT', 'ERR_CPU_LIMIT', 'ERR_ISOLATE_LOST'])

/** The process of a finished isolate gets this long to answer what it can, in milliseconds. */
const LAST_MOMENTS_MS = 1000

/** Who keeps the processes. */
export interface LinkOwner {
  /** The session has started. */
  onStart(link: ProcessLink): void
  /** The session has ended; `reusable` if the process can serve another one. */
  onRelease(link: ProcessLink, reusable: boolean): void
  /** The process is gone, or is being ended. */
  onEnd(link: ProcessLink): void
  /** The process is gone before the session has started. Says whether another one was found for it. */
  onFailedStart(link: ProcessLink, session: Session): boolean
}

/** How a session is to be started. */
export interface Opening {
  request: number
  options: NativeIsolateOptions
  snapshot: NativeSnapshot | undefined
}

/** One process for isolates: runs one session at a time, and is told what to do. */
export class ProcessLink {
  readonly #native: NativeProcess
  readonly #owner: LinkOwner
  readonly #snapshots = new Set<string>()
  #session: Session | undefined
  #memoryLimitMb = 0
  /** By how much the process may grow for the session. */
  #memoryBytes = 0
  #largestSent = 0
  #sessions = 0
  #isReady = false
  #isKilled = false

  constructor(connection: Connection, owner: LinkOwner) {
    this.#owner = owner
    this.#native = connection.native.startProcess(program())
    connection.hear(this.#native.id, (event) => this.#hear(event))
    this.#tell({ kind: 'start', float16: 'Float16Array' in globalThis })
  }

  /** Lets a session begin: the process is its own until it is released. */
  open(session: Session, { request, options, snapshot }: Opening): void {
    this.#session = session
    this.#sessions += 1
    this.#memoryLimitMb = options.memoryLimitMb
    if (snapshot !== undefined) this.keep(snapshot)
    // Three times: V8 itself is granted as much on its way to the point where it stops, and a value takes its size again
    // on its way through the process.
    const memoryBytes = (3 * options.memoryLimitMb + 64) * MIB
    this.#memoryBytes = memoryBytes
    this.#largestSent = 0
    this.#native.watch(memoryBytes)
    this.#tell({ kind: 'create', request, options, snapshot: snapshot?.digest, memoryBytes })
    this.#native.weigh(WEIGHT)
  }

  /** Gives the process a snapshot, unless it has that already. */
  keep(snapshot: NativeSnapshot): void {
    const { digest } = snapshot
    const isThere = this.#snapshots.delete(digest)
    this.#snapshots.add(digest)
    if (isThere) return
    let forget: string | undefined
    if (this.#snapshots.size > MOST_SNAPSHOTS) {
      forget = this.#snapshots.values().next().value as string
      this.#snapshots.delete(forget)
    }
    this.#native.sendSnapshot(pack({ kind: 'snapshot', digest, forget }).head, snapshot)
  }

  /** Sends what `pack` made. */
  send({ head, parts }: Packed): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, head.length)
    if (bytes > this.#largestSent) {
      this.#largestSent = bytes
      // What the host sends is not what the guest takes: the process makes the same room by itself.
      if (bytes > MIB && this.#session !== undefined) this.#native.watch(this.#memoryBytes + 2 * bytes)
    }
    this.#native.send(head, parts)
  }

  /** Ends the process, and what runs in it. Whoever waits is told that the isolate is finished, and why. */
  end(why: NativeError | undefined, isNews = false): void {
    this.#isKilled = true
    this.#native.kill()
    this.#owner.onEnd(this)
    this.#release(why, { isNews, isClean: false })
  }

  /** Whether the process waits for a session. */
  get isReady(): boolean {
    return this.#isReady
  }

  has(snapshot: NativeSnapshot): boolean {
    return this.#snapshots.has(snapshot.digest)
  }

  #tell(message: ToProcess): void {
    this.send(pack(message))
  }

  #hear(event: NativeEvent): void {
    if (event.kind === 'frame') {
      if (!this.#isKilled) this.#receive(event.bytes as Uint8Array)
      return
    }
    this.#isKilled = true
    this.#owner.onEnd(this)
    const session = this.#session
    if (session !== undefined && !session.isStarted && this.#owner.onFailedStart(this, session)) this.#session = undefined
    this.#release(endError(JSON.parse(event.json as string) as ProcessEnd, this.#memoryLimitMb), { isNews: true, isClean: false })
  }

  #receive(frame: Uint8Array): void {
    let message: ToHost
    try {
      message = unpack<ToHost>(frame).message
    } catch {
      this.end({ code: 'ERR_ISOLATE_LOST', message: 'the isolate is lost: its process sent what is no message' }, true)
      return
    }
    if (message.kind === 'event') this.#report(message.event)
    else if (message.kind === 'refused') this.#report(refusal(message))
    else if (message.kind === 'finished') this.end(message.error)
    else if (message.kind === 'disposed') this.#release(undefined, { isNews: false, isClean: message.clean })
    else if (message.kind === 'ready') this.#isReady = true
  }

  #report(event: NativeEvent): void {
    // Too late: nobody waits for it.
    if (this.#session === undefined) return
    const start = this.#session.report(event)
    if (start === 'start') this.#owner.onStart(this)
    else if (start === 'failed start') this.end(undefined)
    else if (event.error !== undefined && event.error !== null && FINISHING.has(event.error.code)) this.#endSoon(event.error)
  }

  /** It says by itself when it has told everybody; who waits for that must not wait for ever. */
  #endSoon(why: NativeError): void {
    const session = this.#session
    session?.close(why)
    setTimeout(() => {
      if (this.#session !== undefined && this.#session === session) this.end(why)
    }, LAST_MOMENTS_MS).unref()
  }

  #release(why: NativeError | undefined, { isNews, isClean }: { isNews: boolean; isClean: boolean }): void {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    this.#native.watch()
    this.#native.weigh(0)
    session.finish(why, isNews)
    // After a disposal, too: it may come before the process says that the isolate went wrong.
    this.#owner.onRelease(this, isClean && !session.wentWrong && this.#sessions < MOST_SESSIONS)
  }
}

function refusal({ request, code, message }: Extract<ToHost, { kind: 'refused' }>): NativeEvent {
  const id = typeof request === 'number' ? request : -1
  const error: NativeError = { code: code === 'ERR_INVALID_ARG' ? code : 'ERR_ISOLATE_LOST', message }
  return { kind: 'done', id, error }
}
