// A process of the cache's bench: does one thing once, as a service does when it starts, and says how long it took.
import { readFile } from 'node:fs/promises'
import { Snapshot, buildSnapshot, snapshotCache } from 'isoseed'
import type { BuildSnapshotOptions } from 'isoseed'

/** What a process did, and how long it took. */
export interface Report {
  ms: number
  builds: number
  diskHits: number
  key: string
}

const [optionsFile, loads] = process.argv.slice(2) as [string, string | undefined]
const options = JSON.parse(await readFile(optionsFile, 'utf8')) as BuildSnapshotOptions
// The addon is loaded before the clock starts: the cache has no part in that.
snapshotCache.stats()
const started = performance.now()
const { key } = loads === undefined ? await buildSnapshot(options) : await Snapshot.load(loads)
const ms = performance.now() - started
const { builds, diskHits } = snapshotCache.stats()
console.log(JSON.stringify({ ms, builds, diskHits, key } satisfies Report))
