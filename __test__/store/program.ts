// What processes of these tests run on: the ledger, bundled for them, beside the package itself.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { folderOf } from '../support/files.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Bundles `openStore` and `Ledger` for processes; the caller removes it. */
export async function bundleLedger(): Promise<{ file: string; remove: () => void }> {
  const folder = folderOf({})
  const entry = join(folder, 'entry.ts')
  const from = (name: string): string => JSON.stringify(join(root, 'lib/store', name))
  writeFileSync(entry, `export { openStore } from ${from('native-store.ts')}\nexport { Ledger } from ${from('ledger.ts')}\n`)
  const file = join(folder, 'ledger.cjs')
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: file,
    define: { ISOSEED_VERSION: '"test"' },
    plugins: [
      {
        name: 'native',
        setup: ({ onResolve }) => onResolve({ filter: /native\.js$/ }, () => ({ path: resolve(root, 'native.js'), external: true })),
      },
    ],
  })
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A process that says things line by line. */
export class Host {
  readonly child: ChildProcess
  readonly lines: string[] = []
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  #said = ''
  #waiting: (() => void)[] = []

  constructor(fixture: string, args: object, env: NodeJS.ProcessEnv = {}) {
    const file = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))
    const inherited = { ...process.env, ...env }
    delete inherited['VITEST']
    delete inherited['NODE_OPTIONS']
    this.child = spawn(process.execPath, [file, JSON.stringify(args)], { env: inherited, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      this.lines.push(line)
      this.#wake()
    })
    this.ended = Promise.all([once(this.child, 'close'), once(lines, 'close')]).then(([[code, signal]]) => {
      this.#wake()
      return { code: code as number | null, signal: signal as NodeJS.Signals | null }
    })
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** The first line from index `from` on that begins so, however long it takes: a loaded machine may need seconds. */
  async says(beginning: string, from = 0): Promise<number> {
    for (;;) {
      const found = this.lines.findIndex((line, index) => index >= from && line.startsWith(beginning))
      if (found >= 0) return found
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`the process ended and never said «${beginning}»: ${this.#said}`)
      await new Promise<void>((wake) => this.#waiting.push(wake))
    }
  }

  get errors(): string {
    return this.#said
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }
}
