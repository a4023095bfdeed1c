// Code that can't be captured: each is refused with a finding that names the object, the path to it and the place.
import { buildSnapshot } from 'isoseed'
import { expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

interface Case {
  name: string
  /** The code, with a mark before what the position must point at. A change of a built-in has none: it is seen afterwards. */
  code: string
  rule: string
  path: string
}

const MARK = '‸'

/** Host functions that a bridge would offer. */
const bindings = ['setTimeout', 'setInterval', 'db.get', 'log']

const cases: Case[] = [
  {
    name: 'a promise that waits for an event',
    code: `
      const listeners = new Set()
      globalThis.ready = ${MARK}new Promise((resolve) => { listeners.size })
      ready.then(() => listeners.clear())`,
    rule: 'pending-promise',
    path: 'ready',
  },
  {
    name: 'a pending promise in a private field of what a closure keeps in a map',
    code: `
      const sessions = new Map()
      class Session {
        #opened = ${MARK}new Promise(() => {})
        opened() { return this.#opened }
      }
      globalThis.open = (name) => sessions.get(name)
      sessions.set('first', new Session())`,
    rule: 'pending-promise',
    path: 'sessions.get("first").#opened',
  },
  {
    name: 'a cache that cleans itself up every minute',
    code: `
      class Cache {
        static #all = new Set()
        constructor() {
          Cache.#all.add(this)
          ${MARK}setInterval(() => this.clear(), 60_000)
        }
        clear() {}
      }
      globalThis.cache = new Cache()`,
    rule: 'open-timer',
    path: 'setInterval',
  },
  {
    name: 'a retry that is already under way',
    code: `
      const retry = (work, after) => ${MARK}setTimeout(work, after)
      retry(() => {}, 100)`,
    rule: 'open-timer',
    path: 'setTimeout',
  },
  {
    name: 'settings that are read from the host when loaded',
    code: `
      const settings = {}
      const load = async () => Object.assign(settings, await db.${MARK}get('settings'))
      load().catch(() => {})`,
    rule: 'host-call',
    path: 'db.get',
  },
  {
    name: 'a greeting in the log',
    code: `
      try {
        ${MARK}log('loaded')
      } catch {}`,
    rule: 'host-call',
    path: 'log',
  },
  {
    name: 'a table that WebAssembly fills when loaded',
    code: `
      // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
      const code = Uint8Array.of(
        0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0,
        10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11)
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code))
      globalThis.sums = [1, 2, 3].map((n) => exports.${MARK}add(n, n))`,
    rule: 'wasm-object',
    path: 'WebAssembly.Instance.prototype.exports.add',
  },
  {
    name: 'memory for WebAssembly that every session would share',
    code: `
      class Heap {
        static memory = ${MARK}new WebAssembly.Memory({ initial: 1 })
      }
      globalThis.bytes = () => new Uint8Array(Heap.memory.buffer)`,
    rule: 'wasm-object',
    path: 'WebAssembly.Memory',
  },
  {
    name: 'weights of half precision',
    code: `
      const layer = (size) => ({ weights: ${MARK}new Float16Array(size) })
      globalThis.layers = [layer(4), layer(2)]`,
    rule: 'late-builtin-used',
    path: 'Float16Array',
  },
  {
    name: 'the day of the build as a Temporal date',
    code: `
      const first = { day: Temporal.PlainDate.${MARK}from('2024-02-29') }
      globalThis.days = () => first`,
    rule: 'late-builtin-used',
    path: 'Temporal.PlainDate.from',
  },
  {
    name: 'a lockdown of the built-ins',
    code: `
      for (const name of ['Promise', 'Map']) Object.${MARK}freeze(globalThis[name])`,
    rule: 'frozen-builtin',
    path: 'Promise',
  },
  {
    name: 'a polyfill that nobody may take away',
    code: `
      const polyfill = (callback) => new Promise((resolve) => resolve(callback()))
      Object.defineProperty(Promise, 'try', { value: polyfill, configurable: false })`,
    rule: 'late-builtin',
    path: 'Promise.try',
  },
]

test.each(cases)('$name: $rule', async ({ code, rule, path }) => {
  const bundle = { name: 'app.js', code: code.replace(MARK, '') }
  const error = await rejection(buildSnapshot({ bundle, bindings }))
  expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
  const finding = { rule, path, ...positionOf(code), message: expect.stringContaining(path.split('.').at(-1)!), hint: expect.stringMatching(/^.{20,}$/) }
  expect(error.findings).toContainEqual(finding)
})

function positionOf(code: string): { source?: string } {
  if (!code.includes(MARK)) return {}
  const before = code.slice(0, code.indexOf(MARK)).split('\n')
  return { source: `app.js:${before.length}:${before.at(-1)!.length + 1}` }
}
