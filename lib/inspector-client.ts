import { IsoseedError } from './errors.js'
import type { InspectorLink, LinkSession } from './inspector-link.js'

interface Waiting {
  resolve: (result: unknown) => void
  reject: (error: IsoseedError) => void
}

interface Answer {
  id?: number
  result?: unknown
  error?: { message: string }
}

/** A client of our own: asks the inspector and gets answers. */
export class InspectorClient {
  readonly #session: LinkSession
  readonly #waiting: Map<number, Waiting>
  #lastId = 0

  private constructor(session: LinkSession, waiting: Map<number, Waiting>) {
    this.#session = session
    this.#waiting = waiting
  }

  /** @throws `IsoseedError` with `ERR_DISPOSED` */
  static async connect(link: InspectorLink): Promise<InspectorClient> {
    const waiting = new Map<number, Waiting>()
    const session = await link.connect({
      onMessage(message, read) {
        read()
        const { id, result, error } = JSON.parse(message) as Answer
        if (id === undefined) return
        const asked = waiting.get(id)
        waiting.delete(id)
        if (error === undefined) asked?.resolve(result)
        else asked?.reject(new IsoseedError('ERR_INSPECTOR', error.message))
      },
      onEnd() {
        for (const { reject } of waiting.values()) reject(new IsoseedError('ERR_DISPOSED', 'the isolate is disposed or finished'))
        waiting.clear()
      },
    })
    return new InspectorClient(session, waiting)
  }

  /** @throws `IsoseedError` with `ERR_INSPECTOR` when it is refused, with `ERR_DISPOSED` when the isolate ends before it answers */
  post(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#session.send(JSON.stringify({ id, method, params }))
    })
  }

  close(): void {
    this.#session.close()
  }
}
