// Runs the examples: `node scripts/examples.mjs` all of them, `node scripts/examples.mjs plugins rules` those. Each is a
// folder of examples/ with a main.ts that checks what it shows, and ends with exit code 0 if it is so.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, duration, main, run, say } from './common.mjs'

await main(async () => {
  const folder = 'examples'
  const all = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'main.ts')))
    .map(({ name }) => name)
    .toSorted()
  const named = process.argv.slice(2)
  const unknown = named.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Failure(`there is no example ${unknown}: there are ${all.join(', ')}`)
  for (const name of named.length > 0 ? named : all) {
    say(`example ${name}`)
    const started = performance.now()
    await run(process.execPath, [join('scripts', 'run.mjs'), join(folder, name, 'main.ts')])
    say(`example ${name}: ended well after ${duration(performance.now() - started)}`)
  }
})
