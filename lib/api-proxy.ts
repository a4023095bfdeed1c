import { invalidArg, show } from './errors.js'

/** Calls a function of the guest. */
export type Caller = (path: string, args: unknown[]) => Promise<unknown>

/** What `await` and `JSON.stringify` look for in any object: an `api` must not answer with a function. */
const RESERVED: ReadonlySet<string> = new Set(['then', 'toJSON'])

/**
 * An object whose every member is a remote function, and an object of remote
 * functions: `api.math.add(1, 2)` calls `math.add`. Members are made when they
 * are first asked for and stay the same; whether the guest has such a function
 * shows when it is called.
 */
export function makeApi(call: Caller): object {
  return makeNode({}, '', call)
}

function makeNode(target: object, path: string, call: Caller): object {
  const members = new Map<string, object>()
  return new Proxy(target, {
    get(_, name) {
      if (typeof name === 'symbol' || RESERVED.has(name)) return undefined
      const known = members.get(name)
      if (known !== undefined) return known
      if (name === '' || name.includes('.')) {
        throw invalidArg(`isolate.api: a name must be neither empty nor contain a dot, got ${show(name)}`)
      }
      const memberPath = path === '' ? name : `${path}.${name}`
      const member = makeNode((...args: unknown[]) => call(memberPath, args), memberPath, call)
      members.set(name, member)
      return member
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
    preventExtensions: refuse,
  })
}

/** The guest's functions can't be replaced from outside. */
function refuse(): boolean {
  return false
}
