// What the scripts share: where things are, running commands, printing.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The folder of package.json. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A failure that is reported by its message alone, without a stack. */
export class Failure extends Error {}

/** Prints a line that says what happens next. */
export function say(text) {
  console.log(`isoseed: ${text}`)
}

/** `1.2 s` or `34 ms`. */
export function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** Runs a script's main function: a Failure ends it with its message and exit code 1. */
export async function main(body) {
  process.chdir(root)
  try {
    await body()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.error(`isoseed: ${error.message}`)
    process.exitCode = 1
  }
}

/** Runs a command with the terminal's own input and output; fails if it fails. */
export async function run(command, args, env = process.env) {
  await ended(spawn(command, args, { cwd: root, env, stdio: 'inherit' }), command, args)
}

/** Runs a command and returns what it writes; its messages go to the terminal. Fails if it fails. */
export async function runForOutput(command, args, env = process.env) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([textOf(child.stdout), ended(child, command, args)])
  return output
}

async function ended(child, command, args) {
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
  if (code !== 0) throw new Failure(`\`${[command, ...args].join(' ')}\` ended with ${signal ?? `exit code ${code}`}`)
}

/** Runs a command quietly; its output, or undefined if it can't be run or fails. */
export function ask(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  return result.status === 0 ? result.stdout.trim() : undefined
}

/** The script of an installed npm package's command, to be run by this Node. */
export function tool(packageName, command = packageName) {
  const folder = join(root, 'node_modules', packageName)
  if (!existsSync(folder)) throw new Failure(`${packageName} is not installed: run \`npm ci\` first`)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[command])
}

/**
 * The environment for cargo. `napi build` always names its target, which gives it its own folder
 * below `target/`: every other cargo command names it too, so that they share what is built.
 */
export function cargoEnv() {
  if (process.env.CARGO_BUILD_TARGET) return process.env
  const host = /^host: (.+)$/m.exec(ask('rustc', ['-vV']) ?? '')?.[1]
  return host === undefined ? process.env : { ...process.env, CARGO_BUILD_TARGET: host }
}

/** Fails with advice unless Rust and a C compiler can be run. */
export function requireToolchain() {
  if (ask('cargo', ['--version']) === undefined || ask('rustc', ['--version']) === undefined) {
    throw new Failure(
      'the native part is built with Rust, and `cargo` was not found.\n' +
        '  Install Rust 1.90 or later from https://rustup.rs (or your system\'s packages), open a new shell and try again.',
    )
  }
  if (process.platform === 'win32') return // Rust finds Visual Studio's linker by itself, and says so if there is none.
  if (ask('cc', ['--version']) === undefined) {
    const advice = process.platform === 'darwin' ? 'xcode-select --install' : 'apt install gcc (Debian, Ubuntu), dnf install gcc (Fedora)'
    throw new Failure(`the native part is linked with a C compiler, and \`cc\` was not found.\n  Install one, for example: ${advice}`)
  }
}
