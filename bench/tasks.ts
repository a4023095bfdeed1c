// What a contender's process can be asked to do. Each task takes its times in the same way for all contenders, and
// checks every answer.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender, Session } from './adapters/adapter.ts'
import { anonymousMb, census, collectGarbage, hostCpuMs, loopDelay, youngMb } from './observe.ts'
import type { Census, Request, Turn, Way, Work } from './protocol.ts'
import { median, quantile, slope } from './statistics.ts'

export type Of<Task extends Request['task']> = Extract<Request, { task: Task }>

/** More sessions than these say nothing more about a turn. */
const MOST_SESSIONS_A_TURN = 20

/** From nothing to the first answer, one session after the other. The first one is not counted: another contender's code and data were in the processor's caches. */
export async function first(contender: Contender, work: Work, { budgetMs, held = false }: Of<'first'>): Promise<Turn> {
  const samples: number[] = []
  const opened: number[] = []
  const begun = performance.now()
  for (let count = 0; count <= MOST_SESSIONS_A_TURN; count += 1) {
    const ready = held ? await heldSession(contender) : undefined
    const started = performance.now()
    const session = ready ?? (await contender.open())
    const there = performance.now()
    const answer = await session.eval(work.call)
    const ended = performance.now()
    check(answer, work.expected)
    await session.dispose()
    if (count === 0) continue
    samples.push(ended - started)
    opened.push(there - started)
    if (count >= 2 && performance.now() - begun > budgetMs) break
  }
  return { samples, figures: { openMs: median(opened), callMs: median(samples.map((ms, index) => ms - opened[index]!)) } }
}

/** A session that has answered before; none where the contender makes them ready itself. */
async function heldSession(contender: Contender): Promise<Session | undefined> {
  if (contender.hold !== undefined) {
    await contender.hold()
    return undefined
  }
  const session = await contender.open()
  await session.eval('1')
  return session
}

/** Warm calls of a session that stays, in µs; with a size, of a list of records that comes back. */
export async function call(contender: Contender, { size, atOnce, budgetMs }: Of<'call'>): Promise<Turn> {
  const session = await contender.open()
  await session.eval('var visits = 0; globalThis.visit = () => ++visits; globalThis.echo = (value) => value; 0')
  const payload = size === 0 ? undefined : records(size)
  const bound = await session.bind(size === 0 ? 'visit' : 'echo')
  let last: unknown
  const many = async (): Promise<number> => {
    last = await bound(payload)
    if (atOnce > 1) await Promise.all(Array.from({ length: atOnce - 1 }, () => bound(payload)))
    return atOnce
  }
  const warm = await during(budgetMs / 10, many)
  const { count, ms, cpuMs } = await during(budgetMs, many)
  const answer = await bound(payload)
  if (size === 0) check(answer, warm.count + count + 1)
  else check(JSON.stringify(answer) + JSON.stringify(last), JSON.stringify(payload).repeat(2))
  await session.dispose()
  return { samples: [(ms * 1e3) / count], figures: { hostCpuUs: (cpuMs * 1e3) / count } }
}

/** Does something again and again for so long, at least once: how often it was done, and what time that took. */
export async function during(budgetMs: number, something: () => Promise<number>): Promise<{ count: number; ms: number; cpuMs: number }> {
  const [cpu, started] = [hostCpuMs(), performance.now()]
  let count = 0
  while (count === 0 || performance.now() - started < budgetMs) count += await something()
  return { count, ms: performance.now() - started, cpuMs: hostCpuMs() - cpu }
}

/** A list whose JSON is about so many bytes. */
export function records(size: number): { id: number; name: string; tags: string[]; price: number }[] {
  const record = (id: number) => ({ id, name: `record ${id}`, tags: ['small', 'blue'], price: id * 1.25 })
  const length = JSON.stringify(record(Math.floor(size / 100))).length + 1
  return Array.from({ length: Math.max(1, Math.round(size / length)) }, (_, id) => record(id))
}

/** How late the host's event loop is, 99th percentile, while sessions are created and answer. */
export async function loop(contender: Contender, work: Work, { sessions, idleMs }: Of<'loop'>): Promise<Turn> {
  const all: Session[] = []
  const { p50Ms, p99Ms, maxMs } = await loopDelay(async () => {
    if (sessions === 0) await sleep(idleMs)
    while (all.length < sessions) {
      const session = await contender.open()
      all.push(session)
      check(await session.eval(work.call), work.expected)
      // As between two requests: what a contender does in this thread is seen as a delay.
      await sleep(0)
    }
  })
  await Promise.all(all.map((session) => session.dispose()))
  return { samples: [p99Ms], figures: { p50Ms, maxMs } }
}

/** Sessions a second: created, asked and disposed. */
export async function throughput(contender: Contender, work: Work, { atOnce, ms }: Of<'throughput'>): Promise<Turn> {
  let done = 0
  const started = performance.now()
  await inLanes(atOnce, async () => {
    if (performance.now() - started > ms) return false
    await comeAndGo(contender, work)
    done += 1
    return true
  })
  return { samples: [(done / (performance.now() - started)) * 1e3] }
}

async function comeAndGo(contender: Contender, work: Work): Promise<void> {
  const session = await contender.open()
  check(await session.eval(work.call), work.expected)
  await session.dispose()
}

export async function inLanes(lanes: number, next: () => Promise<boolean>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (await next());
  }))
}

/** KiB that a session adds to the process: the slope over the counts, of sessions that have answered once. */
export async function memory(contender: Contender, work: Work, { counts }: Of<'memory'>): Promise<Turn> {
  const all: Session[] = []
  const rows: Census[] = []
  await comeAndGo(contender, work)
  let createMs: number[] = []
  for (const count of counts) {
    while (all.length < count) {
      const started = performance.now()
      const session = await contender.open()
      check(await session.eval(work.call), work.expected)
      createMs.push(performance.now() - started)
      all.push(session)
    }
    rows.push(census(count, median(createMs)))
    createMs = []
  }
  await Promise.all(all.map((session) => session.dispose()))
  const kib = (most: number): number => slope(rows.filter(({ sessions }) => sessions <= most).map(({ sessions, pssMb }) => [sessions, pssMb * 1024]))
  return { samples: [kib(Infinity)], figures: { kibToThousand: kib(1000) }, census: rows }
}

export async function build(contender: Contender): Promise<Turn> {
  if (contender.build === undefined) throw new Error('it has nothing to build')
  const started = performance.now()
  const bytes = await contender.build()
  return { samples: [performance.now() - started], figures: { mib: bytes / 2 ** 20 } }
}

/** In ms, by the host's clock; the first runs let the compiler find out what is hot. */
export async function jit(contender: Contender, work: Work): Promise<Turn> {
  const session = await contender.open()
  const samples: number[] = []
  for (let run = -2; run < 3; run += 1) {
    const started = performance.now()
    const answer = await session.eval(work.call)
    if (run >= 0) samples.push(performance.now() - started)
    check(answer, work.expected)
  }
  await session.dispose()
  return { samples }
}

/** In MB/s. */
export async function values(contender: Contender, { way, size, budgetMs }: Of<'values'>): Promise<Turn> {
  const session = await contender.open()
  await session.eval('globalThis.take = (bytes) => bytes.byteLength; globalThis.give = (size) => new Uint8Array(size).fill(1); 0')
  const operation = await valueOperation(session, way, size)
  await during(budgetMs / 10, operation)
  const { count, ms, cpuMs } = await during(budgetMs, operation)
  await session.dispose()
  return { samples: [(size * count) / 1e6 / (ms / 1e3)], figures: { hostCpuMs: cpuMs / count } }
}

async function valueOperation(session: Session, way: Way, size: number): Promise<() => Promise<number>> {
  const kept = new Uint8Array(size).fill(1)
  const [take, give] = [await session.bind('take'), await session.bind('give')]
  const taken = (length: unknown): number => {
    check(length, size)
    return 1
  }
  const given = (bytes: unknown): number => {
    check([(bytes as Uint8Array).byteLength, (bytes as Uint8Array).at(-1)].join(), `${size},1`)
    return 1
  }
  const moves = (): NonNullable<Session['move']> => {
    if (session.move === undefined) throw new Error('it moves nothing')
    return session.move
  }
  switch (way) {
    case 'in, copied': return async () => taken(await take(kept))
    case 'out, copied': return async () => given(await give(size))
    // Making the bytes is the same for all, and counted.
    case 'in, moved': return async () => taken(await moves().in('take', new Uint8Array(size).fill(1)))
    case 'out, moved': return async () => given(await moves().out('give', size))
  }
}

/**
 * Times are of a session each. Memory at the end is compared with that after a tenth, the last fifth's 99th percentile with
 * the first's.
 */
export async function churn(contender: Contender, work: Work, { sessions, atOnce }: Of<'churn'>): Promise<Turn> {
  const samples: number[] = []
  const share = Math.max(1, Math.floor(sessions / 10))
  const held = (): { memoryMb: number; youngMb: number } => {
    collectGarbage()
    return { memoryMb: anonymousMb(), youngMb: youngMb() }
  }
  let early = held()
  await inLanes(atOnce, async () => {
    if (samples.length >= sessions) return false
    const started = performance.now()
    await comeAndGo(contender, work)
    samples.push(performance.now() - started)
    if (samples.length === share) early = held()
    return true
  })
  const late = held()
  const p99 = (part: number[]): number => quantile(part, 0.99)
  return {
    samples,
    figures: {
      sessions: samples.length,
      memoryRatio: (late.memoryMb - late.youngMb) / (early.memoryMb - early.youngMb),
      wholeRatio: late.memoryMb / early.memoryMb,
      memoryMb: late.memoryMb,
      youngMb: late.youngMb,
      p99Ratio: p99(samples.slice(-2 * share)) / p99(samples.slice(0, 2 * share)),
    },
  }
}

/** A wrong answer is a failure of the contender. */
export function check(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`wrong answer: ${String(actual).slice(0, 100)}, expected ${String(expected).slice(0, 100)}`)
}
