import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { Given, guarded, isObject, wrong } from '../checks.js'
import { invalidArg, show } from '../misuse.js'

/** Options of `bundle`. An unknown option is refused. */
export interface BundleOptions {
  /**
   * What to bundle: a file's path, relative to the working directory at the
   * time of the call, or a `file:` URL; or, where no such file exists, what an
   * import statement would name, such as `lodash` or `react-dom/server`.
   */
  entry: string
  /**
   * The global, as an identifier or a dotted path such as `libs.lodash`, under
   * which the snapshot has the entry's exports. Without it the entry has to
   * make its own globals, or is only there for later sources to `require`.
   */
  global?: string
  /**
   * Imports to leave out of the bundle, with their subpaths; `*` matches
   * anything. They are found at run time among the sources before this one, by
   * their `name`; by an entry that awaits at the top level only if they are of
   * type `'module'`, too.
   *
   * @default []
   */
  external?: string[]
  /**
   * Replaces names, such as `process.env.API`, by JSON or another name. It adds
   * to the default, or overrides it.
   *
   * @default { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }
   */
  define?: Record<string, string>
  /**
   * Whether to make the code smaller: shorter names, no white space. Stack
   * traces still show the original lines.
   *
   * @default false
   */
  minify?: boolean
  /**
   * Plugins for esbuild, in order.
   *
   * @default []
   */
  plugins?: Plugin[]
}

/** What `bundle` needs. */
export interface BundleRequest {
  workingDirectory: string
  entry: string
  global: string | undefined
  external: string[]
  define: Record<string, string>
  minify: boolean
  plugins: Plugin[]
}

const IDENTIFIER = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*`
const DOTTED = new RegExp(`^${IDENTIFIER}(?:\\.${IDENTIFIER})*$`, 'u')
const DEFAULT_DEFINE = { 'process.env.NODE_ENV': '"production"', global: 'globalThis' }

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkBundleOptions(options: unknown): BundleRequest {
  const given = new Given('bundle', options, ['entry', 'global', 'external', 'define', 'minify', 'plugins'])
  return {
    // Now, not when esbuild starts: it may change until then.
    workingDirectory: process.cwd(),
    entry: checkEntry(given),
    global: checkGlobal(given),
    external: checkList(given, 'external', 'a string that is not empty', (item) => typeof item === 'string' && item !== ''),
    define: { ...DEFAULT_DEFINE, ...checkDefine(given) },
    minify: given.boolean('minify', false),
    plugins: checkList(given, 'plugins', 'an esbuild plugin: { name, setup }', isPlugin),
  }
}

function checkEntry(given: Given): string {
  const entry = given.get('entry')
  if (typeof entry !== 'string' || entry === '' || entry.includes('\0')) {
    throw given.fail('entry', 'a path or the name of a package')
  }
  // One letter and a colon is a drive.
  const [, scheme] = /^([a-z][a-z+.-]+):/i.exec(entry) ?? []
  if (scheme === undefined || scheme === 'node') return entry
  if (scheme !== 'file') throw invalidArg(`${given.where}: entry must be a path, a package or a file: URL, got ${show(entry)}`)
  return guarded(given.where, 'entry', () => fileURLToPath(entry))
}

function checkGlobal(given: Given): string | undefined {
  const global = given.get('global')
  if (global === undefined) return undefined
  if (typeof global !== 'string' || !DOTTED.test(global)) throw given.fail('global', 'an identifier or a dotted path of identifiers')
  if (global.split('.').includes('__proto__')) throw invalidArg(`${given.where}: global must not name "__proto__", got ${show(global)}`)
  return global
}

function checkDefine(given: Given): Record<string, string> {
  const define = given.get('define')
  if (define === undefined) return {}
  if (!isObject(define)) throw given.fail('define', 'an object of strings')
  const checked: Record<string, string> = {}
  for (const name of guarded(given.where, 'define', () => Object.keys(define))) {
    if (!DOTTED.test(name) || name === '__proto__') throw invalidArg(`${given.where}: a name in define must be an identifier or a dotted path, got ${show(name)}`)
    const value = guarded(given.where, `define.${name}`, () => Reflect.get(define, name) as unknown)
    if (typeof value !== 'string' || !(DOTTED.test(value) || isJson(value))) {
      throw wrong(given.where, `define.${name}`, 'JSON or a name, as a string', value)
    }
    checked[name] = value
  }
  return checked
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function checkList<T>(given: Given, name: string, expected: string, isItem: (item: unknown) => boolean): T[] {
  const list = given.get(name)
  if (list === undefined) return []
  if (!Array.isArray(list)) throw given.fail(name, 'an array')
  return Array.from({ length: list.length }, (_, index) => {
    const item: unknown = guarded(given.where, `${name}[${index}]`, () => list[index] as unknown)
    if (!guarded(given.where, `${name}[${index}]`, () => isItem(item))) throw wrong(given.where, `${name}[${index}]`, expected, item)
    return item as T
  })
}

function isPlugin(value: unknown): boolean {
  const plugin = value as Partial<Plugin> | null
  return typeof plugin === 'object' && typeof plugin?.name === 'string' && plugin.name !== '' && typeof plugin.setup === 'function'
}
