import type { ReadableStream } from 'node:stream/web'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

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
