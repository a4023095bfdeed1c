import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder of its own for a test, with these files in it. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  // Real, because a working directory is reported so.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'isoseed-')))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return folder
}
