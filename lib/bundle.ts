/**
 * Makes one source for `buildSnapshot` out of an entry and all that it
 * imports: TypeScript, JSX, JSON and npm packages.
 */
import type { Metafile } from 'esbuild'
import type { SourceObject } from './index.js'
import { describeEntry, findingEntry } from './bundle/entry.js'
import { loadEsbuild } from './bundle/esbuild.js'
import type { Esbuild } from './bundle/esbuild.js'
import { dynamicImports } from './bundle/external.js'
import { Problem, failure, hasTopLevelAwait, refuseRequireInModule } from './bundle/failure.js'
import { checkBundleOptions } from './bundle/options.js'
import type { BundleOptions, BundleRequest } from './bundle/options.js'
import { reading } from './bundle/read.js'
import { inlineSourceMap } from './bundle/source-map.js'

export type { BundleOptions } from './bundle/options.js'

/**
 * Bundles an entry and all that it imports into one source for `buildSnapshot`.
 *
 * Under `global` is what `require(entry)` gives in Node: what a CommonJS entry
 * put into `module.exports`, or the namespace of an ES module, with `default`
 * in it. The source is of type `'commonjs'`, or `'module'` if something in it
 * awaits at the top level; a package's `name` is the one that it is imported
 * by, so that a later source may have it in `external`.
 *
 * Packages are taken in their builds for browsers, since an isolate has nothing
 * of Node; `process.env.NODE_ENV` is `"production"` and `global` is
 * `globalThis`, unless `define` says otherwise. An inline source map makes
 * errors name the lines of the original files.
 *
 * It needs esbuild: `npm install --save-dev esbuild`.
 *
 * ```ts
 * const lodash = await bundle({ entry: 'lodash', global: '_' })
 * const app = await bundle({ entry: './src/app.tsx', global: 'app', external: ['lodash'] })
 * const snapshot = await buildSnapshot({ bundle: [lodash, app] })
 * ```
 *
 * @throws `TypeError` with `ERR_INVALID_ARG` at once, for a wrong option
 * @throws `IsoseedError` with `ERR_BUNDLE` if the entry or an import does not
 * resolve or compile, or esbuild is not installed; the message has each place
 * as `file:line:column`, `cause` is esbuild's error
 */
export function bundle(options: BundleOptions): Promise<SourceObject> {
  return make(checkBundleOptions(options))
}

async function make(request: BundleRequest): Promise<SourceObject> {
  const { workingDirectory, entry } = request
  const esbuild = loadEsbuild(workingDirectory)
  const described = describeEntry(workingDirectory, entry)
  try {
    const { code, type } = await compile(esbuild, request)
    return {
      code,
      name: described.sourceName,
      type,
      ...(request.global === undefined ? {} : { global: request.global }),
    }
  } catch (error) {
    throw failure(entry, error)
  }
}

interface Compiled {
  code: string
  type: 'commonjs' | 'module'
}

/** CommonJS has `require` for what is external; only an ES module can await at the top level. */
async function compile(esbuild: Esbuild, request: BundleRequest): Promise<Compiled> {
  try {
    return { code: await run(esbuild, request, 'cjs'), type: 'commonjs' }
  } catch (error) {
    if (!hasTopLevelAwait(error)) throw error
    return { code: await run(esbuild, request, 'esm'), type: 'module' }
  }
}

async function run(esbuild: Esbuild, request: BundleRequest, format: 'cjs' | 'esm'): Promise<string> {
  const { workingDirectory, define, plugins } = request
  const { outputFiles, metafile } = await esbuild.build({
    // What the entry is, its plugin says: esbuild would take some characters of a path for a pattern.
    entryPoints: [{ in: 'isoseed-entry', out: 'bundle' }],
    absWorkingDir: workingDirectory,
    // Never written, but what the paths in the source map are relative to.
    outdir: workingDirectory,
    write: false,
    metafile: true,
    bundle: true,
    format,
    // Not `neutral`: only so the main fields follow who asks, `main` for `require`, `module` for `import`.
    platform: 'browser',
    conditions: ['browser', 'module', define['process.env.NODE_ENV'] === '"development"' ? 'development' : 'production'],
    target: 'es2023',
    // V8 keeps text in two bytes a character as soon as one of them is not Latin-1.
    charset: 'ascii',
    jsx: 'automatic',
    sourcemap: 'external',
    sourcesContent: true,
    minify: request.minify,
    external: request.external,
    define,
    plugins: [
      findingEntry(workingDirectory, request.entry),
      ...(format === 'cjs' ? [dynamicImports(request.external)] : []),
      ...plugins,
      reading(workingDirectory),
    ],
    logLevel: 'silent',
  })
  if (format === 'esm') refuseRequireInModule(requiredOutside(metafile))
  const [map, code] = ['.js.map', '.js'].map((end) => outputFiles.find(({ path }) => path.endsWith(end)))
  if (map === undefined || code === undefined) throw new Problem('esbuild made no JavaScript of it')
  // Wherever the code goes, a hashbang would have to be the very first; a comment keeps its columns.
  return code.text.replace(/^#!/, '//') + inlineSourceMap(map.text, Object.keys(metafile.inputs))
}

/** What is external and asked for by `require`. */
function requiredOutside(metafile: Metafile): string[] {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  return imports.filter(({ kind, external }) => external === true && kind === 'require-call').map(({ path }) => path)
}
