// What every contender does: one first call on the demo's bundle, whose answer is known.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Snapshot } from 'isoseed'
import type { Order, Processed } from '../demo/guest.ts'
import type { GuestSources } from '../demo/sources.ts'
import { expectedAnswer, orderNumber } from '../demo/sources.ts'

export interface Work {
  /** isoseed's snapshot of bridge, bundle and warm-up. */
  snapshotFile: string
  /** Bridge and bundle as one script, for the contenders that evaluate it. */
  bundleFile: string
  order: Order
  /** What `shop.processOrder(order)` must answer. */
  expected: Processed
  /** The first call as a script that throws if the answer is wrong, for the floor. */
  script: string
}

/**
 * A turn is so many sessions in a row, of which the last counts: what another contender did before
 * has put its own code and data into the processor's caches.
 */
export const SESSIONS_A_TURN = 3

const folder = resolve('target/bench')
export const workFile = join(folder, 'work.json')
export const floorFile = join(folder, process.platform === 'win32' ? 'floor.exe' : 'floor')

export async function prepareWork({ bridge, bundle }: GuestSources, snapshot: Snapshot): Promise<Work> {
  const order = orderNumber(42)
  const expected = expectedAnswer(order)
  // Twice encoded: JSON text inside of a string literal.
  const literal = JSON.stringify(JSON.stringify(expected))
  const work: Work = {
    snapshotFile: join(folder, 'guest.snapshot'),
    bundleFile: join(folder, 'bundle.js'),
    order,
    expected,
    script: `if (JSON.stringify(shop.processOrder(${JSON.stringify(order)})) !== ${literal}) throw new Error('wrong answer')`,
  }
  await mkdir(folder, { recursive: true })
  await snapshot.save(work.snapshotFile)
  await writeFile(work.bundleFile, `${bridge.code}\n${bundle.code}`)
  await writeFile(workFile, JSON.stringify(work))
  return work
}

export async function readWork(): Promise<Work> {
  return JSON.parse(await readFile(workFile, 'utf8')) as Work
}
