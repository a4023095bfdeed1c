// Many sessions that are all busy at once: whether they get on alike, and how late the host's event loop is.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender, Session } from './adapters/adapter.ts'
import { loopDelay } from './observe.ts'
import type { LoopDelay } from './observe.ts'
import type { Request, Turn } from './protocol.ts'
import { quantile } from './statistics.ts'

/** The sample is what the slowest session got done, as a share of the median. */
export async function busy(contender: Contender, { isolates, busy: busyCount, seconds, idleMs }: Extract<Request, { task: 'busy' }>): Promise<Turn> {
  const figures: Record<string, number> = {}
  const note = (name: string, { p50Ms, p99Ms, maxMs }: LoopDelay): void => void Object.assign(figures, { [`${name} p50`]: p50Ms, [`${name} p99`]: p99Ms, [`${name} max`]: maxMs })

  note('idle', await loopDelay(() => sleep(idleMs / 2)))
  const sessions: Session[] = []
  note('creating', await loopDelay(async () => {
    while (sessions.length < isolates) sessions.push(await contender.open())
  }))

  const before = process.cpuUsage()
  await sleep(idleMs)
  const { user, system } = process.cpuUsage(before)
  figures['CPU ms a second, idle'] = (user + system) / idleMs

  note('using', await loopDelay(async () => {
    for (let round = 0; round < 5; round += 1) await Promise.all(sessions.map((session) => session.eval('1 + 1')))
  }))

  let counts: number[] = []
  note('busy', await loopDelay(async () => {
    const begin = Date.now() + 500
    // All begin together, so that none has had the processor for itself before.
    const spin = `(() => { while (Date.now() < ${begin}); let n = 0; while (Date.now() < ${begin + seconds * 1000}) n++; return n })()`
    counts = (await Promise.all(sessions.slice(0, busyCount).map((session) => session.eval(spin)))) as number[]
  }))
  const share = (Math.min(...counts) / quantile(counts, 0.5)) * 100

  const started = performance.now()
  note('disposing', await loopDelay(() => Promise.all(sessions.map((session) => session.dispose()))))
  figures['all disposed, ms'] = performance.now() - started
  return { samples: [share], figures }
}
