import { isBuiltin } from 'node:module'
import type { BuildFailure, Message } from 'esbuild'
import { IsoseedError } from '../index.js'

/** More errors than these are counted, not listed. */
const MOST_LISTED = 10

const BUILTIN_HINT =
  "an isolate has none of Node's modules: replace them by a plugin, or list them in external if they are only " +
  'required by code that never runs in an isolate'

/** What is wrong with the input, found by us rather than by esbuild. */
export class Problem extends Error {}

/** The error for what esbuild, a plugin or a check of ours threw. */
export function failure(entry: string, cause: unknown): IsoseedError {
  const what = `can't bundle ${JSON.stringify(entry)}`
  if (cause instanceof Problem) return new IsoseedError('ERR_BUNDLE', `${what}: ${cause.message}`)
  const messages = messagesOf(cause)
  const lines = messages.map(describe)
  if (lines.length === 0) lines.push(String((cause as Partial<Error> | null)?.message ?? cause))
  const listed = lines.slice(0, MOST_LISTED)
  if (lines.length > listed.length) listed.push(`and ${lines.length - listed.length} more`)
  if (messages.some((message) => unresolvedBuiltin(message) !== undefined)) listed.push(BUILTIN_HINT)
  const list = listed.length === 1 ? ` ${listed[0]}` : listed.map((line) => `\n  ${line}`).join('')
  return new IsoseedError('ERR_BUNDLE', `${what}:${list}`, { cause })
}

/** Whether that is all that keeps an entry from being CommonJS. */
export function hasTopLevelAwait(error: unknown): boolean {
  const messages = messagesOf(error)
  return messages.length > 0 && messages.every(({ text }) => text.startsWith('Top-level await is currently not supported'))
}

/** @throws `Problem` */
export function refuseRequireInModule(names: readonly string[]): void {
  const [name] = names
  if (name === undefined) return
  throw new Problem(
    `${JSON.stringify(name)} is external and a CommonJS module asks for it by require, which an ES module does not have, ` +
      'and top-level await makes this one: bundle it, or take the top-level await away',
  )
}

function messagesOf(error: unknown): readonly Message[] {
  const errors = (error as Partial<BuildFailure> | null)?.errors
  return Array.isArray(errors) ? errors : []
}

/** One error as `file:line:column: text`; esbuild counts columns from 0. */
function describe(message: Message): string {
  const { text, location, pluginName } = message
  const plugin = pluginName === '' || pluginName.startsWith('isoseed-') ? '' : `[plugin ${pluginName}] `
  const where = location === null ? '' : `${location.file}:${location.line}:${location.column + 1}: `
  const builtin = unresolvedBuiltin(message)
  const what = builtin === undefined ? [text, ...notesOf([message])].join('. ') : `"${builtin}" is a module of Node.js`
  return `${where}${plugin}${what}`
}

function unresolvedBuiltin({ text }: Message): string | undefined {
  const [, name] = /^Could not resolve "(.+)"$/.exec(text) ?? []
  return name !== undefined && isBuiltin(name) ? name : undefined
}

/** What esbuild adds to its errors, without advice about options that `bundle` does not have. */
function notesOf(messages: readonly Message[]): string[] {
  const notes = messages.flatMap((message) => message.notes.map(({ text }) => text))
  return notes.filter((text) => !/You can (?:mark|use)|esbuild|platform|was triggered by/.test(text))
}
