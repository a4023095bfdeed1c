import { inspect } from 'node:util'
import { Snapshot, createIsolate } from '../index.js'
import { EXIT, Failure } from './command.js'
import type { Command } from './command.js'
import { printable } from './terminal.js'

/** `isoseed run`. */
export const run: Command = {
  options: {
    eval: { type: 'string', short: 'e' },
    timeout: { type: 'string' },
    memory: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ args, out, texts }) {
    const file = args.single('<file>')
    const code = args.required('eval', 'say what to evaluate with -e')
    const limits = args.limits()
    texts.set('eval.js', code)
    const isolate = await createIsolate({ snapshot: await Snapshot.load(file), ...limits })
    try {
      const value = await isolate.eval(code)
      out.line(args.flag('json') ? toJson(value) : printable(inspect(value, { colors: out.colors, depth: 6 })))
    } finally {
      await isolate.dispose()
    }
    return EXIT.ok
  },
}

/** `null` for what JSON leaves out, so that there is always a value. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (error) {
    throw new Failure(`the result can't be written as JSON: ${(error as Error).message.split('\n')[0]}`)
  }
}
