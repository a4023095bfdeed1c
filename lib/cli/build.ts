import { access, constants, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { buildSnapshot } from '../index.js'
import type { SnapshotInfo } from '../index.js'
import { UsageError, present } from './arguments.js'
import type { Arguments } from './arguments.js'
import { EXIT, Failure } from './command.js'
import type { Command, Context } from './command.js'
import { formatBytes, formatDuration } from './format.js'
import { interruptible, orAborted } from './interrupt.js'
import { printFinding } from './report.js'
import { SOURCE_OPTIONS, readRequest } from './sources.js'

/** `isoseed build`. */
export const build: Command = {
  options: {
    ...SOURCE_OPTIONS,
    out: { type: 'string', short: 'o' },
    unsafe: { type: 'string' },
    compress: { type: 'boolean' },
    json: { type: 'boolean' },
    quiet: { type: 'boolean', short: 'q' },
  },
  async run(context) {
    const { args, out, progress } = context
    const file = args.required('out', 'name the file to write with -o')
    const unsafe = unsafeOf(args)
    const started = performance.now()
    const info = await interruptible(async (signal) => {
      await checkWritable(file)
      const options = await orAborted(signal, readRequest(context))
      const snapshot = await buildSnapshot({ ...options, ...present({ unsafe }), signal, onProgress: (phase) => progress.phase(phase) })
      // From here on a signal comes too late: the file is written in a moment, and whole.
      await snapshot.save(file, args.flag('compress') ? { compression: 'zstd' } : {})
      return snapshot.info
    })
    progress.end()
    const fileBytes = (await stat(file)).size
    const ms = Math.round(performance.now() - started)
    if (args.flag('json')) out.line(JSON.stringify({ ok: true, file, fileBytes, ms, info }))
    else printBuilt(context, { file, fileBytes, ms, info })
    return EXIT.ok
  },
}

function unsafeOf(args: Arguments): 'error' | 'warn' | undefined {
  const unsafe = args.string('unsafe')
  if (unsafe === undefined || unsafe === 'error' || unsafe === 'warn') return unsafe
  throw new UsageError(`--unsafe must be error or warn, got ${JSON.stringify(unsafe)}`)
}

/** Before the build, which may take a while. */
async function checkWritable(file: string): Promise<void> {
  const folder = dirname(resolve(file))
  const there = await stat(file).catch(() => undefined)
  if (there?.isDirectory() === true) throw new Failure(`can't write ${file}: it is a folder`)
  await access(folder, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`can't write ${file}: ${error.code === 'ENOENT' ? `there is no folder ${folder}` : error.message}`)
  })
}

interface Built {
  file: string
  fileBytes: number
  /** From the start of the command. */
  ms: number
  info: SnapshotInfo
}

function printBuilt({ args, out, err, texts }: Context, { file, fileBytes, ms, info }: Built): void {
  for (const warning of info.warnings) printFinding(err, warning, 'yellow', 'warning', texts)
  if (args.flag('quiet')) return
  out.line(`${out.style('bold', file)}  ${formatBytes(fileBytes)}, built in ${formatDuration(ms)}, heap of ${formatBytes(info.heapBytes)}`)
}
