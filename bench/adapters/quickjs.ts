// quickjs-emscripten: an interpreter in WebAssembly; a runtime and a context of it for each session.
import { readFile } from 'node:fs/promises'
import type { Work } from '../protocol.ts'
import type { Contender } from './adapter.ts'
import { installed, versionOf } from './installed.ts'

interface Handle {
  dispose(): void
}
interface Context {
  undefined: Handle
  evalCode(code: string, filename?: string): { error?: Handle; value: Handle }
  unwrapResult(result: { error?: Handle; value: Handle }): Handle
  callFunction(callee: Handle, receiver: Handle, ...args: Handle[]): { error?: Handle; value: Handle }
  newString(text: string): Handle
  newNumber(value: number): Handle
  newArrayBuffer(buffer: ArrayBuffer): Handle
  getArrayBuffer(handle: Handle): { value: Uint8Array; dispose(): void }
  dump(handle: Handle): unknown
  dispose(): void
}
interface Runtime {
  setMemoryLimit(bytes: number): void
  newContext(): Context
  dispose(): void
}

export async function quickjs(work: Work): Promise<Contender> {
  const { getQuickJS } = installed<{ getQuickJS(): Promise<{ newRuntime(): Runtime }> }>('quickjs-emscripten')
  const engine = await getQuickJS()
  const code = work.bundleFile === undefined ? undefined : await readFile(work.bundleFile, 'utf8')
  return {
    version: await versionOf('quickjs-emscripten'),
    async open() {
      const runtime = engine.newRuntime()
      runtime.setMemoryLimit(work.memoryLimitMb * 2 ** 20)
      const context = runtime.newContext()
      const kept: Handle[] = []
      const taken = (handle: Handle): unknown => {
        const value = context.dump(handle)
        handle.dispose()
        return value
      }
      // The bundle's result is not asked for: it may be an object of any size.
      if (code !== undefined) context.unwrapResult(context.evalCode(code, 'bundle.js')).dispose()
      return {
        eval: async (script) => taken(context.unwrapResult(context.evalCode(script))),
        async bind(name) {
          // What stays must be given back before the runtime goes.
          const keep = (script: string): Handle => {
            const handle = context.unwrapResult(context.evalCode(script))
            kept.push(handle)
            return handle
          }
          const call = (callee: Handle, ...args: Handle[]): Handle => {
            const result = context.unwrapResult(context.callFunction(callee, context.undefined, ...args))
            args.forEach((arg) => arg.dispose())
            return result
          }
          // A clone is JSON, which is the fastest that crosses; bytes cross as they are.
          const plain = keep(name)
          const json = keep(`(text) => JSON.stringify(${name}(JSON.parse(text)))`)
          const bytes = keep(`(argument) => ${name}(argument).buffer`)
          return async (argument) => {
            if (argument === undefined) return taken(call(plain))
            if (argument instanceof Uint8Array) return taken(call(plain, context.newArrayBuffer(argument.buffer as ArrayBuffer)))
            if (typeof argument !== 'number') return JSON.parse(taken(call(json, context.newString(JSON.stringify(argument)))) as string)
            const buffer = call(bytes, context.newNumber(argument))
            const lifetime = context.getArrayBuffer(buffer)
            const copy = lifetime.value.slice()
            lifetime.dispose()
            buffer.dispose()
            return copy
          }
        },
        async dispose() {
          kept.forEach((handle) => handle.dispose())
          context.dispose()
          runtime.dispose()
        },
      }
    },
  }
}
