// A plugin system: plugins are modules that a loader reads, each runs in an isolate of its own with the tools
// that it is allowed to use, and one that misbehaves is stopped without a trace in the others.
// Run it with `npm run examples plugins`.
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { IsoseedError, createIsolate } from 'isoseed'
import type { HostFunction, Isolate, ModuleLoader, ModuleSource } from 'isoseed'

const FOLDER = join('examples', 'plugins', 'plugins')

/** A plugin that is stopped more often than this is not asked any more. */
const MOST_STRIKES = 2

interface Manifest {
  name: string
  commands: string[]
  tools: string[]
}

interface Reply {
  text: string
  details: string[]
}

const tools: Record<string, HostFunction> = {
  forecast: async (city: string) => ({ celsius: city.length * 2.5, rain: city.startsWith('L') }),
}

/** Finds the modules of one plugin, and nothing else: by a list of what there is, not by what looks harmless. */
async function loaderOf(plugin: string): Promise<ModuleLoader> {
  const files = new Map([['sdk', join(FOLDER, 'sdk.js')]])
  for (const file of await readdir(join(FOLDER, plugin))) files.set(`plugin:${plugin}/${file}`, join(FOLDER, plugin, file))
  return async (specifier): Promise<ModuleSource | null> => {
    const file = files.get(specifier)
    if (file === undefined) return null
    return { code: await readFile(file, 'utf8'), name: specifier, type: file.endsWith('.json') ? 'json' : 'module' }
  }
}

/** One plugin in its isolate. */
class Plugin {
  readonly manifest: Manifest
  readonly #isolate: Isolate
  #strikes = 0

  private constructor(manifest: Manifest, isolate: Isolate) {
    this.manifest = manifest
    this.#isolate = isolate
  }

  static async load(name: string): Promise<Plugin> {
    const modules = await loaderOf(name)
    // What it may do is in its manifest, which is data: no code of the plugin runs to read it.
    const manifest = JSON.parse(await readFile(join(FOLDER, name, 'manifest.json'), 'utf8')) as Manifest
    const allowed = Object.fromEntries(manifest.tools.map((tool) => [tool, tools[tool] as HostFunction]))
    const isolate = await createIsolate({
      modules,
      memoryLimitMb: 32,
      timeoutMs: 250,
      ...(manifest.tools.length > 0 ? { bindings: { tools: allowed } } : { globals: { tools: {} } }),
    })
    const code = `import plugin from 'plugin:${name}/index.js'; globalThis.plugin = plugin`
    await isolate.eval({ code, name: 'host.js', type: 'module' })
    return new Plugin(manifest, isolate)
  }

  get isStopped(): boolean {
    return this.#strikes > MOST_STRIKES
  }

  async ask(command: string, ...args: unknown[]): Promise<Reply> {
    if (this.isStopped) throw new Error(`${this.manifest.name} was stopped`)
    if (!this.manifest.commands.includes(command)) throw new Error(`${this.manifest.name} has no command ${command}`)
    try {
      return await this.#isolate.call<Reply>(`plugin.${command}`, args)
    } catch (error) {
      if (!(error instanceof IsoseedError) || error.code === 'ERR_GUEST') throw error
      // A deadline leaves the isolate as it was; past its memory limit it is finished.
      this.#strikes = error.code === 'ERR_TIMEOUT' ? this.#strikes + 1 : Infinity
      if (this.isStopped) await this.#isolate.dispose()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#isolate.dispose()
  }
}

const names = (await readdir(FOLDER, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
const plugins = new Map(await Promise.all(names.map(async (name) => [name, await Plugin.load(name)] as const)))
const [weather, stuck, curious] = ['weather', 'stuck', 'curious'].map((name) => plugins.get(name) as Plugin) as [Plugin, Plugin, Plugin]
console.log(`loaded ${names.toSorted().join(', ')}`)

const forecast = await weather.ask('forecast', 'London')
assert.deepEqual(forecast, { text: 'London: 15.0 °C', details: ['rain: true', 'question 1 for weather'] })
console.log(`weather says: ${forecast.text}`)
assert.equal((await weather.ask('umbrella', 'Rome')).text, 'Leave it at home.')

const looked = await curious.ask('look')
assert.deepEqual(looked.details, [...Array<string>(5).fill('ERR_MODULE_NOT_FOUND'), 'undefined', 'undefined'])
console.log(`curious found nothing of the others: ${looked.details.slice(0, 5).join(', ')}`)

assert.equal((await stuck.ask('count')).text, '1')
const spinning = stuck.ask('spin')
// Meanwhile the others answer: each has a thread of its own.
assert.equal((await weather.ask('forecast', 'Oslo')).text, 'Oslo: 10.0 °C')
const isStop = ({ code }: IsoseedError): boolean => ['ERR_TIMEOUT', 'ERR_MEMORY_LIMIT', 'ERR_ISOLATE_LOST'].includes(code)
await assert.rejects(spinning, isStop)
// Its state is as it was left, unless V8 could not stop it in time.
if (!stuck.isStopped) assert.notEqual((await stuck.ask('count')).text, '1')
while (!stuck.isStopped) await assert.rejects(stuck.ask('spin'), isStop)
await assert.rejects(stuck.ask('count'), { message: 'stuck was stopped' })
console.log('stuck was stopped')

assert.equal((await weather.ask('forecast', 'Lima')).details[1], 'question 3 for weather')
for (const plugin of plugins.values()) await plugin[Symbol.asyncDispose]()
console.log('the others went on, and nothing of the host was touched')
