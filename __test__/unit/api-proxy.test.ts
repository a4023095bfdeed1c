import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { makeApi } from '../../lib/api-proxy.js'

type Call = (...args: unknown[]) => Promise<unknown>
type Node = Call & { [name: string]: Node }

const calls: [string, unknown[]][] = []
const api = makeApi(async (path, args) => {
  calls.push([path, args])
  return path
}) as { [name: string]: Node } & { [name: symbol]: unknown }

test('a member calls the path it was reached by', async () => {
  await expect((api.math as Node).add?.(1, 2)).resolves.toBe('math.add')
  await (api.constructor as unknown as Node)()
  expect(calls).toEqual([
    ['math.add', [1, 2]],
    ['constructor', []],
  ])
})

test('members stay the same', () => {
  expect(api.math).toBe(api.math)
  expect(api.math?.add).toBe(api.math?.add)
})

test('await and JSON see no function', async () => {
  expect(await (api as unknown)).toBe(api)
  expect(api.math?.then).toBeUndefined()
  expect(JSON.stringify({ api })).toBe('{"api":{}}')
  expect(api[Symbol.iterator]).toBeUndefined()
  expect(`${inspect(api)}`).toBe('{}')
})

test('nothing can be replaced', () => {
  expect(() => Object.assign(api, { math: 1 })).toThrow(TypeError)
  expect(Reflect.defineProperty(api, 'math', { value: 1 })).toBe(false)
  expect(Reflect.deleteProperty(api, 'math')).toBe(false)
})

test.each(['', 'a.b'])('a name that is no name: %o', (name) => {
  expect(() => api[name]).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG' }))
})
