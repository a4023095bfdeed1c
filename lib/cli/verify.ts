import { Snapshot, verifyIsolation } from '../index.js'
import { present } from './arguments.js'
import { EXIT } from './command.js'
import type { Command } from './command.js'
import { count } from './format.js'
import { readPlain } from './sources.js'
import { printable } from './terminal.js'

/** `isoseed verify`. */
export const verify: Command = {
  options: {
    hostile: { type: 'string' },
    timeout: { type: 'string' },
    memory: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ args, out }) {
    const file = args.single('<file>')
    const limits = args.limits()
    const hostileFile = args.string('hostile')
    const hostile = hostileFile === undefined ? undefined : await readPlain(hostileFile)
    const report = await verifyIsolation(await Snapshot.load(file), { ...limits, ...present({ hostile }) })
    const exitCode = report.ok ? EXIT.ok : EXIT.failed
    if (args.flag('json')) {
      out.line(JSON.stringify(report))
      return exitCode
    }
    for (const { name, ok, detail } of report.checks) {
      const mark = ok ? out.style('green', 'ok  ') : out.style('red', 'FAIL')
      out.line(`${mark} ${printable(name)}${detail === undefined ? '' : out.style('dim', `: ${printable(detail)}`)}`)
    }
    for (const { path, detail } of report.leaks) out.line(`${out.style('red', 'leak')} ${printable(path)}: ${printable(detail)}`)
    out.line(report.ok ? out.style('green', 'isolated') : out.style('red', `not isolated: ${count(report.leaks.length, 'leak')}`))
    return exitCode
  },
}
