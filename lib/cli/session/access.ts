import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openStore } from '../../index.js'
import type { Store } from '../../index.js'
import { UsageError } from '../arguments.js'
import type { Arguments, OptionSpec } from '../arguments.js'
import { Failure } from '../command.js'
import { visible } from '../terminal.js'

/** Where the location of the store is, unless `--store` is given. */
const STORE_VARIABLE = 'ISOSEED_STORE'
/** Where keys are, unless `--key-file` is given. Not an argument: everybody on the machine can read those. */
const KEY_VARIABLE = 'ISOSEED_SESSION_KEY'

const KEY_BYTES = 32

/** The options of all commands about sessions. */
export const STORE_OPTIONS: Readonly<Record<string, OptionSpec>> = { store: { type: 'string' }, json: { type: 'boolean' } }

/** The options of those that read or write states. */
export const STATE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...STORE_OPTIONS,
  'key-file': { type: 'string', multiple: true },
  'max-bytes': { type: 'string' },
}

/**
 * Works with the store that the command line or the environment names.
 *
 * @param mayMake whether a SQLite file is made if there is none: whoever mistyped its name must not see an empty store
 */
export async function withStore<T>(args: Arguments, mayMake: boolean, work: (store: Store) => Promise<T>): Promise<T> {
  const location = args.string('store') ?? process.env[STORE_VARIABLE]
  if (location === undefined || location === '') throw new UsageError(`--store is missing: name the store, here or with ${STORE_VARIABLE}`)
  if (location === 'memory:') throw new UsageError('--store memory: is of no use here: such a store is in the process that opened it')
  if (!mayMake) await checkThere(location)
  const store = await openStore(location)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function checkThere(location: string): Promise<void> {
  if (!location.startsWith('sqlite:')) return
  const path = location.slice('sqlite:'.length)
  const file = path.startsWith('//') && URL.canParse(`file:${path}`) ? fileURLToPath(`file:${path}`) : path
  await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`can't open the store: ${error.code === 'ENOENT' ? `there is no file ${visible(file)}` : visible(error.message)}`, 'ERR_STORE')
  })
}

/** The keys that were given, the current one first; none if there are none. */
export async function readKeys(args: Arguments): Promise<{ encryptionKey?: Uint8Array[] }> {
  const files = args.list('key-file')
  const keys: Uint8Array[] = []
  for (const file of files) keys.push(keyOf(await readKeyFile(file), `the file ${visible(file)}`))
  const variable = process.env[KEY_VARIABLE]
  if (files.length === 0 && variable !== undefined && variable !== '') {
    for (const text of variable.split(',')) keys.push(keyOf(Buffer.from(text), KEY_VARIABLE))
  }
  return keys.length === 0 ? {} : { encryptionKey: keys }
}

/** The limit that was given. */
export function limitsOf(args: Arguments): { limits?: { payloadBytes: number; stateBytes: number } } {
  const bytes = args.integer('max-bytes', [1024, 2 ** 31 - 1])
  return bytes === undefined ? {} : { limits: { payloadBytes: bytes, stateBytes: bytes } }
}

async function readKeyFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Failure(`can't read the key: ${visible((error as Error).message)}`, 'ERR_FILE')
  }
}

/** 32 bytes as they are, in hex or in base64. What was given is in no message. */
function keyOf(given: Buffer, where: string): Uint8Array {
  if (given.byteLength === KEY_BYTES) return Uint8Array.from(given)
  const text = given.toString('latin1').trim()
  if (/^[\da-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  if (/^[\w+/-]{43}=?$/.test(text)) return Uint8Array.from(Buffer.from(text, 'base64'))
  throw new Failure(`${where} has no key: a key is ${KEY_BYTES} bytes, as they are, in hex or in base64`, 'ERR_SESSION_KEY')
}
