// The bomb corpus as a command: a table of what became of each kind at each limit.
//   npm run bombs [-- --limits 32,64,128] [--only <part of a name or group>] [--jobs 2] [--json file]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bombs } from './corpus.mjs'
import { faults } from './judge.mjs'
import { runBombs } from './run.mjs'

const { values } = parseArgs({
  options: { limits: { type: 'string', default: '32,64,128' }, only: { type: 'string' }, jobs: { type: 'string', default: '2' }, json: { type: 'string' } },
})
const limits = values.limits.split(',').map(Number)
const names = Object.keys(bombs).filter((name) => values.only === undefined || name.includes(values.only) || bombs[name].group === values.only)

const all = []
let faulty = 0
console.log(`${'limit'.padStart(6)} ${'kind'.padEnd(48)} ${'outcome'.padEnd(18)} ${'peak MB'.padStart(8)} ${'factor'.padStart(7)} ${'kept MB'.padStart(8)} ${'ms'.padStart(7)} ${'others ms'.padStart(10)}`)
for (const limitMb of limits) {
  const jobs = Array.from({ length: Number(values.jobs) }, (_, job) => names.filter((_, index) => index % Number(values.jobs) === job))
  await Promise.all(jobs.map((part) => runBombs(part, { limitMb, onReport: (report) => print(limitMb, report) })))
}
summarise()
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(all, null, 1)}\n`)
if (faulty > 0) process.exitCode = 1

function print(limitMb, report) {
  all.push({ limitMb, ...report })
  const { name, outcome, peakMb = NaN, keptMb = NaN, ms = NaN, slowestMs = NaN } = report
  console.log(
    `${String(limitMb).padStart(6)} ${name.padEnd(48)} ${outcome.padEnd(18)} ${String(peakMb).padStart(8)} ${(peakMb / limitMb).toFixed(2).padStart(7)} ${String(keptMb).padStart(8)} ${String(ms).padStart(7)} ${String(slowestMs).padStart(10)}`,
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
    const kept = own.toSorted((a, b) => b.keptMb - a.keptMb).slice(0, 3)
    console.log(`\n${own.length} kinds at ${limitMb} MB. Highest peaks: ${worst.map(({ name, peakMb }) => `${name} ${peakMb} MB`).join(', ')}`)
    console.log(`  kept most: ${kept.map(({ name, keptMb }) => `${name} ${keptMb} MB`).join(', ')}`)
  }
  console.log(`\n${faulty} faults`)
}
