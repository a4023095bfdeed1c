import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { IsoseedError, sessions } from '../../index.js'
import { UsageError, present } from '../arguments.js'
import { EXIT, Failure } from '../command.js'
import type { Command } from '../command.js'
import { formatBytes } from '../format.js'
import { visible } from '../terminal.js'
import { STATE_OPTIONS, limitsOf, readKeys, withStore } from './access.js'
import { nothingThere, revisionOf } from './show.js'

/** As much as a state may have unless `--max-bytes` says otherwise. */
const MOST_BYTES = 32 * 1024 * 1024
/** The largest schema version. */
const LAST_SCHEMA = 2 ** 31 - 1
/** Where a file is meant, the standard input or output. */
const STANDARD = '-'

/** `isoseed session export`. */
export const exportState: Command = {
  options: { ...STATE_OPTIONS, out: { type: 'string', short: 'o' }, revision: { type: 'string' } },
  async run({ args, out, err }) {
    const id = args.single('<id>')
    const given = args.string('out')
    const file = given === STANDARD ? undefined : given
    if (file === undefined && args.flag('json')) throw new UsageError('--json needs a file: name one with -o, the standard output has the state')
    if (file === undefined && out.isTerminal) throw new UsageError('a state is binary: name a file with -o, or send the standard output elsewhere')
    const revision = revisionOf(args)
    const options = { ...(await readKeys(args)), ...limitsOf(args), ...present({ revision }) }
    const { bytes, hash, revision: meta, recovered } = await withStore(args, false, async (store) => {
      const found = await sessions.exportState(store, id, options)
      if (found === undefined) throw await nothingThere(store, id, revision)
      return found
    })
    if (recovered !== undefined) err.line(`isoseed session export: revision ${recovered.revision} is damaged, this is revision ${meta.revision}`)
    if (file === undefined) {
      await out.bytes(bytes)
      return EXIT.ok
    }
    await writeWhole(file, bytes)
    if (args.flag('json')) out.json({ ok: true, id, file, revision: meta.revision, schema: meta.schema, bytes: bytes.byteLength, hash, ...present({ recovered }) })
    else out.line(`${visible(file)}  ${formatBytes(bytes.byteLength)}, revision ${meta.revision} of ${JSON.stringify(visible(id))}`)
    return EXIT.ok
  },
}

/** `isoseed session import`. */
export const importState: Command = {
  options: { ...STATE_OPTIONS, schema: { type: 'string' } },
  async run({ args, out }) {
    const [id, file = STANDARD, more] = args.positionals
    if (id === undefined || id === '') throw new UsageError('<id> is missing')
    if (file === '') throw new UsageError('<file> is missing')
    if (more !== undefined) throw new UsageError(`only one <file> can be given, got ${JSON.stringify(more)} as well`)
    if (file === STANDARD && process.stdin.isTTY) throw new UsageError('<file> is missing: name one, or send a state to the standard input')
    const schema = args.integer('schema', [0, LAST_SCHEMA])
    const limits = limitsOf(args)
    const options = { ...(await readKeys(args)), ...limits, ...present({ schema }) }
    const bytes = await readWhole(file, limits.limits?.payloadBytes ?? MOST_BYTES)
    const saved = await withStore(args, true, (store) => sessions.importState(store, id, bytes, options))
    if (args.flag('json')) out.json({ ok: true, id, ...saved })
    else out.line(`${visible(id)}  revision ${saved.revision}, ${formatBytes(saved.bytes)}`)
    return EXIT.ok
  },
}

/** All of it, unless it is too much: then no more than that is read. */
async function readWhole(file: string, max: number): Promise<Uint8Array> {
  const stream: Readable = file === STANDARD ? process.stdin : createReadStream(file)
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      length += part.byteLength
      if (length > max) break
      parts.push(part)
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' }
    throw new Failure(`can't read ${visible(file)}: ${reasons[code ?? ''] ?? visible(message)}`, 'ERR_FILE')
  }
  if (length <= max) return Buffer.concat(parts)
  const details = { name: 'payloadBytes', actual: length, max }
  throw new IsoseedError('ERR_STATE_LIMIT', `the state passed its limit payloadBytes of ${max}: it has at least ${length}`, { details })
}

/** Whole, or not at all: what was there stays until this is. Readable by its owner alone, as a store is. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  try {
    const there = await stat(file).catch(() => undefined)
    if (there?.isDirectory() === true) throw new Error('it is a folder')
    if (there === undefined || there.isFile()) await replace(there === undefined ? file : await realpath(file), bytes)
    // A pipe or a device: nothing may take its place.
    else await writeFile(file, bytes)
  } catch (error) {
    throw new Failure(`can't write ${visible(file)}: ${visible((error as Error).message)}`, 'ERR_FILE')
  }
}

async function replace(file: string, bytes: Uint8Array): Promise<void> {
  const beside = `${file}.${randomUUID()}.tmp`
  try {
    await writeFile(beside, bytes, { flag: 'wx', mode: 0o600, flush: true })
    await rename(beside, file)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
