// What the contenders are asked: bundles, the first call, and the answer that Node itself gives. Everything is written
// to target/bench, from where each contender's process reads the same bytes.
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import vm from 'node:vm'
import { buildSnapshot } from 'isoseed'
import type { SnapshotInfo } from 'isoseed'
import { expectedAnswer, guestSources, orderNumber } from '../demo/sources.ts'
import { GLOBAL, askNode, bundleCase } from '../matrix/bundle.ts'
import { installLibraries } from '../matrix/install.ts'
import { libraries } from '../matrix/libraries.ts'
import { codeOfSize, heapOfRecords, jitProgram } from './generated.ts'
import type { Work } from './protocol.ts'

/** A case that is ready for the contenders. */
export interface Case {
  workFile: string
  bundleBytes: number
  /** isoseed's snapshot with the warm-up, and the one without; none for a blank session. */
  warmed?: SnapshotInfo
  unwarmed?: SnapshotInfo
  /** The one whose bundle makes the warm-up itself, so that what it sets up stays. */
  ready?: SnapshotInfo
}

interface Program {
  /** The source, or undefined for a blank session. */
  code?: string
  call: string
  warmup?: string
  expected: string
  memoryLimitMb?: number
}

const folder = resolve('target/bench')
const prepared = new Map<string, Promise<Case>>()

const CALL = `JSON.stringify(${GLOBAL}.answer(${GLOBAL}.input))`
const WARMUP = `${GLOBAL}.answer(${GLOBAL}.input)`

/** The libraries of the matrix that are measured here, `demo`, `nothing`, `jit <size>`, `code <bytes>` and `heap <records>`. */
export function prepare(name: string): Promise<Case> {
  let made = prepared.get(name)
  if (made === undefined) {
    made = write(name)
    prepared.set(name, made)
  }
  return made
}

async function write(name: string): Promise<Case> {
  const { code, call, warmup, expected, memoryLimitMb = 128 } = await programOf(name)
  await mkdir(folder, { recursive: true })
  const file = (kind: string): string => join(folder, `${name.replaceAll(/\W+/g, '-')}.${kind}`)
  const work: Work = { name, call, expected, memoryLimitMb, ...(warmup !== undefined && { warmup }) }
  const result: Case = { workFile: file('json'), bundleBytes: Buffer.byteLength(code ?? '') }
  if (code !== undefined) {
    const options = { bundle: { name: 'bundle.js', code }, memoryLimitMb: 1024, timeoutMs: 120_000 }
    const unwarmed = await buildSnapshot(options)
    const warmed = warmup === undefined ? unwarmed : await buildSnapshot({ ...options, warmup })
    const ready = warmup === undefined ? unwarmed : await buildSnapshot({ ...options, bundle: { name: 'bundle.js', code: `${code}\n;${warmup}` } })
    Object.assign(work, { bundleFile: file('js'), snapshotFile: file('warmed.snap'), unwarmedFile: file('snap'), readyFile: file('ready.snap') })
    Object.assign(result, { warmed: warmed.info, unwarmed: unwarmed.info, ready: ready.info })
    await writeFile(work.bundleFile!, code)
    await warmed.save(work.snapshotFile!)
    await unwarmed.save(work.unwarmedFile!)
    await ready.save(work.readyFile!)
  }
  await writeFile(result.workFile, JSON.stringify(work))
  return result
}

async function programOf(name: string): Promise<Program> {
  const [kind, size] = name.split(' ') as [string, string | undefined]
  if (kind === 'nothing') return { call: 'String(1 + 1)', expected: '2' }
  if (kind === 'demo') return demo()
  // Compiled in the session: a warm-up would keep bytecode, not machine code.
  if (kind === 'jit') return { ...askedHere(jitProgram(Number(size))), memoryLimitMb: 256 }
  if (kind === 'code') return { ...askedHere(codeOfSize(Number(size))), warmup: WARMUP, memoryLimitMb: 512 }
  if (kind === 'heap') return { ...askedHere(heapOfRecords(Number(size))), warmup: WARMUP, memoryLimitMb: 1024 }
  const library = libraries.find((known) => known.name === kind)
  if (library === undefined || library.web !== undefined || library.self === true) throw new TypeError(`there is no case ${name}: neither its own nor a library of the matrix that needs nothing of the web platform`)
  await installLibraries()
  const [{ expected }, { bundle }] = await Promise.all([askNode(library), bundleCase(library)])
  const source = bundle.at(-1)
  const code = asScript(source!.code)
  return { code, call: CALL, warmup: WARMUP, expected: JSON.stringify(expected), memoryLimitMb: 512 }
}

async function demo(): Promise<Program> {
  const { bridge, bundle, warmup } = await guestSources()
  const order = orderNumber(42)
  return { code: `${bridge.code}\n${bundle.code}`, call: `JSON.stringify(shop.processOrder(${JSON.stringify(order)}))`, warmup: warmup.code, expected: JSON.stringify(expectedAnswer(order)) }
}

/** The answer is what Node's own V8 gives. */
function askedHere(code: string): Program {
  const context = vm.createContext()
  vm.runInContext(code, context)
  return { code, call: CALL, expected: vm.runInContext(CALL, context) as string }
}

/** A CommonJS source as a script that all contenders can evaluate; without its source map, which is of no use to the others. */
function asScript(code: string): string {
  const body = code.slice(0, code.lastIndexOf('//# sourceMappingURL=data:'))
  return `globalThis.${GLOBAL} = (() => {\nconst module = { exports: {} }\nlet exports = module.exports\n${body}\nreturn module.exports\n})()\n`
}
