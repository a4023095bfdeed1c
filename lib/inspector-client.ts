import { IsoseedError } from './errors.js'
import type { InspectorLink, LinkSession } from './inspector-link.js'

/** What V8 says to a request; an isolate that ends says nothing more. */
interface Answer {
  id?: number
  result?: unknown
  error?: { message: string }
}

/** A message that V8 sends by itself. */
export interface ProtocolEvent {
  method: string
  params: object
}

/** @param read to be called when the event is done with; the isolate waits while too many are not */
export type EventListener = (event: ProtocolEvent, read: () => void) => void

/** Who waits for which answer. */
interface Waiting {
  readonly answers: Map<number, (answer: Answer | undefined) => void>
  hasEnded: boolean
}

/** A client of our own: asks the inspector and gets answers. */
export class InspectorClient {
  readonly #session: LinkSession
  readonly #waiting: Waiting
  #lastId = 0

  private constructor(session: LinkSession, waiting: Waiting) {
    this.#session = session
    this.#waiting = waiting
  }

  /** @throws `IsoseedError` with `ERR_DISPOSED` */
  static async connect(link: InspectorLink, onEvent?: EventListener): Promise<InspectorClient> {
    const waiting: Waiting = { answers: new Map(), hasEnded: false }
    const session = await link.connect({
      onMessage(message, read) {
        const answer = JSON.parse(message) as Answer & ProtocolEvent
        if (answer.id === undefined && onEvent !== undefined) {
          onEvent(answer, read)
          return
        }
        read()
        if (answer.id === undefined) return
        const resolve = waiting.answers.get(answer.id)
        waiting.answers.delete(answer.id)
        resolve?.(answer)
      },
      onEnd() {
        waiting.hasEnded = true
        for (const resolve of waiting.answers.values()) resolve(undefined)
        waiting.answers.clear()
      },
    })
    return new InspectorClient(session, waiting)
  }

  /** @throws `IsoseedError` with `ERR_INSPECTOR` when it is refused, with `ERR_DISPOSED` when the isolate ends before it answers */
  async post(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId
    const answer = await new Promise<Answer | undefined>((resolve) => {
      if (this.#waiting.hasEnded) return resolve(undefined)
      this.#waiting.answers.set(id, resolve)
      this.#session.send(JSON.stringify({ id, method, params }))
    })
    // Made here, not where the answer arrives, so that its stack names the caller.
    if (answer === undefined) throw new IsoseedError('ERR_DISPOSED', 'the isolate is disposed or finished')
    if (answer.error !== undefined) throw new IsoseedError('ERR_INSPECTOR', answer.error.message)
    return answer.result
  }

  close(): void {
    this.#session.close()
  }
}
