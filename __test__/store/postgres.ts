// A PostgreSQL server of a test file's own, where PostgreSQL is installed.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const USER = 'isoseed'
/** What a URL has to escape, so that it is seen that somebody does. */
const PASSWORD = 'p@ss:w/rd%'

/** Where packages of all sorts put the server's programs, the newest version first. */
function folders(): string[] {
  const versions = (folder: string, name: RegExp, bin: string): string[] =>
    existsSync(folder) ? readdirSync(folder).filter((entry) => name.test(entry)).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true })).map((entry) => join(folder, entry, bin)) : []
  return [
    ...(process.env['PGBIN'] === undefined ? [] : [process.env['PGBIN']]),
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions('/usr/lib/postgresql', /^\d/, 'bin'),
    ...versions('/usr', /^pgsql-\d/, 'bin'),
    '/usr/local/pgsql/bin',
    ...versions('/opt/homebrew/opt', /^postgresql/, 'bin'),
    ...versions('/usr/local/opt', /^postgresql/, 'bin'),
  ]
}

/** The folder with `initdb` and the others; undefined where PostgreSQL is not installed. */
export const bin = process.platform === 'win32' ? undefined : folders().find((folder) => ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))))

/** A test's name where there is nothing to test with: it says why. */
export const MISSING = 'PostgreSQL is not installed (initdb was not found; PGBIN can name its folder): its part is NOT tested'

/** The server refuses to run as root. */
function identity(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // The next one.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody')
}

export class Postgres {
  readonly port: number
  /** What the server proves itself with; undefined where `openssl` is not installed. */
  readonly certificate: string | undefined
  readonly #folder: string
  #server: ChildProcess
  #schemas = 0

  private constructor(folder: string, port: number, server: ChildProcess, certificate: string | undefined) {
    this.#folder = folder
    this.certificate = certificate
    this.port = port
    this.#server = server
  }

  static async start(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'isoseed-postgres-'))
    const as = identity()
    if (as.uid !== undefined) chownSync(folder, as.uid, as.gid as number)
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, PASSWORD)
    if (as.uid !== undefined) chownSync(passwordFile, as.uid, as.gid as number)
    const args = ['-D', join(folder, 'data'), '-U', USER, '--pwfile', passwordFile, '--auth-local=trust', '--auth-host=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
    execFileSync(join(bin as string, 'initdb'), args, { ...as, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    const certificate = makeCertificate(folder, as)
    const port = await freePort()
    return new Postgres(folder, port, await run(folder, port), certificate)
  }

  /** A place that nobody else has: a schema of its own. */
  schema(): string {
    const name = `place_${process.pid}_${this.#schemas++}`
    this.sql(`CREATE SCHEMA ${name}`)
    return name
  }

  /** Where that is. */
  url(schema: string, port = this.port): string {
    return `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres?sslmode=disable&options[search_path]=${schema}`
  }

  /** The same over TLS. */
  secureUrl(schema: string, more: string): string {
    return this.url(schema).replace('sslmode=disable', `sslmode=verify-full${more}`)
  }

  /** Runs statements as the administrator; what they print, without decoration. */
  sql(statements: string, schema = 'public'): string {
    const env = { ...process.env, PGOPTIONS: `-c search_path=${schema}` }
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.#folder, '-p', String(this.port), '-U', USER, '-d', 'postgres', '-c', statements]
    return execFileSync(join(bin as string, 'psql'), args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  }

  /** Ends the connections of a schema's stores, as an administrator does. */
  disconnect(schema: string): void {
    this.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = '${schema}'`)
  }

  /** As a crash: without a word to anybody. */
  async crash(): Promise<void> {
    // The server's processes end with the one that started them.
    await end(this.#server, 'SIGQUIT')
  }

  async restart(): Promise<void> {
    this.#server = await run(this.#folder, this.port)
  }

  async stop(): Promise<void> {
    await end(this.#server, 'SIGINT')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A certificate that proves itself, for this server alone. */
function makeCertificate(folder: string, as: { uid?: number; gid?: number }): string | undefined {
  const data = join(folder, 'data')
  const certificate = join(data, 'server.crt')
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'subjectAltName=IP:127.0.0.1']
  try {
    execFileSync('openssl', [...args, '-keyout', join(data, 'server.key'), '-out', certificate], { ...as, cwd: folder, stdio: 'pipe' })
  } catch (error) {
    console.warn(`TLS to PostgreSQL is NOT tested: openssl can't make a certificate: ${String(error)}`)
    return undefined
  }
  writeFileSync(join(data, 'postgresql.auto.conf'), 'ssl = on\n')
  return certificate
}

async function run(folder: string, port: number): Promise<ChildProcess> {
  const args = ['-D', join(folder, 'data'), '-k', folder, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=60', '-c', 'shared_buffers=32MB']
  const server = spawn(join(bin as string, 'postgres'), args, { ...identity(), cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`PostgreSQL ended:\n${said}`)))
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-10_000)
      if (said.includes('database system is ready to accept connections')) resolve()
    })
  })
  return server
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill(signal)
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
