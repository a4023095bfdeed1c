import type { NativeIsolate } from '../../native.js'
import { loadNative } from '../addon.js'
import type { Connection } from '../connection.js'
import type { ProcessLink } from './link.js'
import { pack } from './messages.js'
import type { Session } from './session.js'

/** Which process an isolate lives in. It may change until the isolate is ready. */
export interface Place {
  link: ProcessLink
}

/** Has no method of its own: `methods` gives it those of a native isolate. */
class StandIn {
  readonly connection: Connection
  readonly session: Session
  readonly place: Place

  constructor(connection: Connection, session: Session, place: Place) {
    this.connection = connection
    this.session = session
    this.place = place
  }

  get id(): number {
    return this.session.isolate
  }
}

let hasMethods = false

/** What stands for an isolate in another process: whatever method of a native isolate is called, is called there. */
export function standIn(connection: Connection, session: Session, place: Place): NativeIsolate {
  if (!hasMethods) addMethods(Object.getOwnPropertyDescriptors(loadNative().NativeIsolate.prototype))
  return new StandIn(connection, session, place) as unknown as NativeIsolate
}

function addMethods(descriptors: Record<string, PropertyDescriptor>): void {
  hasMethods = true
  for (const [method, { value }] of Object.entries(descriptors)) {
    if (typeof value !== 'function' || method === 'constructor') continue
    Object.defineProperty(StandIn.prototype, method, {
      value(this: StandIn, ...args: unknown[]) {
        call(this, method, args)
      },
    })
  }
}

/** By the agreement of `native.d.ts`: the first argument of a method that is answered is the request's number. */
function call({ connection, session, place }: StandIn, method: string, args: unknown[]): void {
  const { starting } = connection
  // Before anything is noted of it: what can't be sent is thrown at the caller.
  const message = pack({ kind: 'call', method, args })
  if (starting !== undefined && starting.request === args[0]) {
    if (!session.begin(starting.request, method, starting.timeoutMs)) return
  } else if (session.isFinished) {
    return
  }
  if (method === 'abort') session.forget(args[0] as number)
  place.link.send(message)
}
