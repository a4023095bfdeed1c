// isoseed with `process: true` as the default: what the tests of the `process` project import as `isoseed`.
import { createIsolate as create, openSession as open } from '../../index.js'
import type { CreateIsolateOptions, Isolate, OpenSessionOptions, Session } from '../../index.js'

export * from '../../index.js'

export function createIsolate<Api extends object = Record<string, any>>(options?: CreateIsolateOptions): Promise<Isolate<Api>> {
  return create<Api>(inProcess(options ?? {}))
}

export function openSession<Api extends object = Record<string, any>>(id: string, options: OpenSessionOptions): Promise<Session<Api>> {
  return open<Api>(id, inProcess(options))
}

/** As they are, getters too, if they are options at all. */
function inProcess<Options extends CreateIsolateOptions>(options: Options): Options {
  if (Object.prototype.toString.call(options) !== '[object Object]' || 'process' in options) return options
  try {
    return Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(options), process: { value: true, enumerable: true } }) as Options
  } catch {
    return options
  }
}
