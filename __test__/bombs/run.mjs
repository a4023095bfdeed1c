// Runs bombs in child processes, and says of each what became of it.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url))
const PAGE_MB = 4096 / 2 ** 20
const POLL_MS = 20

/** Children at once: more would only make each other late. */
const MOST_AT_ONCE = 2
let running = 0
const waiting = []

/**
 * Runs the named bombs under one limit, one after the other, in as many child processes as they need.
 * `inProcess`: each isolate in a process of its own. `onReport` hears of each as it ends. A bomb that ends its
 * process, hangs it, or takes more than `mostMb` has an outcome of `process: ...`.
 */
export async function runBombs(names, options) {
  if (running >= MOST_AT_ONCE) await new Promise((resolve) => waiting.push(resolve))
  running++
  try {
    return await runAll(names, options)
  } finally {
    running--
    waiting.shift()?.()
  }
}

async function runAll(names, { limitMb, inProcess = false, mostMb = 4096, mostMs = 150_000, onReport = () => {} }) {
  const reports = []
  let left = [...names]
  while (left.length > 0) {
    const batch = await runChild(left, { limitMb, inProcess, mostMb, mostMs, onReport })
    reports.push(...batch)
    left = left.slice(batch.length)
  }
  return reports
}

function runChild(names, { limitMb, inProcess, mostMb, mostMs, onReport }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, String(limitMb), JSON.stringify(names), ...(inProcess ? ['process'] : [])], { stdio: ['ignore', 'pipe', 'pipe'] })
    const reports = []
    let current
    let killedFor
    let stderr = ''
    let timer
    const kill = (why) => {
      killedFor ??= why
      child.kill('SIGKILL')
    }
    const poll = setInterval(() => {
      if (residentMb(child.pid) > mostMb) kill(`more than ${mostMb} MB`)
    }, POLL_MS)
    const finish = (report) => {
      report.stderr = stderr.slice(0, 2000)
      stderr = ''
      reports.push(report)
      onReport(report)
    }
    child.stderr.on('data', (chunk) => (stderr += chunk))
    createInterface({ input: child.stdout }).on('line', (line) => {
      clearTimeout(timer)
      if (line.startsWith('begin ')) {
        current = line.slice('begin '.length)
        timer = setTimeout(kill, mostMs, `more than ${mostMs} ms`)
      } else if (line.startsWith('end ')) {
        finish(JSON.parse(line.slice('end '.length)))
        current = undefined
      }
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearInterval(poll)
      clearTimeout(timer)
      if (current !== undefined) finish({ name: current, outcome: `process: ${killedFor ?? signal ?? `exit code ${code}`}` })
      else if (code !== 0 || reports.length === 0) return reject(new Error(`the child ended with ${signal ?? code}: ${stderr}`))
      resolve(reports)
    })
  })
}

function residentMb(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_MB
  } catch {
    return 0
  }
}
