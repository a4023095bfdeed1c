// `isoseed session` in processes of its own, on real stores.
/* oxlint-disable vitest/valid-expect */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSnapshot, openSession, openStore } from 'isoseed'
import type { OpenSessionOptions, SessionInspection, SessionRecord, Snapshot } from 'isoseed'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Ledger } from '../../lib/store/ledger.js'
import { describeDatabases, sqlitePlace } from '../store/places.js'
import type { LocatedPlace } from '../store/places.js'
import { folderOf } from '../support/files.js'
import { codeOf } from '../support/rejection.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT = { timeout: 120_000 }
const folder = folderOf({ 'text.txt': 'not a state' })
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  code: number | null
  stdout: Buffer
  stderr: string
}

/** Runs a script of the package in the folder. */
async function node(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, input: Uint8Array = new Uint8Array()): Promise<Ended> {
  const { VITEST: _, NODE_OPTIONS: __, ...inherited } = process.env
  const child = spawn(process.execPath, [join(root, script), ...args], { cwd: folder, env: { ...inherited, NO_COLOR: '1', FORCE_COLOR: undefined, ...env } })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (part: Buffer) => out.push(part))
  child.stderr.on('data', (part: Buffer) => err.push(part))
  // One that has failed before reads nothing.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() }
}

let place: LocatedPlace
let snapshot: Snapshot
beforeAll(async () => {
  snapshot = await buildSnapshot({ bundle: `${readFileSync(join(root, 'tests/engine/state/classes.js'), 'utf8')}; function flat({ p }) { return { x: p.x } }` })
  await snapshot.save(join(folder, 'classes.snap'))
}, 60_000)

/** `isoseed session …` on the place. */
function session(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: Uint8Array): Promise<Ended> {
  return node('cli.js', ['session', ...args], { ISOSEED_STORE: place.location, ...env }, input)
}

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await session(args)
  expect(code, stderr).toBe(0)
  return stdout.toString()
}

async function json<T>(...args: string[]): Promise<T> {
  const [command = '', ...rest] = args
  return JSON.parse(await succeed(command, '--json', ...rest)) as T
}

/** The error that a command ends with, as `--json` tells it. */
async function failure(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: Uint8Array): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await session([...args, '--json'], env, input)
  expect(code, stderr).toBe(1)
  const { ok, error } = JSON.parse(stdout.toString()) as { ok: boolean; error: Record<string, unknown> }
  expect(ok).toBe(false)
  expect(error).not.toHaveProperty('stack')
  return error
}

async function made(id: string, code: string, options: Partial<OpenSessionOptions> = {}): Promise<void> {
  await using opened = await openSession(id, { store: place.location, ...options })
  await opened.eval(code)
}

describeDatabases((makePlace) => {
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(() => place.remove())

  test('lists, shows, exports, imports, prunes and removes sessions', TIMEOUT, async () => {
    await made('agent-1', 'state.rows = [{ id: 1n, seen: new Date(0) }]')
    await made('agent-1', 'state.more = new Map([[1, 2]])')
    await made('other', 'state.n = 1')
    expect((await json<{ sessions: SessionRecord[] }>('ls')).sessions.map(({ id }) => id).toSorted()).toEqual(['agent-1', 'other'])
    expect(await json('ls', 'agent')).toMatchObject({ ok: true, sessions: [{ id: 'agent-1', revisions: 2, newest: { revision: 2 } }] })
    expect(await succeed('ls', 'agent')).toMatch(/^agent-1\t2\t\d+\t\d+\t\d{4}-\d\d-\d\dT[\d:.]+Z\t-\n$/)
    expect(await succeed('ls', 'nobody')).toBe('')

    const shown = await json<{ session: SessionInspection; history: unknown[] }>('show', 'agent-1')
    expect(shown).toMatchObject({ ok: true, session: { id: 'agent-1', encrypted: false, state: { properties: [{ name: 'rows', type: 'Array' }, { name: 'more', preview: 'Map(1) { 1 => 2 }' }] } } })
    expect(shown.history).toHaveLength(2)
    expect(await json('show', 'agent-1', '--revision', '1')).toMatchObject({ session: { state: { revision: { revision: 1 }, properties: [{ name: 'rows' }] } } })
    const text = await succeed('show', 'agent-1')
    expect(text).toMatch(/^agent-1\n {2}created .+\n {2}revision {2}2, made /)
    expect(text).toMatch(/\n {2}rows +Array +\d+ B {2}\[ \{ id: 1n, seen: 1970-01-01T00:00:00\.000Z \} \]\n/)

    expect(await json('export', 'agent-1', '-o', 'agent.state')).toMatchObject({ ok: true, id: 'agent-1', file: 'agent.state', revision: 2, hash: shown.session.state!.hash })
    const bytes = readFileSync(join(folder, 'agent.state'))
    expect((await session(['export', 'agent-1'])).stdout).toEqual(bytes)
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect(await json('import', 'copy', 'agent.state')).toEqual({ ok: true, id: 'copy', revision: 1, bytes: bytes.byteLength, hash: shown.session.state!.hash })
    const piped = await session(['import', 'other', '--json'], {}, bytes)
    expect(JSON.parse(piped.stdout.toString())).toMatchObject({ ok: true, id: 'other', revision: 2 })
    await using copy = await openSession('copy', { store: place.location })
    expect(await copy.eval('[state.rows[0].id, state.more.get(1)]')).toEqual([1n, 2])
    await copy.close()

    expect(await json('prune', '--older-than', '24h')).toEqual({ ok: true, dryRun: false, sessions: 0, revisions: 0, bytes: 0 })
    expect(await json('prune', '--keep', '1', '--dry-run')).toMatchObject({ dryRun: true, revisions: 2, sessions: 0 })
    expect(await succeed('prune', '--older-than', '0ms')).toMatch(/^removed 2 revisions \(.+\), 0 sessions of them whole\n$/)
    expect(await json('prune', '--idle', '0s', '--prefix', 'copy')).toMatchObject({ sessions: 1, revisions: 1 })

    expect(await json('rm', 'agent-1')).toEqual({ ok: true, removed: ['agent-1'], failed: [] })
    const again = await session(['rm', 'agent-1', 'other'])
    expect(again).toMatchObject({ code: 1, stderr: 'error: there is no session "agent-1" in the store (ERR_SESSION_NOT_FOUND)\n' })
    expect(again.stdout.toString()).toBe('removed other\n')
    expect(await json('rm', '--force', 'agent-1')).toEqual({ ok: true, removed: [], failed: [] })
    expect(await json('ls')).toEqual({ ok: true, sessions: [] })
  })

  test('a session that somebody has open can be read, and nothing else', TIMEOUT, async () => {
    await using opened = await openSession('taken', { store: place.location, lease: { holder: 'its user' } })
    await opened.eval('state.n = 1')
    expect(await succeed('ls')).toMatch(/\theld\n$/)
    expect(await succeed('show', 'taken')).toContain('held by')
    await succeed('export', 'taken', '-o', 'taken.state')
    expect(await failure(['import', 'taken', 'taken.state'])).toMatchObject({ code: 'ERR_SESSION_LOCKED', lease: { holder: 'its user' } })
    const { code, stdout } = await session(['rm', 'taken', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout.toString())).toMatchObject({ ok: false, removed: [], failed: [{ id: 'taken', error: { code: 'ERR_SESSION_LOCKED' } }] })
    expect(await json('prune', '--idle', '0ms')).toMatchObject({ sessions: 0 })
    const plain = await session(['import', 'taken', 'taken.state'])
    expect(plain.stderr).toMatch(/^error: session "taken" is held by "its user" .+ \(ERR_SESSION_LOCKED\)\n$/)
    expect(await opened.eval('state.n += 1')).toBe(2)
  })

  test('the matrix of values goes from one process by way of others into another, bit for bit', TIMEOUT, async () => {
    const files = ['tests/engine/state/values.txt', 'tests/engine/state/same.js'].map((file) => join(root, file))
    const run = async (task: string, id: string): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await node('__test__/session/fixtures/values.mjs', [task, place.location, id, 'classes.snap', ...files])
      expect(code, stderr).toBe(0)
      return JSON.parse(stdout.toString()) as Record<string, unknown>
    }
    const written = await run('write', 'from')
    expect(written['count']).toBeGreaterThanOrEqual(120)
    expect(await json('export', 'from', '-o', 'values.state')).toMatchObject({ hash: written['hash'] })
    expect(await json('import', 'to', 'values.state')).toMatchObject({ hash: written['hash'], bytes: written['bytes'] })
    const read = await run('check', 'to')
    expect(read).toMatchObject({ count: written['count'], wrong: [], hash: written['hash'], bytes: written['bytes'], resumed: true })
    expect((await session(['export', 'to'])).stdout).toEqual(readFileSync(join(folder, 'values.state')))
  })
})

describe('one store', () => {
  beforeEach(() => {
    place = sqlitePlace()
  })
  afterEach(() => place.remove())

  test('hostile ids and contents steer no terminal, and no option', TIMEOUT, async () => {
    const ids = ['--json', '-f', '\u202eevil\u2028line', "'; DROP TABLE x; --", '../../etc/passwd', '%_*', 'ünï 日本']
    for (const id of ids) await made(id, 'state["\\u001b[2J\\u009b31m\\u202e\\r\\n"] = "\\u001b]0;x\\u0007"; 0')
    // No session of isoseed's own has such an id; who writes to the database can make one.
    const store = await place.open()
    const ledger = await Ledger.open({ store, session: '\u001b[2Jx\u009b\nnext', holder: '\u001b[31mred', ttlMs: 60_000, packing: { keys: [], compression: 'none' }, maxBytes: 1e6 })
    await ledger.load()
    await ledger.save(randomBytes(10), { schema: 0, snapshotKey: '\u001b[2J' })
    await store.close()
    // oxlint-disable-next-line no-control-regex
    const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e]/
    const listed = await succeed('ls')
    expect(listed).not.toMatch(STEERS)
    expect(listed.trimEnd().split('\n')).toHaveLength(ids.length + 1)
    expect(listed).toContain(String.raw`\x1b[2Jx\x9b\x0anext`)
    expect(listed).toContain(String.raw`\u202eevil\u2028line`)
    const raw = await succeed('ls', '--json')
    expect(raw.trimEnd()).not.toMatch(STEERS)
    const known = (JSON.parse(raw) as { sessions: SessionRecord[] }).sessions.map(({ id }) => id)
    expect(known.toSorted()).toEqual([...ids, '\u001b[2Jx\u009b\nnext'].toSorted())
    for (const id of ids) {
      const shown = await succeed('show', '--', id)
      expect(shown.replaceAll('\n', '')).not.toMatch(STEERS)
      expect(shown).toContain(String.raw`'\u{1b}]0;x\u{7}'`)
    }
    const missing = await session(['show', '\u202e\u009bnot there'])
    expect(missing).toMatchObject({ code: 2 })
    expect(missing.stderr.replaceAll('\n', '')).not.toMatch(STEERS)
    expect(await json('rm', '--', ...ids)).toMatchObject({ ok: true, removed: ids })
  })

  test('keys come from a file or the environment, and are in no message', TIMEOUT, async () => {
    const [key, old] = [randomBytes(32), randomBytes(32)]
    await made('secret', 'state.n = "hidden"', { encryptionKey: old })
    expect(await json('show', 'secret')).toMatchObject({ session: { encrypted: true } })
    expect(await succeed('show', 'secret')).not.toContain('hidden')
    expect(await failure(['export', 'secret', '-o', 'secret.state'])).toMatchObject({ code: 'ERR_SESSION_KEY' })
    writeFileSync(join(folder, 'raw.key'), old)
    writeFileSync(join(folder, 'hex.key'), `${old.toString('hex')}\n`)
    writeFileSync(join(folder, 'base64.key'), old.toString('base64'))
    writeFileSync(join(folder, 'new.key'), key)
    for (const file of ['raw.key', 'hex.key', 'base64.key']) expect(await succeed('show', 'secret', '--key-file', file)).toContain('hidden')
    const shown = await session(['show', 'secret'], { ISOSEED_SESSION_KEY: `${key.toString('hex')},${old.toString('base64')}` })
    expect(shown.stdout.toString()).toContain('hidden')
    expect(await failure(['show', 'secret', '--key-file', 'new.key'])).toMatchObject({ code: 'ERR_SESSION_KEY' })
    const wrong = await failure(['show', 'secret'], { ISOSEED_SESSION_KEY: `${old.toString('hex')}0` })
    expect(wrong['message']).not.toContain(old.toString('hex').slice(0, 8))
    expect(wrong).toMatchObject({ code: 'ERR_SESSION_KEY' })
    // From the old key to the new one.
    await succeed('export', 'secret', '-o', 'secret.state', '--key-file', 'raw.key')
    await succeed('import', 'secret', 'secret.state', '--key-file', 'new.key', '--key-file', 'raw.key')
    expect(await succeed('show', 'secret', '--key-file', 'new.key')).toContain('hidden')
    // Another session's encrypted bytes are no state.
    const store = await openStore(place.location)
    const sealed = (await store.chunks('secret', (await store.read('secret')).revision!.chunks))[0]!
    await store.close()
    expect(await failure(['import', 'else'], {}, sealed)).toMatchObject({ code: 'ERR_STATE_CORRUPT' })
    expect(await failure(['show', 'else'])).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' })
  })

  test('what an import brings may need another schema or another snapshot: that is told when it is opened', TIMEOUT, async () => {
    await made('from', 'state.p = new Point(1, 2); 0', { snapshot, schema: { version: 3 } })
    await succeed('export', 'from', '-o', 'from.state')
    await succeed('import', 'to', 'from.state', '--schema', '3')
    expect(await codeOf(openSession('to', { store: place.location, snapshot, schema: { version: 4 } }))).toBe('ERR_SESSION_SCHEMA')
    expect(await codeOf(openSession('to', { store: place.location, schema: { version: 3 } }))).toBe('ERR_SESSION_CODE_CHANGED')
    await using opened = await openSession('to', { store: place.location, snapshot, schema: { version: 4, migrate: 'flat' } })
    expect(await opened.eval('state.x')).toBe(1)
  })

  test('what is no state, too large or not there changes nothing', TIMEOUT, async () => {
    await made('kept', 'state.n = 1')
    const before = await json('show', 'kept')
    expect(await failure(['import', 'kept', 'text.txt'])).toMatchObject({ code: 'ERR_STATE_CORRUPT' })
    expect(await failure(['import', 'kept', '--max-bytes', '1024'], {}, new Uint8Array(5000))).toMatchObject({ code: 'ERR_STATE_LIMIT', details: { name: 'payloadBytes', max: 1024 } })
    expect(await failure(['import', 'kept', 'nowhere.state'])).toMatchObject({ code: 'ERR_FILE', message: "can't read nowhere.state: there is no such file" })
    expect(await failure(['import', 'kept', '.'])).toMatchObject({ code: 'ERR_FILE', message: "can't read .: it is a folder" })
    expect(await failure(['export', 'kept', '-o', 'no/such/folder'])).toMatchObject({ code: 'ERR_FILE' })
    expect(await failure(['export', 'nobody', '-o', 'nobody.state'])).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND', message: 'there is no session "nobody" in the store' })
    expect(await failure(['show', 'kept', '--revision', '7'])).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND', message: 'there is no session "kept" with a revision 7 in the store' })
    expect(await json('show', 'kept')).toEqual(before)
    expect(readdirSync(folder)).not.toContain('nobody.state')
    // A store that is not there is not made to be looked at.
    const nowhere = `sqlite:${join(folder, 'nowhere.db')}`
    for (const command of [['ls'], ['show', 'a'], ['rm', 'a'], ['prune', '--keep', '1']]) expect(await failure(command, { ISOSEED_STORE: nowhere })).toMatchObject({ code: 'ERR_STORE' })
    expect(readdirSync(folder)).not.toContain('nowhere.db')
    expect(await failure(['ls'], { ISOSEED_STORE: 'postgres://nobody:hunter2@127.0.0.1:1/none' })).toMatchObject({ code: 'ERR_STORE', message: expect.not.stringContaining('hunter2') })
  })
})

test.each([
  [['session'], 'SYNOPSIS'],
  [['session', 'list'], 'there is no command "session list"'],
  [['session', 'ls'], '--store is missing'],
  [['session', 'ls', 'a', 'b', '--store', 'sqlite:x'], 'only one prefix'],
  [['session', 'ls', '--store', 'memory:'], 'memory:'],
  [['session', 'ls', '--store', 'mysql://x'], 'location must be'],
  [['session', 'show', '--store', 'sqlite:x'], '<id> is missing'],
  [['session', 'show', 'a', '--revision', '0'], '--revision must be'],
  [['session', 'export', 'a', '--json'], '--json needs a file'],
  [['session', 'import'], '<id> is missing'],
  [['session', 'import', 'a', 'b', 'c'], 'only one <file>'],
  [['session', 'rm'], '<id> is missing'],
  [['session', 'prune'], 'say what is to go'],
  [['session', 'prune', '--older-than', '24'], '--older-than must be a number with'],
  [['session', 'prune', 'agent', '--keep', '1'], 'there is no argument "agent"'],
  [['session', 'ls', '--key', 'abc'], "Unknown option '--key'"],
])('wrong: %j', async (args, message) => {
  const { code, stdout, stderr } = await node('cli.js', args, { ISOSEED_STORE: undefined })
  expect(code).toBe(2)
  expect(stdout.toString()).toBe('')
  expect(stderr).toContain(message)
})

test.each([[['session', '--help']], [['help', 'session']], ...['ls', 'show', 'export', 'import', 'rm', 'prune'].flatMap((name) => [[['session', name, '--help']], [['help', 'session', name]]])])(
  'help: %j',
  async (args) => {
    const { code, stdout, stderr } = await node('cli.js', args)
    expect(code, stderr).toBe(0)
    const page = stdout.toString()
    expect(page).toContain(`isoseed ${args.filter((word) => !word.startsWith('-') && word !== 'help').join(' ')} - `)
    for (const line of page.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100)
  },
)
