/** The command line `isoseed`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Arguments, UsageError } from './arguments.js'
import { build } from './build.js'
import { EXIT } from './command.js'
import type { Command, Context } from './command.js'
import { doctor } from './doctor.js'
import { GROUP, helpPage } from './help.js'
import type { CommandName, PageName } from './help.js'
import { inspect } from './inspect.js'
import { Interrupted } from './interrupt.js'
import { Progress } from './progress.js'
import { codeOf, jsonError, printError } from './report.js'
import { run } from './run.js'
import { ls } from './session/ls.js'
import { prune, rm } from './session/remove.js'
import { show } from './session/show.js'
import { exportState, importState } from './session/transfer.js'
import { Output, visible } from './terminal.js'
import { verify } from './verify.js'

const COMMANDS: Readonly<Record<CommandName, Command>> = {
  build,
  doctor,
  inspect,
  verify,
  run,
  'session ls': ls,
  'session show': show,
  'session export': exportState,
  'session import': importState,
  'session rm': rm,
  'session prune': prune,
}

async function main(argv: readonly string[]): Promise<void> {
  const out = new Output(process.stdout, process.env)
  const err = new Output(process.stderr, process.env)
  // Not `process.exit`: what is written to a pipe may still be on its way.
  process.exitCode = await answer(argv, out, err)
}

async function answer(argv: readonly string[], out: Output, err: Output): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) {
    err.write(helpPage())
    return EXIT.usage
  }
  if (first === '--version' || first === '-v') {
    out.line(version())
    return EXIT.ok
  }
  if (first === 'help' || first === '--help' || first === '-h') return help(rest, out, err)
  const { name, args } = commandOf(argv)
  // Wherever it stands: whoever asks for help gets it before anything is wrong.
  if (isPage(name) && beforeTerminator(args).some((arg) => arg === '--help' || arg === '-h')) return help([name], out, err)
  if (name === GROUP) {
    err.write(helpPage(name))
    return EXIT.usage
  }
  if (!isCommand(name)) return misuse(err, isPage(first) ? first : undefined, `there is no command ${JSON.stringify(name)}`)
  return await perform(name, args, out, err)
}

/** The command that is asked for, of one word or of two. */
function commandOf([first = '', ...rest]: readonly string[]): { name: string; args: readonly string[] } {
  const [second, ...others] = rest
  if (first !== GROUP || second === undefined || second.startsWith('-')) return { name: first, args: rest }
  return { name: `${first} ${second}`, args: others }
}

function help(words: readonly string[], out: Output, err: Output): number {
  const name = words.join(' ')
  if (name !== '' && !isPage(name)) return misuse(err, undefined, `there is no command ${JSON.stringify(name)}`)
  out.write(name === '' ? helpPage() : helpPage(name as PageName))
  return EXIT.ok
}

async function perform(name: CommandName, argv: readonly string[], out: Output, err: Output): Promise<number> {
  const command = COMMANDS[name]
  let context: Context | undefined
  try {
    const args = new Arguments(argv, { ...command.options, help: { type: 'boolean', short: 'h' } })
    const progress = new Progress(err, args.flag('quiet') || args.flag('json'))
    context = { args, out, err, progress, texts: new Map() }
    return await command.run(context)
  } catch (error) {
    context?.progress.end()
    if (error instanceof Interrupted) return endBy(error.signal, err)
    if (error instanceof UsageError || codeOf(error) === 'ERR_INVALID_ARG') return misuse(err, name, (error as Error).message)
    if (context?.args.flag('json') === true) out.json({ ok: false, error: jsonError(error) })
    else printError(err, error, context?.texts)
    return EXIT.failed
  }
}

/** As if the signal had not been caught, so that shells and scripts see what happened. */
function endBy(signal: NodeJS.Signals, err: Output): number {
  err.line('isoseed: interrupted, nothing was written')
  process.kill(process.pid, signal)
  return EXIT.failed
}

function misuse(err: Output, name: PageName | undefined, message: string): number {
  err.line(`isoseed${name === undefined ? '' : ` ${name}`}: ${visible(message)}`)
  err.line(`Try \`isoseed help${name === undefined ? '' : ` ${name}`}\`.`)
  return EXIT.usage
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

function isPage(name: string): name is PageName {
  return name === GROUP || isCommand(name)
}

/** What comes after `--` is no option. */
function beforeTerminator(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end === -1 ? args : args.slice(0, end)
}

function version(): string {
  // The package's own: this file lies beside it.
  const { version: own } = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8')) as { version: string }
  return own
}

void main(process.argv.slice(2))
