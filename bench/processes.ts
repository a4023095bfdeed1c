// The contenders as seen from main.ts: each in its own process, one turn at a time.
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Reply, Request } from './contender.ts'
import { SESSIONS_A_TURN, floorFile } from './work.ts'
import type { Work } from './work.ts'

export interface Process {
  firstResult(): Promise<number>
  roundTrip(calls: number): Promise<number>
  end(): Promise<void>
}

const TURN_LIMIT_MS = 60_000

/** A long-lived Node process that does one turn on request; ready when the promise is fulfilled. */
export async function nodeProcess(name: 'isoseed' | 'prewarmed' | 'worker' | 'vm'): Promise<Process> {
  // Beside this module, as scripts/run.mjs makes them.
  const child = fork(fileURLToPath(new URL('contender.mjs', import.meta.url)), [name], { stdio: 'inherit' })
  const ended = once(child, 'exit').then(([code, signal]) => `its process ended with ${signal ?? `exit code ${code}`}`)

  const answer = async (): Promise<Reply> => {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), TURN_LIMIT_MS)
    try {
      const [reply] = (await Promise.race([
        once(child, 'message', { signal: limit.signal }),
        ended.then((reason) => [{ kind: 'failed', reason }]),
      ])) as [Reply]
      return reply
    } catch {
      child.kill('SIGKILL')
      return { kind: 'failed', reason: `no answer within ${TURN_LIMIT_MS / 1000} s` }
    } finally {
      clearTimeout(timer)
      limit.abort()
    }
  }
  const turn = async (request: Request): Promise<number> => {
    child.send(request)
    return measured(await answer())
  }

  const first = await answer()
  if (first.kind !== 'ready') {
    child.kill()
    measured(first)
  }
  return {
    firstResult: () => turn({ kind: 'firstResult' }),
    roundTrip: (calls) => turn({ kind: 'roundTrip', calls }),
    async end() {
      if (child.connected) child.disconnect()
      child.kill()
      await ended
    },
  }
}

function measured(reply: Reply): number {
  if (reply.kind !== 'measured') throw new Error(reply.kind === 'failed' ? reply.reason : 'it answered out of turn')
  return reply.ms
}

/** What the Rust program prints for each of its rounds. */
interface FloorRound {
  isolateMs: number
  contextMs: number
  scriptMs: number
}

/** The same V8 and snapshot without Node: a process for each turn. */
export async function floorProcess({ snapshotFile, script }: Work): Promise<Process> {
  const firstResult = async (): Promise<number> => {
    const { stdout } = await promisify(execFile)(floorFile, [snapshotFile, script, String(SESSIONS_A_TURN)], { timeout: TURN_LIMIT_MS })
    const rounds = stdout.trim().split('\n').map((line) => JSON.parse(line) as FloorRound)
    const { isolateMs, contextMs, scriptMs } = rounds.at(-1)!
    const ms = isolateMs + contextMs + scriptMs
    if (!Number.isFinite(ms) || rounds.length !== SESSIONS_A_TURN) throw new Error(`it printed ${stdout}`)
    return ms
  }
  await firstResult()
  return {
    firstResult,
    roundTrip: () => Promise.reject(new Error('the floor has no calls')),
    end: () => Promise.resolve(),
  }
}
