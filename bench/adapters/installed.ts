// Packages that are not isoseed's own: `npm run bench:install` puts them into a folder of theirs.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { Missing } from './adapter.ts'

/** Where `npm run bench:install` puts what the bench compares with. */
export const FOLDER = resolve(process.env['ISOSEED_BENCH_CONTENDERS'] ?? 'bench/contenders')

/** Loads a package of that folder. */
export function installed<T>(name: string): T {
  const require = createRequire(join(FOLDER, 'package.json'))
  try {
    return require(name) as T
  } catch (error) {
    const [reason] = (error as Error).message.split('\n') as [string]
    throw new Missing(`${reason}; \`npm run bench:install\` installs it`, { cause: error })
  }
}

export async function versionOf(name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }
  return version
}
