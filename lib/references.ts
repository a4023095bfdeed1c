import { IsoseedError } from './errors.js'
import { makeRemoteFunction } from './remote-function.js'
import type { RemoteFunction } from './remote-function.js'
import { consume, produce } from './streams.js'
import type { Method, Producer } from './streams.js'
import { Nature, Owner, ReferenceKind, kindOf } from './wire.js'
import type { Brought } from './wire.js'
import { ReferenceShell, Refusal } from './writer.js'

/** So many functions and streams of one host may be in one guest. */
const MOST_EXPORTS = 20_000

/** The isolate at the other end. */
export interface Guest {
  /**
   * Calls a function of the guest, or takes a step of its stream.
   *
   * @param options those of the caller, not checked yet; absent for the isolate's own
   */
  callReference(number: number, args: unknown[], options: unknown): Promise<unknown>
  /** @throws `TypeError` with `ERR_INVALID_ARG` */
  checkReferenceOptions(options: unknown): void
  /** Lets go of what the guest sent: numbers, each followed by how often it had come. */
  release(references: number[]): void
}

/** Something of the host that the guest may call. */
export interface Exported {
  call: (...args: unknown[]) => unknown
  holder: object | undefined
  sync: boolean
}

interface Export extends Exported {
  target: object
  sent: number
  producer: Producer | undefined
}

interface Import {
  target: WeakRef<object> | undefined
  received: number
}

/** Whose references those are that were made here, for when they are sent on. */
const origins = new WeakMap<object, { references: References; number: number; isDisposed(): boolean }>()

/**
 * The functions and streams that one isolate and its host hold of each other.
 *
 * *Exports* are the host's, kept for the guest until it lets go of them.
 * *Imports* are the guest's, each made into something to call or read; it is
 * given back when it is disposed or collected. Both sides count how often one
 * was sent: it is forgotten when as many were given back, so one that is on
 * its way again is not lost.
 */
export class References {
  readonly #exports = new Map<number, Export>()
  readonly #numbers = new Map<object, number>()
  readonly #imports = new Map<number, Import>()
  readonly #collected = new FinalizationRegistry<number>((number) => this.#giveBack(number))
  #last = 0
  #guest: Guest | undefined

  /** There is nothing to call before. */
  connect(guest: Guest): void {
    this.#guest = guest
  }

  /**
   * What is written for a function, a `{ sync: true, fn }` or a stream.
   *
   * @param brought lists what the message brings of the host's
   * @throws `Refusal` if it can't be sent
   */
  send(target: object, brought: Brought[]): ReferenceShell {
    const origin = origins.get(target)
    if (origin?.references === this) {
      if (origin.isDisposed()) throw disposed(target)
      return new ReferenceShell(ReferenceKind.Function, Owner.Guest, origin.number)
    }
    const known = this.#numbers.get(target)
    const number = known ?? this.#export(target)
    const exported = this.#exports.get(number) as Export
    exported.sent += 1
    const nature = exported.producer?.nature ?? (exported.sync ? Nature.SyncFunction : Nature.Function)
    brought.push({ number, nature })
    return new ReferenceShell(kindOf(nature), Owner.Host, number)
  }

  #export(target: object): number {
    if (this.#exports.size >= MOST_EXPORTS) throw tooMany(target)
    const number = (this.#last += 1)
    const exported = { target, sent: 0, ...exportedOf(target, () => this.#exports.delete(number)) }
    this.#exports.set(number, exported)
    // A stream may be iterated anew each time it is sent.
    if (exported.producer === undefined) this.#numbers.set(target, number)
    return number
  }

  /** What the guest calls under a number; `undefined` when it was let go of. */
  exported(number: number): Exported | undefined {
    return this.#exports.get(number)
  }

  /** The guest has let go of what it got: numbers, each followed by how often. */
  released(references: readonly number[]): void {
    for (let index = 0; index + 1 < references.length; index += 2) this.#release(references[index]!, references[index + 1]!)
  }

  /** A message was not sent after all. */
  takeBack(brought: readonly Brought[]): void {
    for (const { number } of brought) this.#release(number, 1)
  }

  #release(number: number, times: number): void {
    const exported = this.#exports.get(number)
    if (exported === undefined) return
    exported.sent -= times
    if (exported.sent > 0) return
    this.#exports.delete(number)
    this.#numbers.delete(exported.target)
    exported.producer?.end()
  }

  /** The isolate has ended: nobody calls, and nobody reads. */
  end(): void {
    const exports = [...this.#exports.values()]
    this.#exports.clear()
    this.#numbers.clear()
    for (const { producer } of exports) producer?.end()
  }

  /** A message has come. Before it is read. */
  receive(brought: readonly Brought[]): void {
    for (const { number } of brought) {
      const known = this.#imports.get(number)
      if (known === undefined) this.#imports.set(number, { target: undefined, received: 1 })
      else known.received += 1
    }
  }

  /** A message was read, or could not be, or will not be: what nobody got of it is given back. */
  received(brought: readonly Brought[]): void {
    for (const { number } of brought) this.#giveBack(number)
  }

  #giveBack(number: number): void {
    const known = this.#imports.get(number)
    if (known === undefined || known.target?.deref() !== undefined) return
    this.#imports.delete(number)
    this.#guest?.release([number, known.received])
  }

  /** What stands for a reference in a message that was received. */
  read(owner: number, number: number, nature: Nature | undefined): object {
    if (owner === Owner.Host) {
      const exported = this.#exports.get(number)
      if (exported === undefined) throw new Error('a function of the host that it has forgotten')
      return exported.target
    }
    const known = this.#imports.get(number)
    if (known === undefined || nature === undefined) throw new Error('a reference that the message does not bring')
    const target = known.target?.deref()
    if (target !== undefined) return target
    return nature === Nature.Function || nature === Nature.SyncFunction ? this.#remoteFunction(known, number) : this.#remoteStream(known, number, nature)
  }

  #remoteFunction(known: Import, number: number): RemoteFunction {
    let isDisposed = false
    const remote = makeRemoteFunction({
      call: async (args, options) => {
        if (isDisposed) throw new IsoseedError('ERR_DISPOSED', 'the reference to the function of the guest is disposed')
        return this.#call(number, args, options)
      },
      check: (options) => this.#guest?.checkReferenceOptions(options),
      dispose: () => {
        if (!isDisposed) this.#dispose(number, remote)
        isDisposed = true
      },
    })
    origins.set(remote, { references: this, number, isDisposed: () => isDisposed })
    this.#keep(known, number, remote)
    return remote
  }

  #remoteStream(known: Import, number: number, nature: Nature): object {
    // The stream holds this, and this is what is collected with it.
    const steps = (method: Method, value?: unknown): Promise<unknown> => this.#call(number, [method, value], undefined)
    const stream = consume(nature, steps, () => this.#dispose(number, steps))
    this.#keep(known, number, steps)
    return stream
  }

  #keep(known: Import, number: number, target: object): void {
    known.target = new WeakRef(target)
    this.#collected.register(target, number, target)
  }

  #dispose(number: number, target: object): void {
    this.#collected.unregister(target)
    const known = this.#imports.get(number)
    if (known?.target?.deref() !== target) return
    this.#imports.delete(number)
    this.#guest?.release([number, known.received])
  }

  async #call(number: number, args: unknown[], options: unknown): Promise<unknown> {
    if (this.#guest === undefined) throw new IsoseedError('ERR_DISPOSED', 'the isolate is not there yet')
    return this.#guest.callReference(number, args, options)
  }
}

function disposed(target: object): Refusal {
  return new Refusal('a reference could not be cloned', target, 'a function of the guest that the host has disposed')
}

function tooMany(target: object): Refusal {
  return new Refusal('a reference could not be cloned', target, `the guest refers to ${MOST_EXPORTS} functions and streams of the host already`)
}

/** @param ended called when it is a stream that has come to its end */
function exportedOf(target: object, ended: () => void): Exported & { producer: Producer | undefined } {
  if (typeof target === 'function') return { call: target as Exported['call'], holder: undefined, sync: false, producer: undefined }
  if (isSyncFunction(target)) return { call: target.fn, holder: target, sync: true, producer: undefined }
  const producer = produce(target, ended)
  return { call: producer.steps as Exported['call'], holder: undefined, sync: false, producer }
}

/** Whether it is `{ sync: true, fn }`: a function whose answer the guest waits for. */
export function isSyncFunction(value: object): value is { sync: true; fn: Exported['call'] } {
  // Getters are left to whoever clones it.
  const part = (key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value
  return part('sync') === true && typeof part('fn') === 'function' && Object.keys(value).length === 2
}
