// What runs in an isolate's process: `isolate-process.js`, started by isoseed itself. Calls the methods that the host
// names, and tells the host what the native addon reports. Knows nothing of what they mean, apart from how a session
// begins and ends.
import type { Connection, NativeError, NativeEvent, NativeIsolate, NativeParent, NativeSnapshot } from '../../native.js'
import { eventOf } from '../event.js'
import { pack, unpack } from './messages.js'
import type { ToHost, ToProcess } from './messages.js'

/** The host counts its requests up to here; ours begin after it. */
const LAST_OF_HOST = 2 ** 31 - 1

/** How long a disposed isolate's thread may take to end, in milliseconds. */
const LONGEST_END_MS = 500
const LOOK_AGAIN_MS = 1

/** With one of these errors an isolate may be finished; with a timeout, if V8 did not stop: its thread runs on. */
const FINISHING: ReadonlySet<string> = new Set(['ERR_TIMEOUT', 'ERR_CPU_LIMIT', 'ERR_MEMORY_LIMIT', 'ERR_ISOLATE_LOST', 'ERR_DISPOSED'])

/**
 * After so many bytes in messages they are collected, at once: what lies there
 * unused would count towards the session's memory.
 */
const MOST_GARBAGE = 8 * 1024 * 1024

const native = require('../../native.js') as typeof import('../../native.js')

class IsolateProcess {
  readonly #parent: NativeParent
  #connection: Connection | undefined
  #isolate: NativeIsolate | undefined
  /** The request of the host that disposes the isolate. */
  #disposal: number | undefined
  readonly #snapshots = new Map<string, NativeSnapshot>()
  /** What came while something had to be done first. */
  readonly #waiting: [message: ToProcess, rest: Uint8Array][] = []
  #isBusy = false
  /** Our own requests, by their number. */
  readonly #own = new Map<number, (event: NativeEvent) => void>()
  #lastOwn = LAST_OF_HOST
  /** Bytes in messages since the last collection. */
  #garbage = 0

  constructor(parentPid: number) {
    this.#parent = native.serveParent(parentPid, (frame) => this.#receive(frame))
  }

  #tell(message: ToHost): void {
    const { head, parts } = pack(message)
    this.#parent.send(head, parts)
    this.#count(parts.reduce((sum, part) => sum + part.length, 0))
  }

  #receive(frame: Uint8Array): void {
    const { message, rest } = unpack<ToProcess>(frame)
    if (this.#isBusy) this.#waiting.push([message, rest])
    else this.#obey(message, rest)
    this.#count(frame.length)
  }

  #count(bytes: number): void {
    if (this.#garbage <= MOST_GARBAGE && this.#garbage + bytes > MOST_GARBAGE) {
      setImmediate(() => {
        this.#garbage = 0
        // Of Node's own heap, in which there is little else: takes a millisecond or two.
        globalThis.gc?.()
      })
    }
    this.#garbage += bytes
  }

  #obey(message: ToProcess, rest: Uint8Array): void {
    if (message.kind === 'call') this.#call(message.method, message.args)
    else if (message.kind === 'create') this.#create(message)
    else if (message.kind === 'snapshot') this.#keep(message.digest, message.forget, rest)
    else this.#start(message.float16)
  }

  /** What came meanwhile, in its order. */
  #goOn(): void {
    this.#isBusy = false
    while (!this.#isBusy) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#obey(...next)
    }
  }

  #start(float16: boolean): void {
    // No snapshot is built here, so no helper is ever started.
    this.#connection = native.connect({ execPath: process.execPath, helper: '', float16 }, (event, packed, isolate) => this.#report(eventOf(event, packed, isolate)))
    // V8 starts with the first isolate: better now than when a session waits for it, and than within its memory bound.
    native.startV8()
    this.#whenThreadsEnd(() => this.#tell({ kind: 'ready' }))
  }

  #keep(digest: string, forget: string | undefined, bytes: Uint8Array): void {
    this.#isBusy = true
    if (forget !== undefined) this.#snapshots.delete(forget)
    const id = this.#ask(({ snapshot }) => {
      // Without it the session can't begin, and its request is told so.
      if (snapshot !== undefined && snapshot !== null) this.#snapshots.set(digest, snapshot)
      this.#goOn()
    })
    this.#connection?.loadSnapshot(id, bytes)
  }

  #create({ request, options, snapshot, memoryBytes }: Extract<ToProcess, { kind: 'create' }>): void {
    this.#attempt(request, (connection) => {
      const seed = snapshot === undefined ? undefined : this.#snapshots.get(snapshot)
      if (snapshot !== undefined && seed === undefined) throw new Error('the snapshot could not be read')
      native.limitData(options.memoryLimitMb, memoryBytes)
      this.#isolate = connection.createIsolate(request, options, seed)
    })
  }

  #call(method: string, args: unknown[]): void {
    const isolate = this.#isolate as unknown as Record<string, ((...args: unknown[]) => void) | undefined> | undefined
    if (method === 'dispose') this.#disposal = args[0] as number
    this.#attempt(args[0], () => isolate?.[method]?.(...args))
  }

  #attempt(request: unknown, work: (connection: Connection) => void): void {
    try {
      work(this.#connection as Connection)
    } catch (error) {
      const { code, message } = error as Error & { code?: unknown }
      this.#tell({ kind: 'refused', request, code: String(code), message })
    }
  }

  /** The number of a request of our own. */
  #ask(answered: (event: NativeEvent) => void): number {
    this.#lastOwn += 1
    this.#own.set(this.#lastOwn, answered)
    return this.#lastOwn
  }

  #report(event: NativeEvent): void {
    const own = event.kind === 'done' ? this.#own.get(event.id) : undefined
    if (own !== undefined) {
      this.#own.delete(event.id)
      own(event)
      return
    }
    // The last words of an isolate whose disposal is answered: the next session has no business with them.
    if (typeof event.isolate === 'number' && event.isolate !== this.#isolate?.id) return
    if (event.kind === 'done' && event.id === this.#disposal) {
      this.#end()
      return
    }
    this.#tell({ kind: 'event', event })
    if (event.kind === 'done' && FINISHING.has(event.error?.code ?? '')) this.#askWhetherFinished()
  }

  /** Answered after everything else that the isolate's end answers, or as ever if it is not finished. */
  #askWhetherFinished(): void {
    const isolate = this.#isolate
    isolate?.stats(
      this.#ask(({ error }) => {
        // By now it may be disposed, or about to be, and the process another session's.
        const isOver = isolate !== this.#isolate || this.#disposal !== undefined
        if (error?.code === 'ERR_DISPOSED' && !isOver) this.#tell({ kind: 'finished', error: causeOf(error) })
      }),
    )
  }

  /** Answers the disposal when nothing of the isolate is left: a process that is free must be seen to be. */
  #end(): void {
    this.#isolate = undefined
    this.#disposal = undefined
    native.limitData()
    this.#whenThreadsEnd((clean) => this.#tell({ kind: 'disposed', clean }))
  }

  /** Calls back when no isolate has a thread, or when that takes too long. */
  #whenThreadsEnd(callback: (clean: boolean) => void, since = performance.now()): void {
    if (native.isolateThreads() === 0) callback(true)
    else if (performance.now() - since > LONGEST_END_MS) callback(false)
    else setTimeout(() => this.#whenThreadsEnd(callback, since), LOOK_AGAIN_MS)
  }
}

function causeOf(error: NativeError): NativeError | undefined {
  return error.cause ?? undefined
}

void new IsolateProcess(Number(process.argv[2]))
