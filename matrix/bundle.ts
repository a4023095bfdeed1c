// A case as sources for an isolate, and as a program for Node. Both come from the same file.
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deserialize } from 'node:v8'
import { build } from 'esbuild'
import { webBridge } from 'isoseed'
import type { BuildSnapshotOptions, SourceObject } from 'isoseed'
import { bundle } from 'isoseed/bundle'
import type { Library } from './libraries.ts'

/** The global under which a bundled case has its `answer`. */
export const GLOBAL = 'matrix'

/** Outside the case's own folder nothing is written; here it finds the packages of the matrix, and else the project's. */
const NATIVE_FOLDER = 'matrix/cases/node_modules/.cases'

/** Where the case of a library is. */
export function caseFile({ name }: Library): string {
  return `matrix/cases/${name.replace('@', '').replace('/', '-')}.ts`
}

/** What an isolate for a case is made of. */
export type Sources = Pick<BuildSnapshotOptions, 'bridge'> & { bundle: SourceObject[] }

/** Bundles a case and its library, after what the library takes from the web platform. */
export async function bundleCase(library: Library): Promise<Sources> {
  const self = library.self === true ? [{ name: 'self.js', code: 'globalThis.self = globalThis' }] : []
  const bundled = await bundle({ entry: `./${caseFile(library)}`, global: GLOBAL })
  return { ...(library.web && { bridge: webBridge.pick(library.web) }), bundle: [...self, bundled] }
}

/** Asks the library as Node itself loads it, in a process of its own: what the case asks, and the answer. */
export async function askNode(library: Library): Promise<{ input: unknown; expected: unknown }> {
  await mkdir(NATIVE_FOLDER, { recursive: true })
  const outfile = join(NATIVE_FOLDER, `${library.name.replaceAll('/', '-')}.mjs`)
  await build({
    stdin: {
      contents: `
        import { serialize } from 'node:v8'
        import { answer, input } from './${caseFile(library)}'
        const expected = await answer(structuredClone(input))
        process.stdout.write(serialize({ input, expected }))`,
      resolveDir: process.cwd(),
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    target: 'node20',
    logLevel: 'silent',
  })
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], {
    encoding: 'buffer',
    env: { ...process.env, NODE_ENV: 'production' },
    maxBuffer: 1 << 26,
  })
  return deserialize(stdout) as { input: unknown; expected: unknown }
}
