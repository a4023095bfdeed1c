import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openSession, openStore } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { Arguments, UsageError } from '../../lib/cli/arguments.js'
import { formatBytes, formatDuration } from '../../lib/cli/format.js'
import { addTexts, codeFrame, firstPosition, parsePosition } from '../../lib/cli/frame.js'
import { Progress } from '../../lib/cli/progress.js'
import { ls } from '../../lib/cli/session/ls.js'
import { exportState } from '../../lib/cli/session/transfer.js'
import { Output, printable, visible } from '../../lib/cli/terminal.js'
import { folderOf } from '../support/files.js'

/** A stream that keeps what is written. */
function output(terminal: { columns?: number; hasColors?: boolean } | undefined, env: NodeJS.ProcessEnv = {}): { written: () => string; output: Output } {
  let written = ''
  const stream = {
    isTTY: terminal !== undefined,
    writable: true,
    columns: terminal?.columns,
    hasColors: () => terminal?.hasColors === true,
    on: () => stream,
    write: (text: string) => (written += text),
  }
  return { written: () => written, output: new Output(stream as unknown as NodeJS.WriteStream, env) }
}

describe('progress', () => {
  test('is one line that is written over, on a terminal', () => {
    const { written, output: terminal } = output({ columns: 30 })
    const progress = new Progress(terminal, false)
    progress.begin('bundle a-file-with-a-rather-long-name.ts')
    progress.phase({ phase: 'evaluate', source: 'a.js', elapsedMs: 1 })
    progress.phase({ phase: 'evaluate', source: 'a.js', elapsedMs: 2, durationMs: 1 })
    progress.end()
    expect(written()).not.toContain('\n')
    expect(written().replaceAll(/\d+ ms/g, 'n ms').split('\r\u001b[K')).toEqual(['', 'bundle a-file-with-a-rather-lo'.slice(0, 29), '', 'evaluate: a.js  n ms', ''])
  })

  test('is a line for each step that ended, elsewhere and on a dumb terminal', () => {
    for (const { written, output: plain } of [output(undefined), output({ columns: 30 }, { TERM: 'dumb' })]) {
      const progress = new Progress(plain, false)
      progress.begin('bundle app.ts')
      progress.phase({ phase: 'start', elapsedMs: 0 })
      progress.phase({ phase: 'start', elapsedMs: 1, durationMs: 1 })
      progress.end()
      expect(written().replaceAll(/\d+ ms/g, 'n ms')).toBe('bundle app.ts  n ms\nstart the helper process  n ms\n')
    }
  })

  test('is nothing when silent', () => {
    const { written, output: terminal } = output({ columns: 30 })
    const progress = new Progress(terminal, true)
    progress.begin('bundle app.ts')
    progress.phase({ phase: 'probe', elapsedMs: 1 })
    progress.end()
    expect(written()).toBe('')
  })
})

test.each([
  [undefined, {}, false],
  [{ hasColors: true }, {}, true],
  [{ hasColors: false }, {}, false],
  [{ hasColors: true }, { NO_COLOR: '1' }, false],
  [{ hasColors: true }, { NO_COLOR: '' }, true],
  [{ hasColors: true }, { FORCE_COLOR: '0' }, false],
  [undefined, { FORCE_COLOR: '1' }, true],
  [undefined, { FORCE_COLOR: '', NO_COLOR: '1' }, true],
])('colours: terminal %j, environment %j: %s', (terminal, env, expected) => {
  expect(output(terminal, env).output.colors).toBe(expected)
})

test('what steers a terminal is made visible; line breaks, tabs and colours stay', () => {
  expect(printable('a\tb\n\u001b[31mred\u001b[0m')).toBe('a\tb\n\u001b[31mred\u001b[0m')
  expect(printable('\u001b[2J\u001b]0;x\u0007\r\0\u009b1m\u007f')).toBe(String.raw`\x1b[2J\x1b]0;x\x07\x0d\x00\x9b1m\x7f`)
})

test('of an id nothing is left that is no letter, and JSON says the same without it', () => {
  const id = 'a\t\n\u001b[31m\u009b\u202e\u2028\u200b日本'
  expect(visible(id)).toBe(String.raw`a\x09\x0a\x1b[31m\x9b\u202e\u2028\u200b日本`)
  const { written, output: plain } = output(undefined)
  plain.json({ id })
  expect(written()).toBe(`${String.raw`{"id":"a\t\n\u001b[31m\u009b\u202e\u2028\u200b日本"}`}\n`)
  expect(JSON.parse(written())).toEqual({ id })
})

test('a state is binary, and goes to no terminal', async () => {
  const { written, output: terminal } = output({ columns: 80 })
  const args = new Arguments(['a', '--store', 'sqlite:nowhere'], exportState.options)
  const context = { args, out: terminal, err: terminal, progress: new Progress(terminal, true), texts: new Map() }
  await expect(exportState.run(context)).rejects.toThrow(UsageError)
  expect(written()).toBe('')
})

test('sessions are a table with a heading on a terminal', async () => {
  const folder = folderOf({})
  const store = `sqlite:${join(folder, 'sessions.db')}`
  const run = async (): Promise<string> => {
    const { written, output: terminal } = output({ columns: 80 })
    const args = new Arguments(['--store', store], ls.options)
    await ls.run({ args, out: terminal, err: terminal, progress: new Progress(terminal, true), texts: new Map() })
    return written()
  }
  await (await openStore(store)).close()
  expect(await run()).toBe('no sessions\n')
  await using session = await openSession('agent', { store })
  await session.eval('state.n = 1')
  const [heading, row, ...rest] = (await run()).split('\n') as [string, string]
  expect(heading).toMatch(/^ *REVISION +SIZE +STORED +UPDATED +LEASE {2}ID$/)
  expect(row).toMatch(/^ +1 +\d+ B +\d+ B {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +held {2}agent$/)
  expect(heading.indexOf('ID')).toBe(row.indexOf('agent'))
  expect(rest).toEqual([''])
  await session.close()
  rmSync(folder, { recursive: true })
})

describe('positions', () => {
  test('are read from their end: names may hold colons', () => {
    expect(parsePosition('src/a b.ts:3:14')).toEqual({ file: 'src/a b.ts', line: 3, column: 14 })
    expect(parsePosition('C:\\a.ts:1:2')).toEqual({ file: 'C:\\a.ts', line: 1, column: 2 })
    expect(parsePosition('a.ts')).toBeUndefined()
  })

  test('are found in stack traces, with and without a function\'s name', () => {
    expect(firstPosition('Error: at 1:2:3\n    at f (a (b).ts:3:4)\n    at c.ts:5:6')).toEqual({ file: 'a (b).ts', line: 3, column: 4 })
    expect(firstPosition('Error\n    at src/c.ts:5:6')).toEqual({ file: 'src/c.ts', line: 5, column: 6 })
    expect(firstPosition('Error: nothing')).toBeUndefined()
  })
})

describe('a code frame', () => {
  const text = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join('\r\n')

  test('has the lines around, and a caret under the column', () => {
    expect(codeFrame(text, { file: 'x', line: 10, column: 6 }, 80)).toEqual(['   8 | line 8', '   9 | line 9', '> 10 | line 10', '     |      ^', '  11 | line 11'])
    expect(codeFrame(text, { file: 'x', line: 1, column: 1 }, 80)).toEqual(['> 1 | line 1', '    | ^', '  2 | line 2'])
    expect(codeFrame('a\n\n\tb', { file: 'x', line: 3, column: 2 }, 80)).toEqual(['  1 | a', '  2 |', '> 3 |  b', '    |  ^'])
  })

  test('shows the part of a long line that is meant', () => {
    const [line, caret] = codeFrame(`${'x'.repeat(5000)}here${'y'.repeat(5000)}`, { file: 'x', line: 1, column: 5001 }, 40) as [string, string]
    expect(line).toHaveLength(39)
    expect(line.slice(caret.indexOf('^'))).toMatch(/^herey+$/)
  })

  test('is empty without the text, or without such a line', () => {
    expect(codeFrame(undefined, { file: 'x', line: 1, column: 1 }, 80)).toEqual([])
    expect(codeFrame('a', { file: 'x', line: 2, column: 1 }, 80)).toEqual([])
  })
})

test('texts are a source\'s own and those of its map', () => {
  const map = { version: 3, sources: ['src/a.ts', 'src/b.ts', 'src/c.ts'], sourcesContent: ['a', null], mappings: '' }
  const comment = (json: string): string => `//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(json).toString('base64')}\n`
  const texts = new Map<string, string>()
  const code = `run()\n${comment(JSON.stringify(map))}`
  addTexts(texts, { name: 'out.js', code })
  addTexts(texts, { name: 'broken.js', code: `x\n${comment('{ not JSON')}` })
  addTexts(texts, { name: 'plain.js', code: 'plain' })
  addTexts(texts, { code: 'nameless' })
  expect([...texts.keys()]).toEqual(['out.js', 'src/a.ts', 'broken.js', 'plain.js'])
  expect(texts.get('out.js')).toBe(code)
  expect(texts.get('src/a.ts')).toBe('a')
})

test('figures', () => {
  expect([0, 1, 1023, 1024, 1536, 5 * 2 ** 20, 3 * 2 ** 40].map((bytes) => formatBytes(bytes))).toEqual(['0 B', '1 B', '1023 B', '1.0 KiB', '1.5 KiB', '5.0 MiB', '3.0 TiB'])
  expect([0, 0.4, 999, 1000, 61_500].map((ms) => formatDuration(ms))).toEqual(['0 ms', '0 ms', '999 ms', '1.0 s', '61.5 s'])
})

test('arguments: options anywhere, and none after --', () => {
  const args = new Arguments(['-q', 'a', '--out=x', '--', '--b'], { out: { type: 'string', short: 'o' }, quiet: { type: 'boolean', short: 'q' } })
  expect([args.positionals, args.flag('quiet'), args.string('out')]).toEqual([['a', '--b'], true, 'x'])
  expect(() => args.single('<file>')).toThrow(new UsageError('only one <file> can be given, got "--b" as well'))
})

test('durations have a unit', () => {
  const options = { idle: { type: 'string' } } as const
  const read = (text: string): number | undefined => new Arguments([`--idle=${text}`], options).duration('idle')
  expect(['0ms', '30s', '15m', '24h', '1.5d', '2w'].map(read)).toEqual([0, 30_000, 900_000, 86_400_000, 129_600_000, 1_209_600_000])
  expect(new Arguments([], options).duration('idle')).toBeUndefined()
  for (const wrong of ['24', 'h', '-1h', '1e3s', '1 h', '1y', '99999999999s']) expect(() => read(wrong)).toThrow(UsageError)
})
