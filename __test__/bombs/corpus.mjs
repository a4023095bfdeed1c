// Every kind of memory bomb, by group. A bomb is the guest's script, or
//   code: the guest's script; LIMIT in it is the memory limit in bytes
//   run: what the host does instead, given the isolate and { limitBytes }
//   expect: the outcomes that are right, `ok` or an error code; ERR_MEMORY_LIMIT alone otherwise
//   isHeavy: one of those that need most; run at every limit
//   isOnHelpers: V8's helper threads need the memory, which no limit of an isolate covers
//   isHostMade: the host itself makes a huge value, or gets one that is allowed: its peak is not held against
//     the limit
import { code, patterns } from './corpus/compiler.mjs'
import { crossing, hostCalls } from './corpus/crossing.mjs'
import { arrays, objects, waiting } from './corpus/heap.mjs'
import { buffers, wasm } from './corpus/outside.mjs'
import { formats, strings } from './corpus/text.mjs'

const groups = { arrays, objects, waiting, strings, formats, buffers, wasm, code, patterns, crossing, hostCalls }

/** All bombs by name. */
export const bombs = Object.fromEntries(
  Object.entries(groups).flatMap(([group, kinds]) =>
    Object.entries(kinds).map(([name, bomb]) => [
      name,
      { group, expect: ['ERR_MEMORY_LIMIT'], ...(typeof bomb === 'string' ? { code: bomb } : bomb) },
    ]),
  ),
)
