import { statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { isAbsolute, parse, relative, resolve, sep } from 'node:path'
import type { OnResolveResult, Plugin, PluginBuild, ResolveResult } from 'esbuild'

/** What the user's `entry` means. */
export interface Entry {
  /** Its file, with or without its extension; absent for a package. */
  path: string | undefined
  /** How the source is called. */
  sourceName: string
}

/** A file that is there comes before a package; what starts like a path is never a package. */
export function describeEntry(workingDirectory: string, entry: string): Entry {
  const path = resolve(workingDirectory, entry)
  const looksLikePath = isAbsolute(entry) || /^\.{1,2}(?:$|[\\/])/.test(entry)
  if (!looksLikePath && !isFile(path)) return { path: undefined, sourceName: entry }
  const { dir, name } = parse(relative(workingDirectory, path))
  // Not the entry's own name: a line of the bundle must not pass for one of the entry.
  const sourceName = [...dir.split(sep).filter(Boolean), `${name === '' ? 'index' : name}.bundle.js`].join('/')
  return { path, sourceName }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** The plugin that finds the entry; goes before the user's, which it asks. */
export function findingEntry(workingDirectory: string, entry: string): Plugin {
  const { path } = describeEntry(workingDirectory, entry)
  return {
    name: 'isoseed-entry',
    setup(build) {
      build.onResolve({ filter: /^isoseed-entry$/ }, async ({ kind }) => {
        if (kind !== 'entry-point') return undefined
        return path === undefined ? await findPackage(build, workingDirectory, entry) : await findFile(build, path, entry)
      })
    },
  }
}

type Found = ResolveResult | OnResolveResult

/** As `require` would find it, so that its exports are what `require` gives; some are there for `import` only. */
async function findPackage(build: PluginBuild, resolveDir: string, entry: string): Promise<Found> {
  const required = await build.resolve(entry, { kind: 'require-call', resolveDir })
  if (required.errors.length === 0) return checked(required, entry)
  const imported = await build.resolve(entry, { kind: 'import-statement', resolveDir })
  if (imported.errors.length === 0) return checked(imported, entry)
  if (isBuiltin(entry)) return problem('it is a module of Node.js, and an isolate has none of them')
  const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(entry) ?? []
  if (name !== undefined && (await build.resolve(name, { kind: 'import-statement', resolveDir })).errors.length === 0) {
    return problem(`the package "${name}" has no "./${subpath}" to import`)
  }
  return problem(`there is no such file in ${resolveDir}, and no such package can be found from there`)
}

async function findFile(build: PluginBuild, path: string, entry: string): Promise<Found> {
  // As it is: esbuild would take some characters for a pattern or a query.
  if (isFile(path)) return { path }
  const found = await build.resolve(path, { kind: 'import-statement', resolveDir: parse(path).dir })
  if (found.errors.length === 0) return checked(found, entry)
  return problem(statSync(path, { throwIfNoEntry: false }) === undefined ? `there is no file ${path}` : `${path} is neither a file nor a folder with an index file`)
}

function checked(found: ResolveResult, entry: string): Found {
  return found.external ? problem(`external has ${JSON.stringify(entry)} itself`) : found
}

function problem(text: string): Found {
  return { errors: [{ text }] }
}
