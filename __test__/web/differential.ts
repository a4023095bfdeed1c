// The same program in an isolate with the web bridge and in this very process: the answers must be equal.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSnapshot, createIsolate, webBridge } from 'isoseed'
import type { Isolate } from 'isoseed'

/** A program, the body of an async function that returns plain data. */
export interface Case {
  name: string
  code: string
  /** The answer, where it is not compared with this Node's: that has not the feature, or another form of it. */
  expected?: unknown
  /** Why the answer differs from Node's. */
  differs?: string
}

const prelude = `
  const caught = (program) => { try { return ['returned', program()] } catch (error) { return ['threw', error.constructor.name, error.name] } }
  const rejected = async (promise) => { try { return ['fulfilled', await promise] } catch (error) { return ['rejected', error?.constructor?.name, error?.name] } }
  const bytes = (source) => [...new Uint8Array(source.buffer ?? source, source.byteOffset, source.byteLength)]
  const all = async (stream) => { const found = []; for await (const chunk of stream) found.push(chunk); return found }
`

const AsyncFunction = (async () => {}).constructor as new (code: string) => () => Promise<unknown>

/** What cases of one kind have in common: a row of a table becomes a program. */
export function table(name: string, rows: readonly (readonly unknown[])[], program: string): Case[] {
  return rows.map((row) => ({
    name: `${name}: ${JSON.stringify(row)}`,
    code: `const row = ${JSON.stringify(row)}; ${program}`,
  }))
}

/** Compares each case. */
export function compare(title: string, cases: readonly Case[]): void {
  describe(`${title}`, () => {
    let isolate: Isolate<Record<string, never>>

    beforeAll(async () => {
      isolate = await createIsolate({ snapshot: await buildSnapshot({ bridge: webBridge }) })
    })

    afterAll(async () => {
      await isolate.dispose()
    })

    const run = (code: string) => isolate.eval(`(async () => {${prelude}\n${code}\n})()`)
    const runHere = (code: string) => new AsyncFunction(`${prelude}\n${code}`)()

    it.each(cases.filter(({ expected }) => expected === undefined))('$name', async ({ code }) => {
      expect(await run(code)).toEqual(await runHere(code))
    })

    it.each(cases.filter(({ expected }) => expected !== undefined))('$name: not as in Node', async ({ code, expected }) => {
      expect(await run(code)).toEqual(expected)
    })

    // A difference that is listed and is none has to go. Later versions of Node may have caught up.
    const listed = process.version.startsWith('v20.') ? cases.filter(({ differs }) => differs !== undefined) : []
    it.each(listed)('$name: Node differs, because $differs', async ({ code, expected }) => {
      expect(await runHere(code).catch(String)).not.toEqual(expected)
    })
  })
}
