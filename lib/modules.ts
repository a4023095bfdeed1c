import type { NativeModule } from '../native.js'
import { checkCode, checkFileName, guarded, isObject, readObject, wrong } from './checks.js'
import type { Given } from './checks.js'
import { invalidArg, show } from './errors.js'
import { moduleKey } from './module-name.js'
import type { ModuleLoader } from './isolate-types.js'

/**
 * The path of the host calls that ask for a module; no binding can have it, whose names are not empty.
 * The arguments are `[specifier, referrer]` as JSON, the answer `null` or `{ code, name, kind }` as JSON.
 * The same in `src/engine/modules/host.rs`.
 */
export const LOADER_PATH = '.modules'

/** What an isolate can import. */
export interface Modules {
  given: NativeModule[]
  loader: ModuleLoader | undefined
}

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkModules(given: Given): Modules {
  const modules = given.get('modules')
  if (modules === undefined) return { given: [], loader: undefined }
  if (typeof modules === 'function') return { given: [], loader: modules as ModuleLoader }
  if (!isObject(modules)) throw given.fail('modules', 'an object of sources, or a function')
  const { where } = given
  const known = new Map<string, string>()
  const sources: NativeModule[] = []
  for (const specifier of guarded(where, 'modules', () => Object.keys(modules))) {
    const name = `modules[${show(specifier)}]`
    if (specifier === '' || moduleKey(specifier) === '') throw invalidArg(`${where}: a name in modules must not be empty, got ${show(specifier)}`)
    checkFileName(where, `a name in modules`, specifier)
    const key = moduleKey(specifier)
    const other = known.get(key)
    if (other !== undefined) throw invalidArg(`${where}: modules[${show(other)}] and ${name} are one module, ${show(key)}`)
    known.set(key, specifier)
    const source: unknown = guarded(where, name, () => Reflect.get(modules, specifier) as unknown)
    sources.push({ specifier, ...checkModuleSource(where, name, source, key) })
  }
  return { given: sources, loader: undefined }
}

type ModuleParts = Omit<NativeModule, 'specifier'>

const KINDS: ReadonlySet<unknown> = new Set(['module', 'commonjs', 'json'])

function checkModuleSource(where: string, name: string, source: unknown, fileName: string): ModuleParts {
  if (typeof source === 'string') return { code: checkCode(where, name, source), name: fileName, kind: 'module' }
  if (!isObject(source)) throw wrong(where, name, 'a string or { code, name, type }', source)
  const parts = readObject(where, name, source, ['code', 'name', 'type'])
  const kind = parts.get('type') ?? 'module'
  if (!KINDS.has(kind)) throw wrong(where, `${name}.type`, '"module", "commonjs" or "json"', kind)
  return {
    code: checkCode(where, `${name}.code`, parts.get('code')),
    name: parts.get('name') === undefined ? fileName : checkFileName(where, `${name}.name`, parts.get('name')),
    kind: kind as string,
  }
}

/**
 * Asks the host's loader for what the isolate asks for.
 *
 * @param question as it comes from the native side
 * @returns the answer as the native side expects it
 * @throws what the loader throws, and a `TypeError` for an answer that is no source
 */
export async function askLoader(loader: ModuleLoader, question: Uint8Array): Promise<Uint8Array> {
  const [specifier, referrer] = JSON.parse(new TextDecoder().decode(question)) as [string, string]
  const source: unknown = await loader(specifier, referrer)
  const answer =
    source === undefined || source === null ? null : checkModuleSource('the module loader', `its answer for ${show(specifier)}`, source, specifier)
  return new TextEncoder().encode(JSON.stringify(answer))
}
