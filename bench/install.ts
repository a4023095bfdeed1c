// npm run bench:install: what the bench compares with and the package itself does not need, into bench/contenders.
// Each is tried on its own; one that does not install is left out by the bench, with its reason.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { FOLDER } from './adapters/installed.ts'

const isWindows = process.platform === 'win32'
const inVenv = (name: string): string => (isWindows ? join(FOLDER, 'venv', 'Scripts', `${name}.exe`) : join(FOLDER, 'venv', 'bin', name))

/** Whether a command ended well; what it prints goes to the terminal. */
async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<boolean> {
  console.log(`\n$ ${[command, ...args].join(' ')}`)
  // npm is a script of a shell on Windows.
  const child = spawn(command, args, { cwd: FOLDER, stdio: 'inherit', env: { ...process.env, ...env }, shell: isWindows })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code === 0
  } catch (error) {
    console.error((error as Error).message)
    return false
  }
}

const done: Record<string, boolean> = {}
const packages = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
done['quickjs-emscripten'] = packages
// From source, and so for this very Node: its prebuilt binaries are of other builds.
done['isolated-vm'] = packages && (await run('npm', ['rebuild', 'isolated-vm', '--foreground-scripts'], { npm_config_build_from_source: 'true' }))
const environment = await run(isWindows ? 'python' : 'python3', ['-m', 'venv', 'venv'])
for (const requirement of ['jsrun==0.3.0', 'mini-racer==0.14.1']) {
  done[requirement] = environment && (await run(inVenv('python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement]))
}
console.log('')
for (const [name, ok] of Object.entries(done)) console.log(`${ok ? 'installed' : 'NOT INSTALLED'}: ${name}`)
if (!Object.values(done).every(Boolean)) console.log('The bench leaves out what is not installed, and says so.')
