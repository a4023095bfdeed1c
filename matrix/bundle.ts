// A case as one script for an isolate, and as a program for Node. Both come from the same file.
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deserialize } from 'node:v8'
import { build } from 'esbuild'
import type { BuildOptions } from 'esbuild'
import type { SourceObject } from 'isoseed'
import type { Library } from './libraries.ts'

/** The global under which a bundled case has its `answer`. */
export const GLOBAL = 'matrix'

/** Outside the case's own folder nothing is written; here it finds the packages of the matrix, and else the project's. */
const NATIVE_FOLDER = 'matrix/cases/node_modules/.cases'

const common = { bundle: true, charset: 'utf8', legalComments: 'none', logLevel: 'silent' } satisfies BuildOptions
const guest = {
  ...common,
  write: false,
  format: 'iife',
  platform: 'browser',
  target: 'es2023',
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
} satisfies BuildOptions

/** Where the case of a library is. */
export function caseFile({ name }: Library): string {
  return `matrix/cases/${name.replace('@', '').replace('/', '-')}.ts`
}

/** Bundles a case and its library into one script. */
export async function bundleCase(library: Library): Promise<SourceObject> {
  const { outputFiles } = await build({ ...guest, entryPoints: [caseFile(library)], globalName: GLOBAL })
  return { name: `${library.name}.js`, code: outputFiles[0]!.text }
}

/** The script that gives a library what it takes from the web platform. */
export async function webBridge({ web = [] }: Library): Promise<SourceObject | undefined> {
  if (web.length === 0) return undefined
  const contents = web.map((name) => `import './matrix/cases/web/${name}.js'`).join('\n')
  const { outputFiles } = await build({ ...guest, stdin: { contents, resolveDir: process.cwd() } })
  return { name: 'web.js', code: outputFiles[0]!.text }
}

/** Asks the library as Node itself loads it, in a process of its own: what the case asks, and the answer. */
export async function askNode(library: Library): Promise<{ input: unknown; expected: unknown }> {
  await mkdir(NATIVE_FOLDER, { recursive: true })
  const outfile = join(NATIVE_FOLDER, `${library.name.replaceAll('/', '-')}.mjs`)
  await build({
    ...common,
    stdin: {
      contents: `
        import { serialize } from 'node:v8'
        import { answer, input } from './${caseFile(library)}'
        const expected = await answer(structuredClone(input))
        process.stdout.write(serialize({ input, expected }))`,
      resolveDir: process.cwd(),
    },
    outfile,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    target: 'node20',
  })
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], {
    encoding: 'buffer',
    env: { ...process.env, NODE_ENV: 'production' },
    maxBuffer: 1 << 26,
  })
  return deserialize(stdout) as { input: unknown; expected: unknown }
}
