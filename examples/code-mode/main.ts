// Code mode: a model answers with a program instead of tool calls, one at a time. The program runs in an isolate
// with the host's typed tools, a helper library from a snapshot, and limits; what it says, what it returns and how
// it fails goes back to the model. Run it with `node scripts/run.mjs examples/code-mode/main.ts`.
import assert from 'node:assert/strict'
import { transform } from 'esbuild'
import { GuestError, IsoseedError, buildSnapshot, createIsolate } from 'isoseed'
import type { Isolate } from 'isoseed'
import { forgetful, greedy, plan, retry, runaway, wrong } from './programs.ts'
import { makeTools } from './tools.ts'

/** What the model is told of its program. */
interface Outcome {
  result?: unknown
  error?: string
  /** What the program printed. */
  output: string[]
}

const LIMITS = { timeoutMs: 1000, memoryLimitMb: 32 }

/** A library that every program finds ready: evaluated once, here. */
const snapshot = await buildSnapshot({
  bundle: { name: 'library.js', code: 'globalThis.sortBy = (items, key) => [...items].sort((a, b) => a[key] - b[key])' },
})

/** A conversation: its programs share an isolate, and their host the tools. */
class Conversation implements AsyncDisposable {
  readonly booked: string[]
  /** What programs forgot to handle. It may come to light while a later one runs, and still has its program's name. */
  readonly forgotten: string[]
  readonly #isolate: Isolate
  readonly #output: string[]
  #programs = 0

  private constructor(isolate: Isolate, output: string[], forgotten: string[], booked: string[]) {
    this.#isolate = isolate
    this.#output = output
    this.forgotten = forgotten
    this.booked = booked
  }

  static async open(): Promise<Conversation> {
    const { tools, booked } = makeTools()
    const output: string[] = []
    const forgotten: string[] = []
    const isolate = await createIsolate({
      ...LIMITS,
      snapshot,
      bindings: tools,
      console: ({ level, text }) => void (output.length < 100 && output.push(`${level}: ${text}`)),
      onUnhandledRejection: ({ name, error }) => forgotten.push(`${name}: ${(error as Error).message}`),
    })
    return new Conversation(isolate, output, forgotten, booked)
  }

  /** Runs a program and collects what there is to tell. Never rejects because of the program. */
  async run(program: string): Promise<Outcome> {
    const output = this.#output
    output.length = 0
    this.#programs += 1
    const name = `program-${this.#programs}`
    // Types are taken off, not checked; the source map makes errors point into what the model wrote.
    const { code } = await transform(program, { loader: 'ts', target: 'es2022', sourcefile: `${name}.ts`, sourcemap: 'inline' })
    try {
      const result = await this.#isolate.eval({ code, name: `${name}.js`, type: 'module' })
      return { result, output: [...output] }
    } catch (error) {
      // The program's own error comes with its stack, a limit with its message; anything else is ours.
      if (error instanceof GuestError) return { error: String(error.stack), output: [...output] }
      if (error instanceof IsoseedError) return { error: `${error.code}: ${error.message}`, output: [...output] }
      throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#isolate.dispose()
  }
}

function show(title: string, { result, error, output }: Outcome): void {
  console.log(`\n${title}`)
  for (const line of output.slice(0, 12)) console.log(`  | ${line.replaceAll('\n', '\n  | ')}`)
  if (output.length > 12) console.log(`  | ... ${output.length - 12} more lines`)
  console.log(error === undefined ? `  = ${JSON.stringify(result)}` : `  ! ${error.replaceAll('\n', '\n  ! ')}`)
}

await using conversation = await Conversation.open()

const planned = await conversation.run(plan)
show('A plan with typed tools', planned)
assert.deepEqual(planned.result, { best: { id: 'TP-7', price: 180, celsius: 24 }, confirmation: 'TP-7-1' })
assert.deepEqual(planned.output.slice(0, 2), ['log: 2 flights to LIS', 'log: 1 flights to MAD'])
assert.match(planned.output[2]!, /│ 2 +│ 'IB-4' │ 150 +│ 31/)

const retried = await conversation.run(retry)
show('A tool that fails', retried)
assert.deepEqual(retried.result, ['XX-0: UNKNOWN_FLIGHT', 'TP-7: SOLD_OUT', 'LX-1: booked'])
assert.deepEqual(conversation.booked, ['TP-7', 'LX-1'])

const failed = await conversation.run(wrong)
show('A program that is wrong', failed)
assert.match(failed.error!, /^TypeError: Cannot read properties of undefined \(reading 'amount'\)\n/)
assert.match(failed.error!, /program-3\.ts:3:\d+/)
assert.ok(!failed.error!.includes('program-3.js'))

const forgotten = await conversation.run(forgetful)
show('An await that was forgotten', forgotten)
assert.equal(forgotten.result, 'done')

const endless = await conversation.run(runaway)
show('A program that never ends', endless)
assert.match(endless.error!, /^ERR_TIMEOUT/)
assert.equal(endless.output[0], 'log: still here 0')

const next = await conversation.run('export default sortBy([{ n: 2 }, { n: 1 }], "n")')
show('The next one', next)
assert.deepEqual(next.result, [{ n: 1 }, { n: 2 }])

// The tool's answer to the fourth program came after that one had ended.
console.log(`\nWhat was forgotten\n  | ${conversation.forgotten.join('\n  | ')}`)
assert.deepEqual(conversation.forgotten, ['program-4.js: there is no flight "XX-0"'])

const exhausted = await conversation.run(greedy)
show('A program that takes all the memory', exhausted)
assert.match(exhausted.error!, /^ERR_MEMORY_LIMIT/)

// That isolate is finished; the next conversation begins in about a millisecond, with nothing of this one.
await using another = await Conversation.open()
const fresh = await another.run('export default [typeof sortBy, await book("TP-7")]')
show('Another conversation', fresh)
assert.deepEqual(fresh.result, ['function', { confirmation: 'TP-7-1', price: 180 }])

console.log('\nEverything is as it should be.')
