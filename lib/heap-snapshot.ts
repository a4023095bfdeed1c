import type { ReadableStream } from 'node:stream/web'
import { mkdtemp, open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { abortReason, isAborted, onAbort } from './abort.js'
import type { Connection } from './connection.js'
import { IsoseedError } from './errors.js'
import { InspectorClient } from './inspector-client.js'
import type { EventListener } from './inspector-client.js'
import type { InspectorLink } from './inspector-link.js'

/**
 * Has `write` fill a file and reads it as a stream. The file has no name any
 * more when the stream is handed out: it goes with its last reader, whatever
 * becomes of the process.
 */
export async function streamed(write: (path: string) => Promise<void>): Promise<ReadableStream<Uint8Array>> {
  // For its owner alone, as `mkdtemp` makes it.
  const folder = await mkdtemp(join(tmpdir(), 'isoseed-'))
  try {
    const path = join(folder, 'isolate.heapsnapshot')
    await write(path)
    const file = await open(path, 'r')
    return Readable.toWeb(file.createReadStream()) as ReadableStream<Uint8Array>
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Events of V8 that carry a piece of the snapshot: JSON text, ASCII. */
interface Chunk {
  readonly chunk: string
}

/**
 * Takes a heap snapshot, on a session of its own, and writes it to a file piece
 * by piece: the isolate waits while the disk does not keep up. What is not whole
 * is removed.
 *
 * @throws `IsoseedError` with `ERR_SNAPSHOT_IO` or `ERR_DISPOSED`, or the signal's reason
 */
export async function writeHeapSnapshot(connection: Connection, link: InspectorLink, path: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal !== undefined && isAborted(signal)) throw abortReason(signal)
  // Nothing else may be pending while V8 works.
  const release = connection.hold()
  let write: EventListener = (_, read) => read()
  let client: InspectorClient | undefined
  let file: FileHandle | undefined
  let stopWaiting: (() => void) | undefined
  try {
    client = await InspectorClient.connect(link, (event, read) => write(event, read))
    // For its owner alone: the heap holds whatever the guest was given.
    file = await open(path, 'w', 0o600).catch(cantWrite(path))
    const writing = new Writing(file, path)
    write = ({ method, params }, read) => {
      if (method === 'HeapProfiler.addHeapSnapshotChunk') writing.add((params as Chunk).chunk, read)
      else read()
    }
    if (signal !== undefined) {
      const abort = (): void => writing.fail(abortReason(signal))
      if (isAborted(signal)) abort()
      else stopWaiting = onAbort(signal, abort)
    }
    await Promise.race([client.post('HeapProfiler.takeHeapSnapshot'), writing.failed])
    await writing.last
    await file.close()
  } catch (error) {
    // So that V8 goes on, if it waits for the disk.
    client?.close()
    // Nothing half-written stays; why it is not whole is what the caller hears.
    await file?.close().catch(() => undefined)
    if (file !== undefined) await rm(path, { force: true }).catch(() => undefined)
    throw error
  } finally {
    stopWaiting?.()
    client?.close()
    release()
  }
}

/** Writes to a file, one after the other. */
class Writing {
  /** Rejects when something can't be written, or is not wanted any more. */
  readonly failed: Promise<never>
  /** Settles with the last write so far. */
  last: Promise<void> = Promise.resolve()
  readonly #file: FileHandle
  readonly #path: string
  fail!: (reason: unknown) => void

  constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
    this.failed = new Promise((_, reject) => (this.fail = reject))
    this.failed.catch(() => undefined) // Heard by whoever waits for it.
  }

  add(text: string, written: () => void): void {
    this.last = this.last.then(async () => {
      await this.#file.appendFile(text).catch(cantWrite(this.#path))
      written()
    })
    this.last.catch(this.fail)
  }
}

function cantWrite(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new IsoseedError('ERR_SNAPSHOT_IO', `can't write the heap snapshot ${path}: ${String((cause as Partial<Error>)?.message)}`, { cause })
  }
}
