import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Problem } from './failure.js'

/**
 * Refuses a file of the user's own whose text is not UTF-8: strings in it would
 * be silently others than the author wrote. Packages are taken as Node takes
 * them, for nobody could repair those.
 *
 * @param made what esbuild made: it hands broken bytes on
 * @param inputs relative to the working directory
 * @throws `Problem`
 */
export function refuseBrokenText(workingDirectory: string, made: readonly Uint8Array[], inputs: readonly string[]): void {
  if (made.every((bytes) => isUtf8(bytes))) return
  for (const input of inputs) {
    const path = resolve(workingDirectory, input)
    if (/(?:^|\/)node_modules\//.test(input) || !existsSync(path)) continue
    const line = firstBrokenLine(readFileSync(path))
    if (line !== undefined) throw new Problem(`${input}:${line}: the text is not UTF-8`)
  }
}

function firstBrokenLine(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined
  // A line break is never part of another character.
  let start = 0
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(0x0a, start)
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
