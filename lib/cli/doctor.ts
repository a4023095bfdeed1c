import { buildSnapshot } from '../index.js'
import type { IsoseedError, SnapshotFinding, SnapshotWarning } from '../index.js'
import { EXIT } from './command.js'
import type { Command } from './command.js'
import { count } from './format.js'
import { interruptible, orAborted } from './interrupt.js'
import { codeOf, printFinding } from './report.js'
import { SOURCE_OPTIONS, readRequest } from './sources.js'

/** What stands in the way of a snapshot, and what is only worth knowing. */
interface Diagnosis {
  findings: readonly SnapshotFinding[]
  warnings: readonly SnapshotWarning[]
}

/** `isoseed doctor`. */
export const doctor: Command = {
  options: { ...SOURCE_OPTIONS, json: { type: 'boolean' }, quiet: { type: 'boolean', short: 'q' } },
  async run(context) {
    const { args, out, progress, texts } = context
    const { findings, warnings } = await interruptible(async (signal) => {
      const options = await orAborted(signal, readRequest(context))
      return await diagnose(buildSnapshot({ ...options, unsafe: 'error', signal, onProgress: (phase) => progress.phase(phase) }))
    })
    progress.end()
    const ok = findings.length === 0
    if (args.flag('json')) {
      out.line(JSON.stringify({ ok, findings, warnings }))
      return ok ? EXIT.ok : EXIT.failed
    }
    for (const finding of findings) printFinding(out, finding, 'red', 'unsafe', texts)
    for (const warning of warnings) printFinding(out, warning, 'yellow', 'warning', texts)
    const sum = `${count(findings.length, 'finding')}, ${count(warnings.length, 'warning')}`
    out.line(ok ? out.style('green', `can be captured: ${sum}`) : out.style('red', `can't be captured: ${sum}`))
    return ok ? EXIT.ok : EXIT.failed
  },
}

/** @throws what else keeps the build from its end */
async function diagnose(building: ReturnType<typeof buildSnapshot>): Promise<Diagnosis> {
  try {
    const { info } = await building
    return { findings: [], warnings: info.warnings }
  } catch (error) {
    if (codeOf(error) !== 'ERR_SNAPSHOT_UNSAFE') throw error
    return { findings: (error as IsoseedError).findings ?? [], warnings: [] }
  }
}
