// The message of an expectation is what the child said.
/* oxlint-disable vitest/valid-expect */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Snapshot } from 'isoseed'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { folderOf } from '../support/files.js'
import { helpersMarked, run } from './run.js'
import type { Run } from './run.js'

const CLI = fileURLToPath(new URL('../../cli.js', import.meta.url))
const TIMEOUT = { timeout: 60_000 }

const PENDING = `const settled = Promise.resolve(1)
export const answers = new Map([
  ['first', new Promise(() => {}).then(() => 1)],
])
`

const folder = folderOf({
  'app.ts': 'export const greet = (name: string): string => `Hello ${name}`\nexport function fail(): never { throw new TypeError("mine") }\n',
  'sp ace/ünï.ts': 'export const here = 1',
  'plain.js': '#!/usr/bin/env node\r\nvar plain = { half: 21 }\r\n',
  'exports.cjs': 'exports.two = 2',
  'bridge.js': 'globalThis.booted = true',
  'bridge.ts': 'globalThis.typed = <string>"bridge"',
  'warmup.js': 'app.greet("warm"); globalThis.left = 1',
  'pending.ts': PENDING,
  'throws.ts': 'const fine: number = 1\nthrow new RangeError(`at ${fine}`)\n',
  'syntax.ts': 'export const = 1',
  'loop.js': 'for (;;);',
  'uses-app.ts': 'declare const app: { greet(name: string): string }\nexport const twice = () => app.greet(app.greet("you"))',
  'text.snap': 'not a snapshot',
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the command line in the folder. */
async function isoseed(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const ended = await run('../../../cli.js', { args, cwd: folder, env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '', FORCE_COLOR: undefined, ...env }, timeoutMs: 45_000 })
  expect(ended, ended.stderr).toMatchObject({ signal: null })
  expect(ended.killed).toBeUndefined()
  return ended
}

/** Runs a command that is to succeed; what it prints. */
async function succeed(...args: string[]): Promise<string> {
  const ended = await isoseed(args)
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  return ended.stdout
}

describe('build', () => {
  test.concurrent('makes a snapshot of an entry, with progress, and run evaluates in it', TIMEOUT, async () => {
    const built = await isoseed(['build', 'app.ts', '-o', 'app.snap', '--global', 'app', '--bridge', 'bridge.js', '--warmup', 'warmup.js'])
    expect(built.code, built.stderr).toBe(0)
    expect(built.stdout).toMatch(/^app\.snap {2}[\d.]+ KiB, built in .+, heap of .+\n$/)
    expect(built.stderr).toMatch(/^bundle app\.ts {2}\d+ ms\n/)
    expect(built.stderr).toMatch(/\nwarm up: warmup\.js {2}.*\n/)
    expect(built.stderr.split(/[\r\x1b]/)).toHaveLength(1) // oxlint-disable-line no-control-regex
    expect(await succeed('run', 'app.snap', '-e', '[app.greet("you"), booted, typeof left]')).toBe('[ \'Hello you\', true, \'undefined\' ]\n')
  })

  test.concurrent('works with any path, from any folder, and without a word if asked', TIMEOUT, async () => {
    const out = join(folder, 'sp ace', '输出 file.snap')
    const built = await isoseed(['build', 'sp ace/ünï.ts', '-o', out, '--global', 'a.b', '--quiet'])
    expect(built).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(await succeed('run', out, '-e', 'a.b.here')).toBe('1\n')
  })

  test.concurrent('takes plain files as they are, by their extension', TIMEOUT, async () => {
    await succeed('build', 'plain.js', '--no-bundle', '-o', 'plain.snap', '--bridge', 'bridge.ts')
    expect(await succeed('run', 'plain.snap', '-e', '[plain.half * 2, typed]', '--json')).toBe('[42,"bridge"]\n')
    await succeed('build', 'exports.cjs', '--no-bundle', '-o', 'exports.snap', '--global', 'lib')
    expect(await succeed('run', 'exports.snap', '-e', 'lib.two')).toBe('2\n')
  })

  test.concurrent('builds on a base', TIMEOUT, async () => {
    await succeed('build', 'app.ts', '-o', 'base.snap', '--global', 'app')
    await succeed('build', 'uses-app.ts', '-o', 'top.snap', '--base', 'base.snap', '--global', 'top')
    expect(await succeed('run', 'top.snap', '-e', 'top.twice()')).toBe('\'Hello Hello you\'\n')
  })

  test.concurrent('hands its options on', TIMEOUT, async () => {
    const args = ['--define', 'VERSION="2=2"', '--define', 'process.env.NODE_ENV="test"', '--minify', '--binding', 'db.get', '--timeout', '30000', '--memory', '256']
    writeFileSync(join(folder, 'defined.ts'), 'export const all = [VERSION, process.env.NODE_ENV]')
    await succeed('build', 'defined.ts', '-o', 'defined.snap', '--global', 'defined', ...args)
    expect(await succeed('run', 'defined.snap', '-e', 'defined.all', '--json')).toBe('["2=2","test"]\n')
    expect(JSON.parse(await succeed('inspect', 'defined.snap', '--json'))).toMatchObject({ bindings: ['db.get'] })
  })

  test.concurrent('--compress makes the file smaller, and --cache keeps snapshots in a folder', TIMEOUT, async () => {
    const args = ['build', 'app.ts', '--global', 'app', '--cache', 'cache folder', '--compress', '-o']
    await succeed(...args, 'small.snap')
    const inspected = await succeed('inspect', 'small.snap')
    expect(inspected).toMatch(/\n {2}size .+; [\d.]+ KiB on disk, compressed\n/)
    const kept = readdirSync(join(folder, 'cache folder')).filter((name) => name.endsWith('.snap'))
    expect(kept).toHaveLength(1)
    const again = await isoseed([...args, 'again.snap'])
    // Nothing was built.
    expect(again.stderr).not.toContain('evaluate')
    expect(await succeed('run', 'again.snap', '-e', 'app.greet("cache")')).toBe('\'Hello cache\'\n')
  })

  test.concurrent('--unsafe warn keeps what it finds as warnings', TIMEOUT, async () => {
    const built = await isoseed(['build', 'pending.ts', '-o', 'pending.snap', '--global', 'lib', '--unsafe', 'warn', '-q'])
    expect(built).toMatchObject({ code: 0, stdout: '' })
    expect(built.stderr).toMatch(/^warning pending-promise {2}/)
    const inspected = await succeed('inspect', 'pending.snap')
    expect(inspected).toMatch(/^pending\.snap\n {2}size +[\d.]+ KiB, .+\n(?: {2}.+\n)+\nwarning pending-promise /)
    expect(inspected).toContain('pending.bundle.js')
  })

  test.concurrent('--json prints what was built, and nothing else', TIMEOUT, async () => {
    const built = await isoseed(['build', 'app.ts', '-o', 'json.snap', '--json'])
    expect(built).toMatchObject({ code: 0, stderr: '' })
    const { ok, file, fileBytes, info } = JSON.parse(built.stdout) as { ok: boolean; file: string; fileBytes: number; info: object }
    expect({ ok, file, fileBytes }).toEqual({ ok: true, file: 'json.snap', fileBytes: readFileSync(join(folder, 'json.snap')).length })
    expect(info).toEqual(JSON.parse(await succeed('inspect', 'json.snap', '--json')))
  })
})

describe('doctor', () => {
  test.concurrent('shows each finding with the lines that made it', TIMEOUT, async () => {
    const ended = await isoseed(['doctor', 'pending.ts', '--global', 'lib'])
    expect(ended.code).toBe(1)
    const [title, position, ...lines] = ended.stdout.split('\n')
    expect(title).toMatch(/^unsafe pending-promise {2}lib\./)
    expect(position).toBe('  pending.ts:3:35')
    expect(lines.slice(0, 5)).toEqual([
      '    1 | const settled = Promise.resolve(1)',
      '    2 | export const answers = new Map([',
      '  > 3 |   [\'first\', new Promise(() => {}).then(() => 1)],',
      '      |                                   ^',
      '    4 | ])',
    ])
    expect(ended.stdout).toMatch(/\n {2}hint: .+\n\ncan't be captured: 1 finding, 0 warnings\n$/)
    expect(readdirSync(folder)).not.toContain('pending.ts.snap')
  })

  test.concurrent('--json prints them as data', TIMEOUT, async () => {
    const ended = await isoseed(['doctor', 'pending.ts', '--global', 'lib', '--json'])
    expect(ended).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(ended.stdout)).toEqual({
      ok: false,
      warnings: [],
      findings: [{ rule: 'pending-promise', path: expect.any(String), source: 'pending.ts:3:35', message: expect.any(String), hint: expect.any(String) }],
    })
  })

  test.concurrent('is content with an entry that can be captured', TIMEOUT, async () => {
    expect(await succeed('doctor', 'app.ts', '-q')).toBe('can be captured: 0 findings, 0 warnings\n')
    expect(JSON.parse(await succeed('doctor', 'app.ts', '--json'))).toEqual({ ok: true, findings: [], warnings: [] })
  })
})

describe('verify', () => {
  test.concurrent('says what was checked', TIMEOUT, async () => {
    await succeed('build', 'app.ts', '-o', 'verified.snap', '--global', 'app')
    expect(await succeed('verify', 'verified.snap')).toMatch(/^(?:ok {3}.+\n){3,}isolated\n$/)
    expect(JSON.parse(await succeed('verify', 'verified.snap', '--json', '--hostile', 'plain.js'))).toMatchObject({ ok: true, leaks: [] })
  })
})

describe('run', () => {
  test.concurrent('tells what the guest threw, and where', TIMEOUT, async () => {
    await succeed('build', 'app.ts', '-o', 'run.snap', '--global', 'app')
    const thrown = await isoseed(['run', 'run.snap', '-e', 'let a = 1\napp.fail()'])
    expect(thrown).toMatchObject({ code: 1, stdout: '' })
    expect(thrown.stderr).toMatch(/^error: TypeError: mine\n {4}at .+\n {4}at eval\.js:2:5\n/)
    const parsed = await isoseed(['run', 'run.snap', '-e', 'let = ', '--json'])
    expect(parsed).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(parsed.stdout)).toMatchObject({ ok: false, error: { code: 'ERR_GUEST', name: 'SyntaxError' } })
  })

  test.concurrent('does not let the guest steer the terminal', TIMEOUT, async () => {
    await succeed('build', 'plain.js', '--no-bundle', '-o', 'steer.snap')
    const thrown = await isoseed(['run', 'steer.snap', '-e', String.raw`throw new Error('\x1b]0;title\x07\x1b[2J')`])
    expect(thrown.stderr).toContain(String.raw`Error: \x1b]0;title\x07\x1b[2J`)
    const printed = await isoseed(['run', 'steer.snap', '-e', String.raw`new Error('\x1b[2J\x9b')`])
    expect(printed.stdout).toContain(String.raw`Error: \x1b[2J\x9b`)
  })

  test.concurrent('keeps the limits', TIMEOUT, async () => {
    await succeed('build', 'plain.js', '--no-bundle', '-o', 'limits.snap')
    expect(await isoseed(['run', 'limits.snap', '-e', 'for (;;);', '--timeout', '100'])).toMatchObject({ code: 1, stderr: expect.stringContaining('100') })
    const bomb = await isoseed(['run', 'limits.snap', '-e', 'const all = []; for (;;) all.push(new Array(1000).fill(1.5))', '--memory', '32', '--json'])
    expect(JSON.parse(bomb.stdout)).toMatchObject({ error: { code: 'ERR_MEMORY_LIMIT' } })
    expect(await isoseed(['run', 'limits.snap', '-e', '1n', '--json'])).toMatchObject({ code: 1, stdout: expect.stringContaining('BigInt') })
    expect(await succeed('run', 'limits.snap', '-e', 'undefined', '--json')).toBe('null\n')
  })

  test.concurrent('does not mind that nobody reads on', TIMEOUT, async () => {
    await succeed('build', 'plain.js', '--no-bundle', '-o', 'pipe.snap')
    const child = spawn(process.execPath, [CLI, 'run', 'pipe.snap', '-e', '"x".repeat(1e6)'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('exit code 1: the work failed, and nothing is written', () => {
  const cases: [args: string[], stderr: string | RegExp][] = [
    [['build', './nope.ts', '-o', 'none.snap', '-q'], /^error: can't bundle ".\/nope.ts": there is no file/],
    [['build', 'nope.js', '--no-bundle', '-o', 'none.snap', '-q'], 'error: can\'t read nope.js: there is no such file\n'],
    [['build', '.', '--no-bundle', '-o', 'none.snap', '-q'], 'error: can\'t read .: it is a folder\n'],
    [['build', 'syntax.ts', '-o', 'none.snap', '-q'], 'error: can\'t bundle "syntax.ts": syntax.ts:1:14: Expected identifier but found "=" (ERR_BUNDLE)\n'],
    [['build', 'app.ts', '-o', 'nowhere/none.snap', '-q'], /^error: can't write nowhere\/none.snap: there is no folder/],
    [['build', 'app.ts', '-o', 'sp ace', '-q'], 'error: can\'t write sp ace: it is a folder\n'],
    [['build', 'app.ts', '-o', 'none.snap', '--base', 'text.snap', '-q'], /^error: .*no snapshot/],
    [['build', 'app.ts', '-o', 'none.snap', '--bridge', 'nope.js', '-q'], 'error: can\'t read nope.js: there is no such file\n'],
    [['build', 'throws.ts', '-o', 'none.snap', '-q'], /\nthrown: RangeError: at 1\n {4}at .*throws\.ts:2:7\)?\n(?:.*\n)* {2}> 2 \| throw new RangeError/],
    [['build', 'loop.js', '-o', 'none.snap', '--timeout', '500', '-q'], /^error: .*500/],
    [['build', 'pending.ts', '-o', 'none.snap', '--global', 'lib', '-q'], /^error: .*\n\nunsafe pending-promise/],
    [['doctor', 'throws.ts', '-q'], /RangeError: at 1/],
    [['inspect', 'nope.snap'], /^error: .*nope\.snap/],
    [['inspect', 'text.snap'], /^error: .*no snapshot/],
    [['verify', 'text.snap'], /^error: .*no snapshot/],
    [['run', 'text.snap', '-e', '1'], /^error: .*no snapshot/],
  ]
  test.concurrent.each(cases)('%j', TIMEOUT, async (args, stderr) => {
    const ended = await isoseed(args)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(stderr)
    expect(ended.stderr).not.toMatch(/cli\.js|node:internal/)
    expect(readdirSync(folder).filter((name) => name.startsWith('none.snap'))).toEqual([])
  })

  test.concurrent('an older file stays as it was', TIMEOUT, async () => {
    const file = join(folder, 'older.snap')
    writeFileSync(file, 'older')
    expect(await isoseed(['build', 'throws.ts', '-o', file, '--json'])).toMatchObject({ code: 1, stderr: '' })
    expect(readFileSync(file, 'utf8')).toBe('older')
    await succeed('build', 'app.ts', '-o', file)
    expect((await Snapshot.load(file)).info.sources).toHaveLength(1)
  })
})

describe('exit code 2: the command line is wrong', () => {
  const cases: [args: string[], message: string][] = [
    [['frob'], 'isoseed: there is no command "frob"\nTry `isoseed help`.\n'],
    [['help', 'frob'], 'isoseed: there is no command "frob"'],
    [['constructor'], 'isoseed: there is no command "constructor"'],
    [['build', 'app.ts'], 'isoseed build: --out is missing: name the file to write with -o\nTry `isoseed help build`.\n'],
    [['build', '-o', 'x.snap'], 'isoseed build: <entry> is missing'],
    [['build', 'a', 'b', '-o', 'x.snap'], 'isoseed build: only one <entry> can be given, got "b" as well'],
    [['build', 'app.ts', '-o', ''], 'isoseed build: --out must not be empty'],
    [['build', 'app.ts', '-o', 'x.snap', '--frob'], 'isoseed build: Unknown option \'--frob\''],
    [['build', 'app.ts', '-o', 'x.snap', '--timeout', 'soon'], 'isoseed build: --timeout must be a whole number from 1 to 2147483647, got "soon"'],
    [['build', 'app.ts', '-o', 'x.snap', '--memory', '4'], 'isoseed build: --memory must be a whole number from 8 to 65536, got "4"'],
    [['build', 'app.ts', '-o', 'x.snap', '--unsafe', 'ignore'], 'isoseed build: --unsafe must be error or warn, got "ignore"'],
    [['build', 'app.ts', '-o', 'x.snap', '--define', 'X'], 'isoseed build: --define must be name=value, got "X"'],
    [['build', 'app.ts', '-o', 'x.snap', '--define', 'X=a b', '-q'], 'isoseed build: bundle: define.X must be JSON or a name'],
    [['build', 'app.ts', '-o', 'x.snap', '--global', 'a-b', '-q'], 'isoseed build: bundle: global must be an identifier or a dotted path of identifiers, got "a-b"'],
    [['build', 'plain.js', '-o', 'x.snap', '--no-bundle', '--minify'], 'isoseed build: --minify has no effect with --no-bundle'],
    [['build', 'plain.js', '-o', 'x.snap', '--no-bundle', '--global', 'x'], 'isoseed build: --global needs exports, and a script has none'],
    [['doctor', 'app.ts', '-o', 'x.snap'], 'isoseed doctor: Unknown option \'-o\''],
    [['run', 'x.snap'], 'isoseed run: --eval is missing: say what to evaluate with -e'],
    [['inspect'], 'isoseed inspect: <file> is missing'],
  ]
  test.concurrent.each(cases)('%j', TIMEOUT, async (args, message) => {
    const ended = await isoseed(args)
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(message)
    expect(readdirSync(folder)).not.toContain('x.snap')
  })
})

describe('help', () => {
  test.concurrent('is a page for all, and one for each command, that names every option', TIMEOUT, async () => {
    const overview = await succeed('--help')
    expect(overview).toBe(await succeed('help'))
    const bare = await isoseed([])
    expect(bare).toMatchObject({ code: 2, stdout: '', stderr: overview })
    const commands = ['build', 'doctor', 'inspect', 'verify', 'run']
    for (const command of commands) {
      expect(overview).toContain(`\n  ${command} <`)
      const page = await succeed('help', command)
      expect(page).toBe(await succeed(command, '--nonsense', '-h'))
      expect(page).toMatch(/^NAME\n(?:.*\n)+SYNOPSIS\n(?:.*\n)+DESCRIPTION\n(?:.*\n)+OPTIONS\n(?:.*\n)+EXIT CODES\n(?:.*\n)+EXAMPLES\n/)
      expect(page.split('\n').filter((line) => line.length > 100)).toEqual([])
    }
    // Each option of the code has its entry.
    const { stdout } = await isoseed(['help', 'build'])
    for (const option of ['out', 'global', 'bridge', 'warmup', 'base', 'binding', 'external', 'define', 'minify', 'no-bundle', 'timeout', 'memory', 'cache', 'unsafe', 'compress', 'quiet', 'json']) {
      expect(stdout).toMatch(new RegExp(`^  (?:-\\w, )?--${option}\\b`, 'm'))
    }
  })

  test.concurrent('the version is the package\'s', TIMEOUT, async () => {
    const { version, bin } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string; bin: object }
    expect(await succeed('--version')).toBe(`${version}\n`)
    expect(bin).toEqual({ isoseed: 'cli.js' })
    expect(readFileSync(CLI, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

test.concurrent('colours where they are wanted', TIMEOUT, async () => {
  const colored = /\u001b\[\d+m/ // oxlint-disable-line no-control-regex
  await succeed('build', 'plain.js', '--no-bundle', '-o', 'colors.snap')
  const printed = async (env: NodeJS.ProcessEnv): Promise<string> => (await isoseed(['run', 'colors.snap', '-e', '42'], env)).stdout
  expect(await printed({})).toBe('42\n')
  expect(await printed({ FORCE_COLOR: '1' })).toMatch(colored)
  expect(await printed({ FORCE_COLOR: '1', NO_COLOR: '1' })).toMatch(colored)
  expect(await printed({ FORCE_COLOR: '0' })).toBe('42\n')
  expect((await isoseed(['inspect', 'colors.snap'], { FORCE_COLOR: '1' })).stdout).toMatch(colored)
})

describe('a signal', () => {
  test.concurrent.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends a build and its helper, and leaves no file', TIMEOUT, async (signal) => {
    const mark = randomUUID()
    const child = spawn(process.execPath, [CLI, 'build', 'loop.js', '-o', `${signal}.snap`], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '', ISOSEED_MARK: mark },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    // The helper has started V8, and now it runs the loop.
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString()
        if (stderr.includes('start the helper process')) resolve()
      })
    })
    child.kill(signal)
    const ended = await new Promise((resolve) => child.once('close', (code, endedBy) => resolve({ code, signal: endedBy })))
    expect(ended).toEqual({ code: null, signal })
    expect(stderr).toMatch(/isoseed: interrupted, nothing was written\n$/)
    await vi.waitFor(() => expect(helpersMarked(mark)).toEqual([]), { timeout: 10_000 })
    expect(readdirSync(folder).filter((name) => name.includes(signal))).toEqual([])
  })
})
