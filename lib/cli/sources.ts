import { readFile } from 'node:fs/promises'
import { extname, relative, resolve, sep } from 'node:path'
import { bundle } from '../bundle.js'
import { Snapshot } from '../index.js'
import type { BuildSnapshotOptions, SourceObject } from '../index.js'
import { UsageError, present } from './arguments.js'
import type { Arguments, OptionSpec } from './arguments.js'
import { Failure } from './command.js'
import type { Context } from './command.js'
import { addTexts } from './frame.js'
import type { Progress } from './progress.js'

/** The options of `build` and `doctor` that say what to build, and how. */
export const SOURCE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  global: { type: 'string' },
  bridge: { type: 'string' },
  warmup: { type: 'string' },
  base: { type: 'string' },
  binding: { type: 'string', multiple: true },
  external: { type: 'string', multiple: true },
  define: { type: 'string', multiple: true },
  minify: { type: 'boolean' },
  'no-bundle': { type: 'boolean' },
  timeout: { type: 'string' },
  memory: { type: 'string' },
  cache: { type: 'string' },
}

/** Options of the bundler that only a bundled entry has a use for. */
const BUNDLER_OPTIONS = ['external', 'define', 'minify'] as const

/** What the command line asks to build: checks all options before any work, then reads and bundles the files. */
export async function readRequest({ args, progress, texts }: Context): Promise<BuildSnapshotOptions> {
  const entry = args.single('<entry>')
  const limits = { ...args.limits(), ...present({ cache: args.string('cache') }) }
  const bundling = present({ global: args.string('global') })
  const define = args.pairs('define')
  const [bridgeFile, warmupFile, baseFile] = [args.string('bridge'), args.string('warmup'), args.string('base')]
  if (args.flag('no-bundle')) checkUnbundled(args, entry)

  const base = baseFile === undefined ? undefined : await Snapshot.load(baseFile)
  const bridge = bridgeFile === undefined ? undefined : await readSide(bridgeFile, progress)
  const main = args.flag('no-bundle')
    ? { ...(await readPlain(entry)), ...bundling }
    : await bundled(progress, { entry, ...bundling, external: args.list('external'), define, minify: args.flag('minify') })
  const warmup = warmupFile === undefined ? undefined : await readSide(warmupFile, progress)
  progress.end()
  for (const source of [bridge, main, warmup]) if (source !== undefined) addTexts(texts, source)
  return { bundle: main, bindings: args.list('binding'), ...limits, ...present({ base, bridge, warmup }) }
}

function checkUnbundled(args: Arguments, entry: string): void {
  const useless = BUNDLER_OPTIONS.find((name) => args.flag(name) || args.list(name).length > 0)
  if (useless !== undefined) throw new UsageError(`--${useless} has no effect with --no-bundle`)
  if (args.string('global') !== undefined && typeOf(entry) === 'script') {
    throw new UsageError('--global needs exports, and a script has none: name the file .cjs or .mjs, or leave --no-bundle out')
  }
}

function bundled(progress: Progress, options: Parameters<typeof bundle>[0]): Promise<SourceObject> {
  progress.begin(`bundle ${options.entry}`)
  return bundle(options)
}

/** The bridge or the warm-up: JavaScript as it is, anything else by the bundler. */
async function readSide(file: string, progress: Progress): Promise<SourceObject> {
  if (/^\.[cm]?js$/.test(extname(file))) return await readPlain(file)
  // A path, even if a package has its name.
  return await bundled(progress, { entry: resolve(file) })
}

/** A file as it is, under its path. */
export async function readPlain(file: string): Promise<SourceObject> {
  const name = relative(process.cwd(), resolve(file)).split(sep).join('/')
  return { code: await readText(file), name, type: typeOf(file) }
}

function typeOf(file: string): 'script' | 'commonjs' | 'module' {
  const types: Record<string, 'commonjs' | 'module'> = { '.cjs': 'commonjs', '.mjs': 'module' }
  return types[extname(file)] ?? 'script'
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const reasons: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' }
    throw new Failure(`can't read ${file}: ${reasons[error.code ?? ''] ?? error.message}`)
  })
  try {
    // Without a byte order mark, which would stand before a hashbang.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Failure(`can't read ${file}: its text is not UTF-8`)
  }
}
