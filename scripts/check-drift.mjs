// Checks that the committed generated files are what this source generates: makes them again and
// asks git whether they changed.
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, ask, main, run, say, tool } from './common.mjs'

const generated = ['index.js', 'index.d.ts', 'bundle.js', 'bundle.d.ts', 'cli.js', 'inspector.js', 'isolate-process.js', 'web-bridge.js', 'store-conformance.js', 'store-conformance.d.ts', 'native.js', 'native.d.ts']

await main(async () => {
  // Builds again whatever was changed by hand, too: the stamp covers what was written.
  await run(process.execPath, ['scripts/build.mjs'])
  const changed = ask('git', ['status', '--porcelain', '--', ...generated, 'npm'])
  if (changed === undefined) throw new Failure('`git status` failed: the drift check needs the git checkout')
  const platforms = platformPackages()
  if (changed !== '') throw new Failure(`these files are not committed as they are generated:\n${changed}`)
  say(`${generated.join(', ')} and ${platforms} packages in npm/ are as they are generated`)
})

/** Compares npm/ with what the napi command makes of package.json; the number of packages. */
function platformPackages() {
  const made = join('target', 'npm') // The command takes no folder outside of the project.
  rmSync(made, { recursive: true, force: true })
  mkdirSync('target', { recursive: true })
  if (ask(process.execPath, [tool('@napi-rs/cli', 'napi'), 'create-npm-dirs', '--npm-dir', made]) === undefined) {
    throw new Failure('`napi create-npm-dirs` failed')
  }
  const files = filesBelow(made)
  const committed = filesBelow('npm')
  if (files.join() !== committed.join()) throw new Failure(`npm/ holds ${committed.join(', ')}, expected ${files.join(', ')}`)
  for (const file of files) {
    if (readFileSync(join(made, file), 'utf8') !== readFileSync(join('npm', file), 'utf8')) {
      throw new Failure(`npm/${file} differs from what \`npx napi create-npm-dirs\` makes`)
    }
  }
  return readdirSync(made).length
}

/** The files of each platform's package: `linux-x64-gnu/package.json` and so on. */
function filesBelow(folder) {
  const packages = readdirSync(folder).toSorted()
  return packages.flatMap((name) => readdirSync(join(folder, name)).toSorted().map((file) => join(name, file)))
    .filter((file) => !file.endsWith('.node')) // Binaries are put here to be published, and are not committed.
}
