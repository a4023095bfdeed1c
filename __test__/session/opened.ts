// Sessions that are closed after each test, and stores that fail.
import { openSession, openStore } from 'isoseed'
import type { OpenSessionOptions, Session, Store } from 'isoseed'
import { afterAll, afterEach, beforeAll } from 'vitest'

let store: Store
beforeAll(async () => {
  store = await openStore('memory:')
})
afterAll(() => store.close())

const opened: Session[] = []
afterEach(() => Promise.all(opened.splice(0).map((session) => session.close().catch(() => undefined))))

let ids = 0
export const newId = (): string => `session-${(ids += 1)}`

/** Opens a session of the file's own store in memory. */
export async function open(id: string, options: Partial<OpenSessionOptions> = {}): Promise<Session> {
  const session = await openSession(id, { store, timeoutMs: 5000, ...options })
  opened.push(session)
  return session
}

/** Makes a session with one step, and closes it. */
export async function leave(id: string, code: string, options: Partial<OpenSessionOptions> = {}): Promise<void> {
  const session = await open(id, options)
  await session.eval(`${code}; 0`)
  await session.close()
}

/** The file's own store. */
export const ownStore = (): Store => store

/** A store with other methods. */
export function instead(original: Store, methods: Partial<Store>): Store {
  return new Proxy(original, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
