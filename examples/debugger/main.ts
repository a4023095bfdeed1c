// A debugger session, as Chrome or VS Code would have it: a breakpoint in a TypeScript file, a look at a variable, a
// step, another value put in its place, and on. Run it with `npm run examples debugger`.
import assert from 'node:assert/strict'
import { SourceMap } from 'node:module'
import { createIsolate } from 'isoseed'
import { bundle } from 'isoseed/bundle'
import { Debugger } from './cdp.ts'

interface Api {
  shop: { total(items: { price: number; quantity: number }[], discount: number): number }
}

// To be debugged by the line, an isolate starts from its sources: V8 sets no breakpoints in code from a snapshot.
const source = await bundle({ entry: './examples/debugger/shop.ts', global: 'shop' })
await using isolate = await createIsolate<Api>({ fallback: { bundle: source }, timeoutMs: 1000 })

// Calls wait until a debugger has set its breakpoints. In Chrome, open what `devtoolsUrl` says.
await using inspector = await isolate.inspect({ title: 'shop', waitForDebugger: true })
console.log(`debug it: ${inspector.devtoolsUrl}`)
const call = isolate.api.shop.total([{ price: 9.99, quantity: 3 }, { price: 1, quantity: 2 }], 0.1)

using client = await Debugger.connect(inspector.url)
const scripts = new Map<string, any>()
client.on('Debugger.scriptParsed', (script) => scripts.set(script.url, script))
await client.post('Runtime.enable')
await client.post('Debugger.enable')

// The client maps between the file that was written and the code that runs, with the map that comes with the script.
const { sourceMapURL } = scripts.get(source.name!)
const map = new SourceMap(JSON.parse(Buffer.from(sourceMapURL.split(',')[1], 'base64').toString()))
const file = map.payload.sources.find((name) => name.endsWith('shop.ts'))!
const lines = map.payload.sourcesContent[map.payload.sources.indexOf(file)]!.split('\n')
const placeOf = ({ lineNumber, columnNumber }: { lineNumber: number; columnNumber: number }): string => {
  const entry = map.findEntry(lineNumber, columnNumber)
  assert.ok('originalLine' in entry)
  return `${file}:${entry.originalLine + 1}`
}

/** Where a line of the file begins in the code that runs. */
function inCode(line: string): { lineNumber: number; columnNumber: number } {
  const wanted = lines.findIndex((text) => text.includes(line))
  const code = source.code.split('\n')
  for (let lineNumber = 0; lineNumber < code.length; lineNumber++) {
    for (let columnNumber = 0; columnNumber < code[lineNumber]!.length; columnNumber++) {
      const entry = map.findEntry(lineNumber, columnNumber)
      if ('originalLine' in entry && entry.originalSource === file && entry.originalLine === wanted) return { lineNumber, columnNumber }
    }
  }
  throw new Error(`no code for ${line}`)
}

const { locations } = await client.post('Debugger.setBreakpointByUrl', { url: source.name, ...inCode('const reduced') })
assert.equal(locations.length, 1)
console.log(`breakpoint at ${placeOf(locations[0])}`)

const at = await client.untilPaused(() => client.post('Runtime.runIfWaitingForDebugger'))
const [frame] = at.callFrames
assert.equal(frame.functionName, 'total')
console.log(`paused in ${frame.functionName} at ${placeOf(frame.location)}: ${lines[Number(placeOf(frame.location).split(':')[1]) - 1]!.trim()}`)

const evaluate = async ({ callFrameId }: any, expression: string): Promise<unknown> =>
  (await client.post('Debugger.evaluateOnCallFrame', { callFrameId, expression })).result.value
console.log(`sum is ${await evaluate(frame, 'sum')}, discount is ${await evaluate(frame, 'discount')}`)
assert.equal(await evaluate(frame, 'Math.round(sum * 100)'), 3197)

const next = await client.untilPaused(() => client.post('Debugger.stepOver'))
const [after] = next.callFrames
assert.equal(placeOf(after.location), placeOf(frame.location).replace(/\d+$/, (line) => String(Number(line) + 1)))
console.log(`stepped to ${placeOf(after.location)}, reduced is ${await evaluate(after, 'reduced')}`)

// Time at a breakpoint does not count: the call may take a second, and this takes longer.
await new Promise((resolve) => setTimeout(resolve, 1500))
await client.post('Debugger.setVariableValue', { scopeNumber: 0, variableName: 'reduced', newValue: { value: 12.345 }, callFrameId: after.callFrameId })
await client.post('Debugger.resume')
const total = await call
console.log(`the call came to ${total}`)
assert.equal(total, 12.35)
