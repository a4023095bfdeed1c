// Checks that the addon exports Node-API's entry points and nothing else: a `v8::` symbol that got
// out, or one that Node's own V8 took the place of, would be fatal to both.
import { readdirSync } from 'node:fs'
import { Failure, ask, main, say } from './common.mjs'

const entryPoint = /^(napi|node_api)_\w+$/

/** Why a symbol that is exported does no harm there. */
const harmless = {
  darwin: 'libraries are bound by name and symbol there (two-level namespace)',
  win32: 'a DLL exports only what its source names for export',
}

await main(() => {
  const addon = readdirSync('.').find((name) => name.endsWith('.node') && name.includes(process.platform))
  if (addon === undefined) throw new Failure('no addon here: run `npm run build` first')
  if (process.platform in harmless) {
    say(`${addon}: not checked, ${harmless[process.platform]}`)
    return
  }
  const output = ask('nm', ['-D', '--defined-only', '--format=posix', addon])
  if (output === undefined) throw new Failure(`\`nm\` can't be run, or can't read ${addon}: install binutils`)
  const names = output.split('\n').filter(Boolean).map((line) => line.split(' ')[0])
  const wrong = names.filter((name) => !entryPoint.test(name))
  if (wrong.length > 0) throw new Failure(`${addon} exports ${wrong.length} symbols that it must not:\n  ${wrong.slice(0, 20).join('\n  ')}`)
  if (names.length === 0) throw new Failure(`${addon} exports nothing: Node could not load it`)
  say(`${addon} exports only ${names.join(', ')}`)
})
