// A state that the host keeps itself: written whole to a file beside the old one, which it then replaces. That is
// the least that leaves the old state or the new one, whatever ends the process. There is no isolate, and nobody else
// is kept away: the floor of what a session does.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import v8 from 'node:v8'
import vm from 'node:vm'
import type { KeptIn } from '../protocol.ts'
import { records } from '../tasks.ts'
import type { Keeper } from './adapter.ts'

/** What a step does, as the guest's code: the next record in turn, or all of them. */
export const ONE_PRICE = 'state.count += 1; state.records[(state.count * 7919) % state.records.length].price += 0.25; 0'
export const ALL_PRICES = 'state.count += 1; for (const record of state.records) { record.price += 0.25; record.name += "~" } 0'
/** What is asked of a state that was taken up. */
export const ANSWER = '[state.records.length, state.records.reduce((sum, { price }) => sum + price, 0)].join()'

const forms = {
  JSON: { write: (state: unknown): string | Uint8Array => JSON.stringify(state), read: (bytes: Buffer): unknown => JSON.parse(bytes.toString('utf8')) },
  'v8.serialize': { write: (state: unknown): string | Uint8Array => v8.serialize(state), read: (bytes: Buffer): unknown => v8.deserialize(bytes) },
} as const

export async function fileKeeper(place: KeptIn, size: number): Promise<Keeper> {
  if (place.kind !== 'file') throw new Error(`the host itself keeps nothing in a ${place.kind}`)
  const { file, form, synced } = place
  const { write, read } = forms[form]
  mkdirSync(dirname(file), { recursive: true })
  // As a program's variable, with code that V8 compiles once.
  const run = { one: new vm.Script(ONE_PRICE), all: new vm.Script(ALL_PRICES), ask: new vm.Script(ANSWER) }
  const scope = globalThis as { state?: unknown }
  const save = (): void => saveWhole(file, write(scope.state), synced)
  scope.state = { count: 0, records: records(size) }
  save()
  return {
    async change(all) {
      run[all ? 'all' : 'one'].runInThisContext()
      save()
    },
    async suspend() {
      delete scope.state
    },
    async resume() {
      scope.state = read(readFileSync(file))
      return run.ask.runInThisContext() as string
    },
    async close() {
      delete scope.state
      rmSync(file, { force: true })
    },
  }
}

/** All of it or nothing: with `synced`, the file's bytes are on disk before it gets its name, and so is that. */
function saveWhole(file: string, bytes: string | Uint8Array, synced: boolean): void {
  const beside = `${file}.new`
  const handle = openSync(beside, 'w')
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  for (let written = 0; written < buffer.length;) written += writeSync(handle, buffer, written)
  if (synced) fsyncSync(handle)
  closeSync(handle)
  renameSync(beside, file)
  if (!synced) return
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
