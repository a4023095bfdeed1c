// Sessions whose state outlives the process: what it costs to keep it and to have it again, how much is stored for a
// small change, how many come and go in one store; and the format of a state.
import { mkdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import v8 from 'node:v8'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openSession, openStore } from 'isoseed'
import type { Session, Store } from 'isoseed'
import { MISSING, Postgres, bin } from '../../__test__/store/postgres.ts'
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { Entrant } from '../compare.ts'
import type { KeptIn, Request } from '../protocol.ts'
import { number } from '../report.ts'
import { bootstrapRatio, median, shuffled } from '../statistics.ts'
import { records } from '../tasks.ts'

/** On the disk of the repository: a temporary folder may be in memory. */
const folder = resolve('target/bench/kept')

const KIB = 1024

/** What an acknowledged change has waited for, in each row. */
const DURABLE = [
  'What a change waits for: SQLite with durability "power" (the default), that its log is on disk (one fsync of the `-wal` file for each revision). SQLite with "process", nothing: a power cut may take the last changes. PostgreSQL, that the server has its log on disk. A file, fsync: the new file on disk, its name in the folder, too. A file: nothing.',
  "A session's change is a call into another thread, on the state of an isolate there; a file's is made on the host's own thread, where the state is a variable, and nothing keeps a second process away.",
]

/** Gives each contender a place of its own, and takes all of them away. */
async function inPlaces(body: (place: Places) => Promise<void>): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const server = bin === undefined ? undefined : await Postgres.start()
  try {
    await body(new Places(server))
  } finally {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

class Places {
  readonly server: Postgres | undefined
  #count = 0

  constructor(server: Postgres | undefined) {
    this.server = server
  }

  get notes(): string[] {
    return this.server === undefined ? [MISSING] : []
  }

  sqlite(durability: 'power' | 'process' = 'power'): KeptIn {
    return { kind: 'store', location: `sqlite:${this.#file('db')}`, durability }
  }

  memory(): KeptIn {
    return { kind: 'store', location: 'memory:', durability: 'process' }
  }

  /** None where there is no server. */
  postgres(): KeptIn[] {
    return this.server === undefined ? [] : [{ kind: 'store', location: this.server.url(this.server.schema()), durability: 'power' }]
  }

  file(form: 'JSON' | 'v8.serialize', synced: boolean): KeptIn {
    return { kind: 'file', file: this.#file('state'), form, synced }
  }

  #file(kind: string): string {
    return join(folder, `${(this.#count += 1)}.${kind}`)
  }
}

export const kept: Metric = {
  name: 'session-save',
  title: '(k) A state that outlives its process: kept after a change, and taken up again',
  quick: true,
  async run(bench) {
    const size = pick(bench, { tiny: 10 * KIB, quick: KIB * KIB, full: KIB * KIB })
    const budgetMs = pick(bench, { tiny: 5, quick: 60, full: 120 })
    const { workFile } = await prepare('nothing')
    await inPlaces(async (places) => {
      const what = `${number(size / KIB / KIB)} MiB of records`
      const requests: Record<string, (place: KeptIn) => Request> = {
        [`one of ${what} changes, and that is kept`]: (place) => ({ task: 'keep', place, size, all: false, budgetMs }),
        [`each of ${what} changes, and that is kept`]: (place) => ({ task: 'keep', place, size, all: true, budgetMs }),
        [`${what}, from the store to the first answer`]: (place) => ({ task: 'resume', place, size, budgetMs }),
      }
      for (const [title, request] of Object.entries(requests)) {
        const row = (name: Entrant['name'], label: string, place: KeptIn): Entrant => ({ name, label, request: request(place) })
        const entrants = [
          row('isoseed', 'a session, SQLite', places.sqlite()),
          row('isoseed-control', 'a session, SQLite, again (A/A control)', places.sqlite()),
          row('isoseed', 'a session, SQLite, durability "process"', places.sqlite('process')),
          ...places.postgres().map((place) => row('isoseed', 'a session, PostgreSQL', place)),
          row('node', "JSON and a file, fsync", places.file('JSON', true)),
          row('node', 'v8.serialize and a file, fsync', places.file('v8.serialize', true)),
          row('node', 'JSON and a file', places.file('JSON', false)),
          row('node', 'v8.serialize and a file', places.file('v8.serialize', false)),
        ]
        // Disks are not as even as processors are: the control is shown, and does not void the run.
        await bench.compare({ title: `${this.title}: ${title}`, unit: 'ms', less: true, workFile, request: entrants[0]!.request!, entrants, rounds: bench.rounds, figures: { hostCpuMs: "the host thread's share, ms" }, notes: [...DURABLE, ...places.notes], controlled: false })
      }
    })
  },
}

/** How a state of 10 MB that changed a little is stored. */
interface Stored {
  name: string
  /** Of the whole state, and of each change. */
  whole: number
  changes: Record<string, number>
}

/** What happens to the state, as the guest's code. */
const CHANGES = {
  'a number of one record': 'state.records[Math.floor(state.records.length / 2)].price += 0.25; 0',
  'a record is added': 'state.records.push({ ...state.records[7], id: state.records.length }); 0',
  'a record goes from the middle': 'state.records.splice(Math.floor(state.records.length / 2), 1); 0',
} as const

export const changed: Metric = {
  name: 'session-change',
  title: '(m) What is stored when a little of a large state changes',
  quick: true,
  async run(bench) {
    const size = pick(bench, { tiny: 100_000, quick: 10_000_000, full: 10_000_000 })
    const rows: Stored[] = []
    await inPlaces(async (places) => {
      rows.push(await storedBySession('a session, SQLite', size, places.sqlite(), ({ location }) => sizeOf(location.slice('sqlite:'.length))))
      for (const place of places.postgres()) {
        const server = places.server!
        const schema = /search_path]=(\w+)/.exec(place.kind === 'store' ? place.location : '')![1]!
        const relations = 'SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = \'r\''
        rows.push(await storedBySession('a session, PostgreSQL', size, place, async () => Number(server.sql(relations, schema))))
      }
      rows.push(storedWhole('JSON', size, JSON.stringify), storedWhole('v8.serialize', size, v8.serialize))
      rows.push(storedWhole('v8.serialize and gzip', size, (state) => gzipSync(v8.serialize(state))))
      const names = Object.keys(rows[0]!.changes)
      const kib = (bytes: number | undefined): string => number(bytes === undefined ? undefined : bytes / KIB)
      bench.table(
        {
          title: `${this.title}: ${number(size / 1e6)} MB of records (as JSON)`,
          head: ['', 'all of it, KiB', ...names.map((name) => `${name}, KiB`)],
          rows: rows.map(({ name, whole, changes }) => [name, kib(whole), ...names.map((change) => kib(changes[change]))]),
          notes: ['A session: bytes of the new chunks and of the list of all chunks (`storedBytes` of the revision). What the tables grew by has the overhead of the database, and its pages. The others write the whole state again.', ...places.notes],
        },
        rows,
      )
    })
  },
}

/** By what the revisions say, and by what the tables grew. */
async function storedBySession(name: string, size: number, place: KeptIn, tablesOf: (place: { location: string }) => Promise<number>): Promise<Stored> {
  if (place.kind !== 'store') throw new Error('a session is kept in a store')
  const within = async <T>(body: (session: Session) => Promise<T>): Promise<T> => {
    // Closed in between, so that SQLite has its log in its file.
    const store: Store = await openStore(place.location)
    const session = await openSession('changes', { store, memoryLimitMb: 512, limits: { stateBytes: 4 * size, payloadBytes: 4 * size } })
    try {
      return await body(session)
    } finally {
      await session.close()
      await store.close()
    }
  }
  const newest = async (session: Session): Promise<number> => {
    for await (const { storedBytes } of session.history()) return storedBytes
    throw new Error('there is no revision')
  }
  const whole = await within(async (session) => {
    await session.eval(`state.records = JSON.parse(${JSON.stringify(JSON.stringify(records(size)))}); 0`)
    return newest(session)
  })
  const changes: Record<string, number> = {}
  for (const [change, code] of Object.entries(CHANGES)) {
    const before = await tablesOf(place)
    changes[change] = await within(async (session) => {
      await session.eval(code)
      return newest(session)
    })
    changes[`${change}: the tables grew by`] = (await tablesOf(place)) - before
  }
  return { name, whole, changes }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file)).size
}

function storedWhole(name: string, size: number, write: (state: unknown) => string | Uint8Array): Stored {
  const state = { records: records(size) }
  const bytes = (): number => Buffer.byteLength(write(state))
  const whole = bytes()
  const changes: Record<string, number> = {}
  for (const [change, code] of Object.entries(CHANGES)) {
    new Function('state', code)(state)
    changes[change] = bytes()
  }
  return { name, whole, changes }
}

export const visited: Metric = {
  name: 'session-rate',
  title: '(n) Sessions of one store, each opened, stepped once and closed',
  quick: false,
  async run(bench) {
    const sessions = pick(bench, { tiny: 20, quick: 1000, full: 10_000 })
    const again = pick(bench, { tiny: 10, quick: 500, full: 2000 })
    const atOnce = pick(bench, { tiny: 10, quick: 50, full: 50 })
    const { workFile } = await prepare('nothing')
    await inPlaces(async (places) => {
      const row = (name: Entrant['name'], label: string, place: KeptIn): Entrant => ({ name, label, request: { task: 'visits', place, sessions, again, atOnce } })
      const entrants = [
        row('isoseed', 'SQLite', places.sqlite()),
        row('isoseed-control', 'SQLite again (A/A control)', places.sqlite()),
        row('isoseed', 'SQLite, durability "process"', places.sqlite('process')),
        row('isoseed', 'memory:', places.memory()),
        ...places.postgres().map((place) => row('isoseed', 'PostgreSQL', place)),
      ]
      await bench.compare({
        title: `${this.title}: ${number(sessions)} new ones, then ${number(again)} of them again`,
        unit: 'a second',
        less: false,
        workFile,
        request: entrants[0]!.request!,
        entrants,
        rounds: pick(bench, { tiny: 1, quick: bench.fewRounds, full: 1 }),
        figures: { open: 'opened a second', step: 'stepped a second', close: 'closed a second', again: 'again, a second', reopen: 'opened again', restep: 'stepped again', reclose: 'closed again' },
        notes: [`${atOnce} are open at a time. Each has an isolate of its own, and its step changes the state and is kept before it is answered.`, ...places.notes],
        controlled: false,
      })
    })
  },
}

/** What is kept, as JavaScript: the values of benches/state.rs. */
const VALUES = (scale: number): Record<string, string> => ({
  records: `Array.from({ length: ${20_000 * scale} }, (_, i) => ({ id: i, name: 'customer ' + i, email: \`c\${i}@example.com\`, active: i % 3 > 0, score: i / 7, tags: ['a' + i % 9, 'b'], address: { city: 'city ' + i % 100, zip: String(10000 + i) } }))`,
  numbers: `Array.from({ length: ${300_000 * scale} }, (_, i) => i * 1.5)`,
  text: `Array.from({ length: ${2000 * scale} }, (_, i) => ('paragraph ' + i + ' ').repeat(60))`,
  maps: `new Map(Array.from({ length: ${30_000 * scale} }, (_, i) => ['key' + i, { at: new Date(i * 1e6), set: new Set([i, i + 1]) }]))`,
  bytes: `new Uint8Array(${8e6 * scale}).map((_, i) => i * 7)`,
})

export const format: Metric = {
  name: 'state-format',
  title: '(o) A state as bytes: size, and how fast it is written and read',
  quick: false,
  async run(bench) {
    const scale = pick(bench, { tiny: 0.01, quick: 1, full: 1 })
    const rows: string[][] = []
    const data: Record<string, Measured[]> = {}
    for (const [value, code] of Object.entries(VALUES(scale))) {
      const forms = await formsOf(code)
      for (let round = 0; round < bench.fewRounds; round += 1) {
        for (const form of shuffled(forms)) await measureOnce(form)
      }
      const [own] = forms as [Form, ...Form[]]
      for (const { name, bytes, writeMs, readMs } of forms) {
        const megabytes = bytes / 1e6
        const speed = (ms: number[]): string => number(megabytes / (median(ms) / 1e3))
        const ratio = (ms: number[], ownMs: number[]): string => number(bootstrapRatio(ms, ownMs).median)
        rows.push([`${value}, ${name}`, number(megabytes), number(median(writeMs)), speed(writeMs), ratio(writeMs, own.writeMs), number(median(readMs)), speed(readMs), ratio(readMs, own.readMs)])
      }
      data[value] = forms.map(({ name, bytes, writeMs, readMs }) => ({ name, bytes, writeMs, readMs }))
      await own.end?.()
    }
    bench.table(
      {
        title: this.title,
        head: ['', 'MB', 'written, ms', 'MB/s of its own', 'to `exportState`', 'read, ms', 'MB/s of its own', 'to `importState`'],
        rows,
        notes: [
          `Medians of ${bench.fewRounds} rounds. \`exportState\` writes on the isolate's thread, hashes with SHA-256, and crosses to the host; \`importState\` checks all of it, reads it in a new isolate, and keeps it in memory as a revision. The others run on the host's thread, on a value that is there.`,
          'JSON leaves out what it has no form for: of the maps nothing is left, of the bytes an object with a key for each.',
          'Writing and reading in the engine alone: `cargo bench --no-default-features --bench state`.',
        ],
      },
      data,
    )
  },
}

/** How long each round took to write a form of a value, and to read it. */
interface Measured {
  name: string
  bytes: number
  writeMs: number[]
  readMs: number[]
}

interface Form extends Measured {
  write(): Uint8Array | Promise<Uint8Array>
  read(written: Uint8Array): unknown
  end?(): Promise<void>
}

async function measureOnce(form: Form): Promise<void> {
  const started = performance.now()
  const written = await form.write()
  const between = performance.now()
  await form.read(written)
  form.writeMs.push(between - started)
  form.readMs.push(performance.now() - between)
  form.bytes = written.byteLength
}

async function formsOf(code: string): Promise<Form[]> {
  const session = await openSession('format', { store: 'memory:', save: 'manual', memoryLimitMb: 1024, limits: { payloadBytes: 2 ** 28, stateBytes: 2 ** 28 } })
  await session.eval(`state = ${code}; 0`)
  const value: unknown = new Function(`return ${code}`)()
  const form = (name: string, write: Form['write'], read: Form['read']): Form => ({ name, bytes: 0, writeMs: [], readMs: [], write, read })
  const step = async (): Promise<Uint8Array> => {
    // A step writes the state down; without one, the export has what the last step wrote.
    await session.eval('0')
    return (await session.exportState({ mode: 'force' }))!
  }
  const own = form('exportState', step, (bytes) => session.importState(bytes))
  return [
    { ...own, end: () => session.close() },
    form('v8.serialize', () => v8.serialize(value), v8.deserialize),
    form('v8.serialize and gzip', () => gzipSync(v8.serialize(value)), (bytes) => v8.deserialize(gunzipSync(bytes))),
    form('JSON', () => Buffer.from(JSON.stringify(value)), (bytes) => JSON.parse(bytes.toString())),
  ]
}
