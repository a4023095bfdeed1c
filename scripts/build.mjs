// Builds what is missing or stale: the native addon, then the JavaScript and declarations of the root.
//   --native, --front   only that part
//   --floor             only the Rust program that the bench compares with: target/bench/floor
//   --force             also what is up to date
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, cargoEnv, duration, main, requireToolchain, run, runForOutput, say, tool } from './common.mjs'

/** What the last build was made from and what it made: a part is up to date if neither has changed. */
const stampFile = join('target', 'isoseed-build.json')

const floorFile = join('target', 'bench', process.platform === 'win32' ? 'floor.exe' : 'floor')

const parts = [
  {
    flag: '--native',
    name: 'native addon',
    inputs: () => ['package.json', ...cargoInputs()],
    outputs: () => ['native.js', 'native.d.ts', ...addons()],
    build: buildNative,
  },
  {
    flag: '--front',
    name: 'JavaScript and declarations',
    inputs: () => ['package.json', 'tsconfig.json', 'package-lock.json', 'scripts/front.mjs', 'scripts/web.mjs', ...filesBelow('lib'), ...filesBelow('web')],
    outputs: () => ['index.js', 'index.d.ts', 'bundle.js', 'bundle.d.ts', 'cli.js', 'inspector.js', 'isolate-process.js', 'web-bridge.js', 'store-conformance.js', 'store-conformance.d.ts'],
    build: buildFront,
  },
  {
    flag: '--floor',
    onlyIfNamed: true,
    name: 'floor of the bench',
    inputs: () => [...cargoInputs(), ...filesBelow('benches')],
    outputs: () => [floorFile],
    build: buildFloor,
  },
]

await main(async () => {
  const args = process.argv.slice(2)
  const unknown = args.find((arg) => arg !== '--force' && parts.every(({ flag }) => flag !== arg))
  if (unknown !== undefined) throw new Failure(`unknown argument ${unknown}: there are --force, ${parts.map(({ flag }) => flag).join(', ')}`)
  const force = args.includes('--force')
  const named = parts.filter(({ flag }) => args.includes(flag))
  const stamp = readStamp()
  for (const part of named.length > 0 ? named : parts.filter(({ onlyIfNamed }) => !onlyIfNamed)) {
    const started = performance.now()
    const inputs = fingerprint(part.inputs())
    const last = stamp[part.name]
    if (!force && last?.inputs === inputs && last.outputs === fingerprint(part.outputs())) {
      say(`${part.name}: up to date`)
      continue
    }
    await part.build()
    stamp[part.name] = { inputs, outputs: fingerprint(part.outputs()) }
    writeStamp(stamp)
    say(`${part.name}: built in ${duration(performance.now() - started)}`)
  }
})

async function buildNative() {
  requireToolchain()
  const napi = tool('@napi-rs/cli', 'napi')
  const env = cargoEnv()
  say(
    existsSync(join('target', env.CARGO_BUILD_TARGET ?? '', 'release'))
      ? 'native addon: building with cargo; linking V8 takes a while ...'
      : 'native addon: first build with cargo: unpacks V8 and compiles everything, a few minutes ...',
  )
  await run(process.execPath, [napi, 'build', '--platform', '--release', '--js', 'native.js', '--dts', 'native.d.ts', '--', '--lib'], env)
}

async function buildFront() {
  say('JavaScript and declarations: bundling lib/ ...')
  const { front } = await import('./front.mjs')
  for (const [file, text] of Object.entries(await front())) writeFileSync(file, text)
}

/** Without the feature `napi`: this program is the engine without Node. */
async function buildFloor() {
  requireToolchain()
  say('floor of the bench: building with cargo ...')
  const args = ['build', '--release', '--no-default-features', '--bench', 'floor', '--message-format', 'json-render-diagnostics']
  const messages = (await runForOutput('cargo', args, cargoEnv())).split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const executable = messages.find((message) => message.target?.name === 'floor' && message.executable)?.executable
  if (executable === undefined) throw new Failure('cargo built no program named floor')
  mkdirSync(join('target', 'bench'), { recursive: true })
  copyFileSync(executable, floorFile)
}

/** What cargo builds from. */
function cargoInputs() {
  return ['Cargo.toml', 'Cargo.lock', 'build.rs', '.cargo/config.toml', ...filesBelow('src')]
}

/** This folder's addons: one, unless it was built for several platforms. */
function addons() {
  const found = readdirSync('.').filter((name) => name.endsWith('.node'))
  // Without any, the name of a file that does not exist, so that the part counts as stale.
  return found.length > 0 ? found : ['isoseed.node']
}

function filesBelow(folder) {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name)).toSorted()
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** A digest over names and contents; for a binary, which is large, over size and time of change. */
function fingerprint(files) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`)
  for (const file of files) {
    hash.update(`\n${file}\n`)
    try {
      const { size, mtimeMs } = statSync(file)
      hash.update(file === floorFile || file.endsWith('.node') ? `${size} ${mtimeMs}` : readFileSync(file))
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
      hash.update('missing')
    }
  }
  return hash.digest('hex')
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'))
  } catch {
    return {} // None yet, or cut short by an interrupted build: everything is stale.
  }
}

function writeStamp(stamp) {
  mkdirSync('target', { recursive: true })
  writeFileSync(stampFile, `${JSON.stringify(stamp, null, 2)}\n`)
}
