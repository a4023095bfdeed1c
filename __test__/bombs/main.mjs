// The bomb corpus as a command: a table of what became of each kind at each limit.
//   npm run bombs [-- --limits 32,64,128] [--only <part of a name or group>] [--process] [--json file]
// --process: each isolate in a process of its own, whose peak is in a column of its own.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bombs } from './corpus.mjs'
import { faults } from './judge.mjs'
import { runBombs } from './run.mjs'

const { values } = parseArgs({
  options: { limits: { type: 'string', default: '32,64,128' }, only: { type: 'string' }, process: { type: 'boolean', default: false }, json: { type: 'string' } },
})
const limits = values.limits.split(',').map(Number)
const names = Object.keys(bombs).filter((name) => values.only === undefined || name.includes(values.only) || bombs[name].group === values.only)

const all = []
let faulty = 0
console.log(`${'limit'.padStart(6)} ${'kind'.padEnd(48)} ${'outcome'.padEnd(18)} ${'peak MB'.padStart(8)} ${'factor'.padStart(7)} ${values.process ? 'process MB'.padStart(11) : ''} ${'kept MB'.padStart(8)} ${'parked'.padStart(7)} ${'ms'.padStart(7)} ${'others ms'.padStart(10)}`)
for (const limitMb of limits) {
  // Two children at a time, with every other kind each.
  const jobs = [0, 1].map((odd) => names.filter((name) => names.indexOf(name) % 2 === odd))
  await Promise.all(jobs.map((part) => runBombs(part, { limitMb, inProcess: values.process, onReport: (report) => print(limitMb, report) })))
}
summarise()
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(all, null, 1)}\n`)
if (faulty > 0) process.exitCode = 1

function print(limitMb, report) {
  all.push({ limitMb, ...report })
  const { name, outcome, peakMb = NaN, keptMb = NaN, ms = NaN, slowestMs = NaN, isParked } = report
  console.log(
    `${String(limitMb).padStart(6)} ${name.padEnd(48)} ${outcome.padEnd(18)} ${String(peakMb).padStart(8)} ${(peakMb / limitMb).toFixed(2).padStart(7)} ${values.process ? String(report.processPeakMb).padStart(11) : ''} ${String(keptMb).padStart(8)} ${(isParked ? 'yes' : '').padStart(7)} ${String(ms).padStart(7)} ${String(slowestMs).padStart(10)}`,
  )
  for (const fault of faults(bombs[name], report, limitMb)) {
    faulty += 1
    console.log(`       FAULT: ${fault}`)
  }
  if (report.stderr) console.log(`       said: ${report.stderr.trim().split('\n')[0]}`)
}

function summarise() {
  for (const limitMb of limits) {
    const own = all.filter((report) => report.limitMb === limitMb && bombs[report.name].isHostMade !== true && report.peakMb !== undefined)
    const worst = own.toSorted((a, b) => b.peakMb - a.peakMb).slice(0, 5)
    const parked = own.filter(({ isParked }) => isParked).toSorted((a, b) => b.keptMb - a.keptMb)
    console.log(`\n${own.length} kinds at ${limitMb} MB. Highest peaks: ${worst.map(({ name, peakMb }) => `${name} ${peakMb} MB`).join(', ')}`)
    console.log(`  ${parked.length} end with a parked thread, which keeps most after: ${parked.slice(0, 3).map(({ name, keptMb }) => `${name} ${keptMb} MB`).join(', ')}`)
  }
  console.log(`\n${faulty} faults`)
}
