// Runs a TypeScript program of this repository on plain Node 20: `node scripts/run.mjs demo/main.ts [arguments]`.
// esbuild turns the .ts files of its folder into target/ts/<folder>/*.mjs; packages stay outside, `isoseed` too,
// which is this package under its own name. The working directory is the root of the repository.
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { Failure, main, root } from './common.mjs'

await main(async () => {
  const [entry] = process.argv.splice(2, 1)
  if (!entry?.endsWith('.ts')) throw new Failure('usage: node scripts/run.mjs <file>.ts [arguments]')
  const folder = dirname(entry)
  const outdir = join(root, 'target', 'ts', folder)
  await build({
    entryPoints: readdirSync(folder).filter((name) => name.endsWith('.ts')).map((name) => join(folder, name)),
    outdir,
    outbase: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    charset: 'utf8',
    sourcemap: 'inline',
    logLevel: 'warning',
  })
  process.setSourceMapsEnabled(true)
  process.argv[1] = join(outdir, `${basename(entry, '.ts')}.mjs`)
  await import(pathToFileURL(process.argv[1]).href)
})
