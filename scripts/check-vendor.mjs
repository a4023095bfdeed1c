// Checks V8's library against the SHA-256 sums in vendor/v8/README.md: every file there, and no other.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure, main, say } from './common.mjs'

await main(async () => {
  const folder = join('vendor', 'v8')
  const version = readdirSync(folder).filter((name) => /^v\d/.test(name))
  if (version.length !== 1) throw new Failure(`${folder} must hold one version, and holds ${version.join(', ') || 'none'}`)
  const archive = join(folder, version[0])

  const rows = readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/^\| (\S+) \| ([0-9a-f]{64}) \|$/gm)
  const expected = new Map(Array.from(rows, ([, name, sum]) => [name, sum]))
  for (const name of readdirSync(archive)) {
    if (!expected.has(name)) throw new Failure(`${join(archive, name)} is not listed in ${join(folder, 'README.md')}`)
  }
  if (expected.size === 0) throw new Failure(`${join(folder, 'README.md')} lists no file`)
  for (const [name, sum] of expected) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(archive, name)), hash)
    const actual = hash.digest('hex')
    if (actual !== sum) throw new Failure(`${join(archive, name)} has the SHA-256 ${actual}, expected ${sum}`)
  }
  say(`${archive}: ${expected.size} files have the SHA-256 sums of the README`)
})
