// What a store of a user's answers, whose types nobody has checked.
import { inspect, types } from 'node:util'
import { IsoseedError } from '../errors.js'
import type {
  LeaseAnswer,
  ReadAnswer,
  RevisionMeta,
  RevisionPolicy,
  RevisionsPruned,
  SessionRecord,
  Store,
  StoreLease,
  StoredChunk,
  StoredRevision,
  WriteAnswer,
} from './types.js'

/** Whether an answer is of a shape. */
type Shape = (value: unknown) => boolean

const isText: Shape = (value) => typeof value === 'string'
const isNumber: Shape = (value) => typeof value === 'number'
const isInteger: Shape = (value) => Number.isSafeInteger(value)
const isBytes: Shape = (value) => types.isUint8Array(value)
const isAbsent: Shape = (value) => value === undefined
const either = (...shapes: readonly Shape[]): Shape => (value) => shapes.some((shape) => shape(value))
const optional = (shape: Shape): Shape => either(isAbsent, shape)
const listOf = (shape: Shape): Shape => (value) => Array.isArray(value) && value.every(shape)
const only = (expected: unknown): Shape => (value) => value === expected
const object = (parts: Readonly<Record<string, Shape>>): Shape => {
  const entries = Object.entries(parts)
  return (value) => typeof value === 'object' && value !== null && entries.every(([name, shape]) => shape(Reflect.get(value, name)))
}

// What is damaged shows when it is read: here, numbers are numbers.
const META = { revision: isNumber, createdAt: isNumber, schema: isNumber, snapshotKey: isText, hash: isText, bytes: isNumber, storedBytes: isNumber }
const isMeta = object(META)
const isLease = object({ holder: isText, epoch: isInteger, expiresAt: isNumber })
const isRecord = object({ id: isText, createdAt: isNumber, newest: optional(isMeta), revisions: isNumber, storedBytes: isNumber, lease: optional(isLease) })
const isLeaseAnswer = either(object({ held: only(true), lease: isLease }), object({ held: only(false), lease: optional(isLease) }))
const isReadAnswer = object({
  newest: isInteger,
  createdAt: optional(isNumber),
  revision: optional(object({ ...META, chunks: listOf(isText), head: isBytes })),
})
const isWriteAnswer = either(
  object({ status: only('written') }),
  object({ status: only('fenced'), lease: optional(isLease) }),
  object({ status: only('conflict'), newest: isInteger }),
  object({ status: only('missing'), keys: listOf(isText) }),
)

/**
 * A store whose answers have the shapes that `Store` promises, or it is the store's failure: each method rejects with
 * `ERR_STORE` otherwise. What is in them is not trusted even so.
 */
export class CheckedStore implements Store {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async acquire(session: string, holder: string, ttlMs: number): Promise<LeaseAnswer> {
    return checked('acquire', isLeaseAnswer, await this.#store.acquire(session, holder, ttlMs))
  }

  async renew(session: string, epoch: number, ttlMs: number): Promise<LeaseAnswer> {
    return checked('renew', isLeaseAnswer, await this.#store.renew(session, epoch, ttlMs))
  }

  async release(session: string, epoch: number): Promise<void> {
    await this.#store.release(session, epoch)
  }

  async read(session: string, revision?: number): Promise<ReadAnswer> {
    return checked('read', isReadAnswer, await this.#store.read(session, revision))
  }

  async chunks(session: string, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return checked('chunks', listOf(optional(isBytes)), await this.#store.chunks(session, keys))
  }

  async write(session: string, epoch: number, revision: StoredRevision, chunks: readonly StoredChunk[]): Promise<WriteAnswer> {
    return checked('write', isWriteAnswer, await this.#store.write(session, epoch, revision, chunks))
  }

  async history(session: string, limit: number, before?: number): Promise<readonly RevisionMeta[]> {
    return checked('history', listOf(isMeta), await this.#store.history(session, limit, before))
  }

  async find(session: string): Promise<SessionRecord | undefined> {
    return checked('find', optional(isRecord), await this.#store.find(session))
  }

  async list(prefix: string, limit: number, after?: string): Promise<readonly SessionRecord[]> {
    return checked('list', listOf(isRecord), await this.#store.list(prefix, limit, after))
  }

  async delete(session: string): Promise<StoreLease | undefined> {
    return checked('delete', optional(isLease), await this.#store.delete(session))
  }

  async prune(session: string, policy: RevisionPolicy): Promise<RevisionsPruned> {
    return checked('prune', object({ revisions: isNumber, bytes: isNumber }), await this.#store.prune(session, policy))
  }

  async close(): Promise<void> {
    await this.#store.close()
  }
}

function checked<Answer>(method: string, shape: Shape, answer: Answer): Answer {
  if (shape(answer)) return answer
  const shown = inspect(answer, { depth: 2, breakLength: Infinity, maxArrayLength: 3, maxStringLength: 60 }).slice(0, 200)
  throw new IsoseedError('ERR_STORE', `store.${method} answered ${shown}, which is not what Store promises of it`)
}
