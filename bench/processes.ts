// A contender as seen from main.ts: a process of its own that does one turn on request.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Reply, Request, Turn } from './protocol.ts'

/** A contender that needs longer for the few sessions of a turn has lost, and would hold up all others. */
const TURN_LIMIT_MS = 60_000
/** For what is long by its nature. */
const LONG_TURN_LIMIT_MS = 900_000
const LONG_TASKS: ReadonlySet<Request['task']> = new Set(['memory', 'churn', 'busy', 'loop', 'build', 'visits'])
/** So much of what a process wrote to its standard error is told when it ends without a word. */
const LAST_WORDS = 300

/** A contender that is not there: it is left out and shown with this reason. */
export class Skipped extends Error {}

export class ContenderProcess {
  readonly version: string
  readonly #ask: (request?: Request) => Promise<Reply>
  readonly #end: () => Promise<void>

  private constructor(version: string, ask: (request?: Request) => Promise<Reply>, end: () => Promise<void>) {
    this.version = version
    this.#ask = ask
    this.#end = end
  }

  /** Starts a program that speaks the protocol; fulfilled when it is ready, rejected with why it is not. */
  static async start(program: string, args: readonly string[]): Promise<ContenderProcess> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    // A process that is gone is noticed by its end; what was written to it does not matter then.
    child.stdin.on('error', () => {})
    let words = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS)))
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`it could not be started: ${error.message}`))
      child.once('close', (code, signal) => resolve(`its process ended with ${signal ?? `exit code ${code}`}${words && `: ${words.trim().replaceAll(/\s+/g, ' ')}`}`))
    })
    const ask = async (request?: Request): Promise<Reply> => {
      const limitMs = request !== undefined && LONG_TASKS.has(request.task) ? LONG_TURN_LIMIT_MS : TURN_LIMIT_MS
      let late = false
      const limit = setTimeout(() => {
        late = true
        child.kill('SIGKILL')
      }, limitMs)
      if (request !== undefined) child.stdin.write(`${JSON.stringify(request)}\n`)
      const { value: line, done } = await lines.next()
      clearTimeout(limit)
      if (!done) return replyFrom(line)
      const reason = await ended
      return { kind: 'failed', reason: late ? `no answer within ${limitMs / 1000} s` : reason }
    }
    const end = async (): Promise<void> => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) await once(child, 'close')
    }
    const first = await ask()
    if (first.kind === 'ready') return new ContenderProcess(first.version, ask, end)
    await end()
    if (first.kind === 'missing') throw new Skipped(first.reason)
    throw new Error(first.kind === 'failed' ? first.reason : 'it answered before it was asked')
  }

  async turn(request: Request): Promise<Turn> {
    const reply = await this.#ask(request)
    if (reply.kind === 'turn') return reply.turn
    throw new Error(reply.kind === 'ready' ? 'it answered out of turn' : reply.reason)
  }

  /** Ends the process, whatever it does. */
  end(): Promise<void> {
    return this.#end()
  }
}

function replyFrom(line: string): Reply {
  try {
    return JSON.parse(line) as Reply
  } catch {
    return { kind: 'failed', reason: `it wrote what is no reply: ${line.slice(0, LAST_WORDS)}` }
  }
}
