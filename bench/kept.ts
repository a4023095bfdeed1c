// Tasks with states that outlive their process: how long a change takes until it is kept, and how long it takes to have
// the state again; and how many sessions come and go in one place.
import type { Contender, Keeper, Visit, Visits } from './adapters/adapter.ts'
import { hostCpuMs } from './observe.ts'
import type { KeptIn, Turn } from './protocol.ts'
import { check, during, inLanes, records } from './tasks.ts'
import type { Of } from './tasks.ts'

/** A contender's state of each size stays from turn to turn, as it does in a service. */
const keepers = new Map<number, Promise<Keeper>>()

function keeperOf(contender: Contender, place: KeptIn, size: number): Promise<Keeper> {
  if (contender.keep === undefined) throw new Error('it keeps no state')
  const keeper = keepers.get(size) ?? contender.keep(place, size)
  keepers.set(size, keeper)
  return keeper
}

/** In ms. */
export async function keep(contender: Contender, { place, size, all, budgetMs }: Of<'keep'>): Promise<Turn> {
  const keeper = await keeperOf(contender, place, size)
  const change = async (): Promise<number> => {
    await keeper.change(all)
    return 1
  }
  await change()
  const { count, ms, cpuMs } = await during(budgetMs, change)
  return { samples: [ms / count], figures: { hostCpuMs: cpuMs / count } }
}

/** In ms. */
export async function resume(contender: Contender, { place, size, budgetMs }: Of<'resume'>): Promise<Turn> {
  const keeper = await keeperOf(contender, place, size)
  const samples: number[] = []
  const hostMs: number[] = []
  const begun = performance.now()
  while (samples.length < 2 || performance.now() - begun < budgetMs) {
    await keeper.change(false)
    await keeper.suspend()
    const [cpu, started] = [hostCpuMs(), performance.now()]
    const answer = await keeper.resume()
    samples.push(performance.now() - started)
    hostMs.push(hostCpuMs() - cpu)
    check(answer.split(',')[0], String(records(size).length))
  }
  return { samples, figures: { hostCpuMs: hostMs.reduce((sum, ms) => sum + ms, 0) / hostMs.length } }
}

/** Opened at once: more only wait for the processors. */
const LANES = 8

/** Open as long as the process is: what is in memory would be gone with it. */
let opened: Promise<Visits> | undefined
/** How many sessions this process has made there. */
let made = 0

/** New sessions a second, each opened, stepped and closed; what each of the three comes to, and once more for those that are there, is among the figures. */
export async function visits(contender: Contender, { place, sessions, again, atOnce }: Of<'visits'>): Promise<Turn> {
  if (contender.visits === undefined) throw new Error('it keeps no sessions')
  opened ??= contender.visits(place)
  const all = await opened
  const idOf = (number: number): string => `visit ${process.pid} ${number}`
  const first = made
  made += sessions
  const fresh = await visitEach(all, atOnce, Array.from({ length: sessions }, (_, index) => idOf(first + index)))
  // From all over the store; the factor is prime.
  const back = await visitEach(all, atOnce, Array.from({ length: again }, (_, index) => idOf((index * 7919) % made)))
  const whole = ({ open, step, close }: Rates): number => 1 / (1 / open + 1 / step + 1 / close)
  return { samples: [whole(fresh)], figures: { ...fresh, again: whole(back), reopen: back.open, restep: back.step, reclose: back.close } }
}

/** So many a second. */
interface Rates {
  open: number
  step: number
  close: number
}

async function visitEach(all: Visits, atOnce: number, ids: readonly string[]): Promise<Rates> {
  const ms: Rates = { open: 0, step: 0, close: 0 }
  const timed = async (phase: keyof Rates, work: () => Promise<unknown>): Promise<void> => {
    const started = performance.now()
    await work()
    ms[phase] += performance.now() - started
  }
  for (let from = 0; from < ids.length; from += atOnce) {
    const waiting = ids.slice(from, from + atOnce)
    const open: Visit[] = []
    await timed('open', () => inLanes(LANES, async () => {
      const id = waiting.pop()
      if (id === undefined) return false
      open.push(await all.open(id))
      return true
    }))
    await timed('step', () => Promise.all(open.map(async (session) => check(Number(await session.step()) >= 1, true))))
    await timed('close', () => Promise.all(open.map((session) => session.close())))
  }
  const rate = (taken: number): number => (ids.length / taken) * 1e3
  return { open: rate(ms.open), step: rate(ms.step), close: rate(ms.close) }
}
