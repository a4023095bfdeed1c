import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { buildSnapshot, createIsolate } from '../../index.js'
import type { Snapshot } from '../../index.js'

const read = (name: string): string => readFileSync(join(__dirname, name), 'utf8').trim()
const DESCRIBE = read('describe.js')
const BUILTINS = read('builtins.js')

/** What a program came to, in words. */
export interface Answer {
  answer: string
  /** The same without the messages of errors, which each engine words in its own way. */
  withoutMessages: string
}

/** Something that runs JavaScript; each call in a realm of its own. */
export interface Engine {
  run(code: string): Promise<Answer>
  /** One line for each built-in property; of the given globals only, if there are any given. */
  builtins(names?: readonly string[]): Promise<string[]>
}

/** An isolate for each program, from a snapshot or blank. */
export function isolates(snapshot?: Snapshot): Engine {
  const options = snapshot === undefined ? {} : { snapshot }
  return {
    async run(code) {
      await using isolate = await createIsolate(options)
      const prepared = `{
        const [describe, evaluate] = [${DESCRIBE}, eval]
        Object.defineProperty(globalThis, 'differential', { value: (code) => describe(code, evaluate), configurable: true })
      }
      0`
      await isolate.eval(prepared)
      return await isolate.call<Answer>('differential', [code])
    },
    async builtins(names) {
      await using isolate = await createIsolate(options)
      if (names !== undefined) await isolate.eval(`globalThis.differentialNames = ${JSON.stringify(names)}; 0`)
      return await isolate.eval<string[]>(BUILTINS)
    },
  }
}

/** Plain Node.js: a context of its own for each program, with ECMAScript's globals only. */
export const node: Engine = {
  async run(code) {
    const context = createContext()
    const describe = runInContext(DESCRIBE, context) as (code: string, evaluate: unknown) => Promise<Answer>
    return { ...(await describe(code, runInContext('eval', context))) }
  },
  builtins(names) {
    const context = createContext(names === undefined ? {} : { differentialNames: names })
    return Promise.resolve(Array.from(runInContext(BUILTINS, context) as string[]))
  },
}

/** Whether this Node.js has what an expression names. */
export function nodeKnows(expression: string): boolean {
  return runInContext(`(() => { try { return (${expression}) !== undefined } catch { return false } })()`, createContext()) as boolean
}

/** A snapshot with a library and with all the stand-ins that the builder has for what V8 adds late. */
export function snapshots(): Promise<Record<string, Snapshot>> {
  const held = `const held = [Promise.try, WebAssembly, Temporal, Error.stackTraceLimit, Math.sumPrecise, Iterator.concat, Map.prototype.getOrInsert,
    DisposableStack, Float16Array, RegExp.escape, new Intl.NumberFormat('en')]; globalThis.heldLate = () => held.length`
  return buildAll({
    'a small snapshot': 'globalThis.bundled = (x) => x + 1',
    'a snapshot that holds late built-ins': held,
  })
}

async function buildAll(bundles: Record<string, string>): Promise<Record<string, Snapshot>> {
  const built: Record<string, Snapshot> = {}
  for (const [name, bundle] of Object.entries(bundles)) built[name] = await buildSnapshot({ bundle })
  return built
}
