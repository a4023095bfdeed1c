import { clearTimeout, setTimeout } from 'node:timers'
import { asked, leaseLost, locked } from './failure.js'
import type { Store, StoreLease } from './types.js'

/** A lease is renewed so often before it ends: a renewal that fails leaves time for two more. */
const RENEWALS = 3

/**
 * A lease that renews itself until it is released or lost. Its timer does not keep the process alive.
 *
 * That it is lost is known from the store's answers alone: a host that can't reach the store, or stood still, goes on
 * until the store tells it that another one took over.
 */
export class HeldLease {
  readonly epoch: number
  readonly #store: Store
  readonly #session: string
  readonly #ttlMs: number
  readonly #onLost: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  #lost: Error | undefined
  #released = false

  private constructor(store: Store, session: string, ttlMs: number, lease: StoreLease, onLost: (error: Error) => void) {
    this.epoch = lease.epoch
    this.#store = store
    this.#session = session
    this.#ttlMs = ttlMs
    this.#onLost = onLost
    this.#wait()
  }

  /**
   * @param onLost hears once that another host has taken over
   * @throws `IsoseedError` with `ERR_SESSION_LOCKED` or `ERR_STORE`
   */
  static async acquire(store: Store, session: string, holder: string, ttlMs: number, onLost: (error: Error) => void): Promise<HeldLease> {
    const answer = await asked('acquire a lease', () => store.acquire(session, holder, ttlMs))
    if (!answer.held) throw locked(session, answer.lease)
    return new HeldLease(store, session, ttlMs, answer.lease, onLost)
  }

  /** @throws `IsoseedError` with `ERR_SESSION_LEASE_LOST` if it is known to be lost */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost
  }

  /** The store has told that another host took over. */
  lose(now: StoreLease | undefined): Error {
    if (this.#lost === undefined) {
      this.#lost = leaseLost(this.#session, this.epoch, now)
      this.#stop()
      this.#onLost(this.#lost)
    }
    return this.#lost
  }

  /** Lets others have the session. Harmless if the lease is lost, or was released before. */
  async release(): Promise<void> {
    this.#stop()
    if (this.#released || this.#lost !== undefined) return
    this.#released = true
    await asked('release a lease', () => this.#store.release(this.#session, this.epoch))
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#renew(), this.#ttlMs / RENEWALS)
    this.#timer.unref()
  }

  #stop(): void {
    clearTimeout(this.#timer)
  }

  async #renew(): Promise<void> {
    try {
      const answer = await this.#store.renew(this.#session, this.epoch, this.#ttlMs)
      if (this.#released) return
      if (!answer.held) {
        this.lose(answer.lease)
        return
      }
    } catch {
      // Out of reach for now: the next renewal, or the next write, tells more.
    }
    if (!this.#released && this.#lost === undefined) this.#wait()
  }
}
