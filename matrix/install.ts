// The libraries are not among the project's own packages: they are installed here, when they are first needed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

const FOLDER = 'matrix/cases'

/** Runs `npm ci` for the matrix unless all its packages are there, in the versions it names. */
export async function installLibraries(): Promise<void> {
  const { dependencies } = await readJson<{ dependencies: Record<string, string> }>(`${FOLDER}/package.json`)
  const installed = await Promise.all(Object.entries(dependencies).map(async ([name, version]) => (await versionOf(name)) === version))
  if (installed.every(Boolean)) return
  console.log(`matrix: installing the libraries (npm ci in ${FOLDER}) ...`)
  // npm is a script of a shell on Windows. No package of the matrix needs its install scripts.
  const npm = spawn('npm ci --ignore-scripts --no-audit --no-fund', { cwd: FOLDER, shell: true, stdio: 'inherit' })
  const [code] = (await once(npm, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`matrix: npm ci failed in ${FOLDER}: see above`)
}

/** The version of a library that is installed for the matrix, if it is. */
export async function versionOf(name: string): Promise<string | undefined> {
  try {
    return (await readJson<{ version: string }>(`${FOLDER}/node_modules/${name}/package.json`)).version
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T
}
