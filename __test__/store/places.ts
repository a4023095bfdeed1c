// Places for the data of the stores that tests run on.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { openStore } from 'isoseed'
import type { OpenStoreOptions, Store } from 'isoseed'
import type { StorePlace } from 'isoseed/store-conformance'
import { folderOf } from '../support/files.js'
import { MISSING, Postgres, bin } from './postgres.js'

/** A place whose stores are opened by location, so that other processes can open them, too. */
export interface LocatedPlace extends StorePlace {
  readonly location: string
  open(options?: OpenStoreOptions): Promise<Store>
  remove(): void
}

export function sqlitePlace(): LocatedPlace {
  const folder = folderOf({})
  const location = `sqlite:${join(folder, 'sessions.db')}`
  return { location, open: (options) => openStore(location, options), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export function postgresPlace(server: Postgres): LocatedPlace & { schema: string } {
  const schema = server.schema()
  const location = `${server.url(schema)}&application_name=${schema}`
  // Schemas go with the server.
  return { location, schema, open: (options) => openStore(location, options), remove: () => undefined }
}

if (bin === undefined) {
  if (process.env['ISOSEED_POSTGRES'] === 'required') throw new Error(MISSING)
  console.warn(MISSING)
}

/** Runs a part of a file with a PostgreSQL server of its own; skipped with the reason in its name where there is none. */
export function describePostgres(name: string, body: (server: () => Postgres) => void): void {
  describe.skipIf(bin === undefined)(`${bin === undefined ? MISSING : name}`, () => {
    let server: Postgres | undefined
    beforeAll(async () => {
      server = await Postgres.start()
    }, 120_000)
    afterAll(() => server?.stop())
    body(() => server as Postgres)
  })
}

/** Runs the same tests on SQLite and on PostgreSQL. */
export function describeDatabases(body: (place: () => LocatedPlace) => void): void {
  describe('SQLite', () => {
    body(sqlitePlace)
  })
  describePostgres('PostgreSQL', (server) => {
    body(() => postgresPlace(server()))
  })
}
