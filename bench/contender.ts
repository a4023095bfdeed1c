// One contender in a process of its own, started by main.ts: does one turn for each message.
//   node contender.mjs isoseed | worker | vm
import { deepStrictEqual } from 'node:assert'
import { SESSIONS_A_TURN, readWork } from './work.ts'
import type { Work } from './work.ts'

export interface Contender {
  /** From nothing to the first answer; cleans up after the time was taken. */
  firstResult(): Promise<{ ms: number; answer: unknown }>
  /** Milliseconds of one warm call and its answer, the mean over so many in a row. */
  roundTrip?(calls: number): Promise<number>
}

export type Request = { kind: 'firstResult' } | { kind: 'roundTrip'; calls: number }
export type Reply = { kind: 'ready' } | { kind: 'measured'; ms: number } | { kind: 'failed'; reason: string }

/** Before the first measured one: the contender's own code is compiled, its files are in memory. */
const WARM_UP_TURNS = 1

// Each module is loaded only in its own process, so that the addon is in no one else's.
const makers: Record<string, () => Promise<(work: Work) => Promise<Contender>>> = {
  isoseed: async () => (await import('./isoseed.ts')).makeIsoseed,
  prewarmed: async () => (await import('./isoseed.ts')).makePrewarmed,
  worker: async () => (await import('./worker.ts')).makeWorker,
  vm: async () => (await import('./vm.ts')).makeVm,
}

const reply = (message: Reply): void => void process.send!(message)

try {
  const work = await readWork()
  const make = await makers[process.argv[2]!]!()
  const contender = await make(work)

  const turn = async (request: Request): Promise<number> => {
    if (request.kind === 'roundTrip') return contender.roundTrip!(request.calls)
    let last = 0
    for (let session = 0; session < SESSIONS_A_TURN; session += 1) {
      const { ms, answer } = await contender.firstResult()
      // By way of JSON: node:vm's answers have another realm's prototypes.
      deepStrictEqual(JSON.parse(JSON.stringify(answer)), work.expected)
      last = ms
    }
    return last
  }

  for (let count = 0; count < WARM_UP_TURNS; count += 1) await turn({ kind: 'firstResult' })
  process.on('message', (request: Request) => {
    turn(request).then((ms) => reply({ kind: 'measured', ms }), fail)
  })
  reply({ kind: 'ready' })
} catch (error) {
  fail(error)
}

function fail(error: unknown): void {
  reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) })
}
