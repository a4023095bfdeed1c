import type { NativeEvent, NativeStore as Native } from '../../native.js'
import { connect } from '../connection.js'
import { checkOpenStore } from './open-options.js'
import type { OpenStoreOptions } from './open-options.js'
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

/**
 * Opens a store, and brings its tables up to date; safe while other hosts do the same.
 *
 * - `'memory:'`: in this process, gone with the returned object; each call opens another one.
 * - `'sqlite:./sessions.db'`: in a file (and two beside it, `-wal` and `-shm`), made if it is missing,
 *   readable by its owner alone. On a local disk: SQLite does not work over network file systems. Any number
 *   of processes of one machine may have it open.
 * - `'postgres://user@host/db'`: on a PostgreSQL server, for hosts on several machines. The URL takes libpq's
 *   parameters `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `application_name` and `options`; what it leaves
 *   out is taken from libpq's environment variables (`PGPASSWORD`, …) and `~/.pgpass`.
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong argument
 * @throws `IsoseedError` with `ERR_STORE` if the store can't be reached or made, is no database, or has the
 * tables of a newer isoseed
 */
export function openStore(location: string, options?: OpenStoreOptions): Promise<Store> {
  const request = checkOpenStore(location, options)
  return open(request)
}

async function open(options: ReturnType<typeof checkOpenStore>): Promise<Store> {
  const connection = connect()
  const event = await connection.request((id) => connection.native.openStore(id, options))
  return new DatabaseStore(event.store as Native)
}

/** A store of the native side. */
class DatabaseStore implements Store {
  readonly #native: Native

  constructor(native: Native) {
    this.#native = native
  }

  acquire(session: string, holder: string, ttlMs: number): Promise<LeaseAnswer> {
    return this.#ask({ op: 'acquire', session, holder, ttlMs })
  }

  renew(session: string, epoch: number, ttlMs: number): Promise<LeaseAnswer> {
    return this.#ask({ op: 'renew', session, epoch, ttlMs })
  }

  async release(session: string, epoch: number): Promise<void> {
    await this.#send({ op: 'release', session, epoch })
  }

  async read(session: string, revision?: number): Promise<ReadAnswer> {
    const event = await this.#send({ op: 'read', session, revision })
    const answer = JSON.parse(event.json as string) as Omit<ReadAnswer, 'revision'> & { revision?: Omit<StoredRevision, 'head'> }
    const { revision: found, ...rest } = answer
    return found === undefined ? rest : { ...rest, revision: { ...found, head: event.buffers?.[0] as Uint8Array } }
  }

  async chunks(session: string, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    const { buffers } = await this.#send({ op: 'chunks', session, keys })
    // A chunk is never empty.
    return (buffers ?? []).map((bytes) => (bytes.byteLength === 0 ? undefined : bytes))
  }

  write(session: string, epoch: number, { head, ...revision }: StoredRevision, chunks: readonly StoredChunk[]): Promise<WriteAnswer> {
    const keys = chunks.map(({ key }) => key)
    return this.#ask({ op: 'write', session, epoch, revision, keys }, [head, ...chunks.map(({ bytes }) => bytes)])
  }

  history(session: string, limit: number, before?: number): Promise<readonly RevisionMeta[]> {
    return this.#ask({ op: 'history', session, limit, before })
  }

  async find(session: string): Promise<SessionRecord | undefined> {
    return (await this.#ask<SessionRecord | null>({ op: 'find', session })) ?? undefined
  }

  list(prefix: string, limit: number, after = ''): Promise<readonly SessionRecord[]> {
    return this.#ask({ op: 'list', prefix, limit, after })
  }

  async delete(session: string): Promise<StoreLease | undefined> {
    return (await this.#ask<StoreLease | null>({ op: 'delete', session })) ?? undefined
  }

  prune(session: string, policy: RevisionPolicy): Promise<RevisionsPruned> {
    return this.#ask({ op: 'prune', session, ...policy })
  }

  async close(): Promise<void> {
    await this.#send({ op: 'close' })
  }

  async #ask<Answer>(request: object, buffers: Uint8Array[] = []): Promise<Answer> {
    return JSON.parse((await this.#send(request, buffers)).json as string) as Answer
  }

  #send(request: object, buffers: Uint8Array[] = []): Promise<NativeEvent> {
    return connect().request((id) => this.#native.ask(id, JSON.stringify(request), buffers), { owner: this })
  }
}
