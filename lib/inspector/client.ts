import type { RawData, WebSocket } from 'ws'
import type { LinkSession } from '../inspector-link.js'
import type { Target } from './server.js'

/** Messages of so many bytes may wait for the isolate's answer; the client is not read meanwhile. */
const MOST_UNANSWERED = 64 * 1024 * 1024

/** How every answer begins; events begin with their method. */
const ANSWER = /^\{"(?:id|error)":/

/** Connects one WebSocket client with a session of its own, both ways, until either ends. */
export function serveClient(client: WebSocket, target: Target): void {
  const unanswered: number[] = []
  let unansweredBytes = 0
  const answered = (): void => {
    unansweredBytes -= unanswered.shift() ?? 0
    if (client.isPaused && unansweredBytes <= MOST_UNANSWERED) client.resume()
  }
  const opening = target.connect({
    onMessage(message, read) {
      if (ANSWER.test(message)) answered()
      // The isolate waits for clients that read too slowly.
      client.send(message, () => read())
    },
    onEnd: () => client.close(1001, 'the isolate is finished'),
  })
  let session: LinkSession | undefined
  opening.then(
    (opened) => {
      session = opened
      if (client.readyState !== client.OPEN) opened.close()
    },
    () => client.close(1001, 'the isolate is finished'),
  )
  client.on('message', (data: RawData, isBinary: boolean) => {
    if (isBinary) {
      client.close(1003, 'messages are JSON text')
      return
    }
    const message = String(data)
    unanswered.push(message.length)
    unansweredBytes += message.length
    if (unansweredBytes > MOST_UNANSWERED) client.pause()
    if (session === undefined) opening.then((opened) => opened.send(message), () => undefined)
    else session.send(message)
  })
  client.on('error', () => client.terminate()) // A broken frame, or one that is too large.
  client.on('close', () => session?.close())
}
