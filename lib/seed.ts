import { types } from 'node:util'
import type { NativeSnapshot, NativeSource } from '../native.js'
import { IsoseedError } from './errors.js'
import { IsolateCore } from './isolate-core.js'
import { checkMemoryFor } from './options.js'
import type { IsolateRequest } from './options.js'
import { Snapshot, nativeSnapshot } from './snapshot.js'

/** What an isolate started from. */
export type SeededFrom = 'snapshot' | 'fallback' | 'blank'

/** An isolate that is ready, and what it started from. */
export interface Seeded {
  core: IsolateCore
  seededFrom: SeededFrom
  /** The snapshot, loaded. */
  snapshot: NativeSnapshot | undefined
}

/** Starts an isolate from the first that can be used: its snapshot, its fallback, nothing. */
export async function startSeeded(request: IsolateRequest): Promise<Seeded> {
  const { snapshot, fallback } = request
  if (snapshot === undefined) return startFromSources(request, fallback)
  try {
    return await startFromSnapshot(request, snapshot)
  } catch (error) {
    if (fallback === undefined || !isUnusable(error)) throw error
    warnOnce(error, typeof snapshot === 'string' ? snapshot : undefined)
    return startFromSources(request, fallback)
  }
}

async function startFromSnapshot(request: IsolateRequest, snapshot: NativeSnapshot | string | Uint8Array): Promise<Seeded> {
  const isOrigin = typeof snapshot === 'string' || types.isUint8Array(snapshot)
  const native = isOrigin ? nativeSnapshot(await Snapshot.load(snapshot)) : snapshot
  // One that was loaded before was checked at once.
  if (native !== undefined && isOrigin) checkMemoryFor('createIsolate', native, request.memoryLimitMb)
  return { core: await IsolateCore.start(request, native, []), seededFrom: 'snapshot', snapshot: native }
}

async function startFromSources(request: IsolateRequest, sources: NativeSource[] | undefined): Promise<Seeded> {
  const core = await IsolateCore.start(request, undefined, sources ?? [])
  return { core, seededFrom: sources === undefined ? 'blank' : 'fallback', snapshot: undefined }
}

/** The snapshot is to blame, and not what was done with it. */
function isUnusable(error: unknown): error is IsoseedError {
  if (!(error instanceof IsoseedError)) return false
  return error.code === 'ERR_SNAPSHOT_IO' || error.code === 'ERR_SNAPSHOT_CORRUPT' || error.code === 'ERR_SNAPSHOT_MISMATCH'
}

/** More reasons than a process should have; past it they may be told again. */
const MOST_REASONS = 1000

const told = new Set<string>()

function warnOnce(error: IsoseedError, path: string | undefined): void {
  const reason = `${error.code} ${path ?? ''} ${error.message}`
  if (told.has(reason)) return
  if (told.size >= MOST_REASONS) told.clear()
  told.add(reason)
  const what = path === undefined ? 'a snapshot' : `the snapshot ${path}`
  process.emitWarning(`${what} can't be used, isolates start from their fallback instead: ${error.message} (${error.code})`, {
    type: 'IsoseedWarning',
    code: 'ISOSEED_FALLBACK',
  })
}
