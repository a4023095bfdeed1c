import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { buildSnapshot, createIsolate, GuestError, Isolate, IsoseedError, Snapshot } from '../../lib/index.js'
import { encode } from '../../lib/encode.js'
import { answer, last, log, report, snapshot } from './fake-native.js'
import { always } from './reader.js'

vi.mock('../../lib/addon.js', async () => {
  const { loadNative } = await import('./fake-native.js')
  return { loadNative }
})

beforeEach(() => {
  log.requests.length = 0
  log.aborted.length = 0
  log.answers.length = 0
})

describe('requests', () => {
  test('are answered, and hold the event loop until then', async () => {
    const isolate = await createIsolate()
    expect(log.held).toBe(false)
    const first = isolate.eval<number>('1 + 1', { timeoutMs: 5, filename: 'a.js' })
    const firstRequest = last()
    expect(firstRequest).toMatchObject({ kind: 'eval', path: 'a.js', args: '1 + 1', timeoutMs: 5 })
    const second = isolate.call('math.add', [1, 2])
    expect(last()).toMatchObject({ kind: 'call', path: 'math.add', args: [1, 2], timeoutMs: 30_000 })
    answer(last(), 3)
    expect(log.held).toBe(true)
    answer(firstRequest, 2)
    expect(log.held).toBe(false)
    expect([await first, await second]).toEqual([2, 3])
  })

  test('a member of api is a call', async () => {
    const { api } = await createIsolate<{ math: { add(a: number, b: number): number } }>({ timeoutMs: Infinity })
    const sum = api.math.add(1, 2)
    expect(last()).toMatchObject({ kind: 'call', path: 'math.add', args: [1, 2], timeoutMs: undefined })
    answer(last(), 3)
    expect(await sum).toBe(3)
  })

  test('a failure is an error with the stack of the caller', async () => {
    const isolate = await createIsolate()
    async function theCaller(): Promise<void> {
      await isolate.eval('')
    }
    const failing = theCaller()
    report({ kind: 'done', id: last().id, error: { code: 'ERR_TIMEOUT', message: 'late' } })
    const error = await failing.catch((reason: unknown) => reason as Error)
    expect(error).toBeInstanceOf(IsoseedError)
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', message: 'late' })
    expect((error as Error).stack).toContain('theCaller')
  })

  test('a guest\'s exception is a GuestError', async () => {
    const isolate = await createIsolate()
    const failing = isolate.eval('')
    const thrown = encode(new RangeError('far'), 'value', always)
    report({ kind: 'done', id: last().id, error: { code: 'ERR_GUEST', message: 'far', name: 'RangeError', stack: 's', thrown } })
    const error = await failing.catch((reason: unknown) => reason as Error)
    expect(error).toBeInstanceOf(GuestError)
    expect(error).toMatchObject({ name: 'RangeError', stack: 's' })
  })

  test('arguments that can not cross reject, and nothing is sent', async () => {
    const isolate = await createIsolate()
    log.requests.length = 0
    await expect(isolate.call('f', [{ g() {} }])).rejects.toMatchObject({ code: 'ERR_DATA_CLONE', message: 'args[0].g can\'t be cloned: a function' })
    await expect(createIsolate({ globals: { g() {} } })).rejects.toMatchObject({ message: 'globals.g can\'t be cloned: a function' })
    expect(log.requests).toEqual([])
    expect(log.held).toBe(false)
  })

  test('misuse is thrown at once', async () => {
    const isolate = await createIsolate()
    const misuse: (() => unknown)[] = [
      () => isolate.call(''),
      () => isolate.call('a..b'),
      () => isolate.call('a', 1 as never),
      () => isolate.eval(1 as never),
      () => Snapshot.load(''),
      () => Snapshot.load(new URL('file:///x') as never),
      () => Snapshot.inspect(1 as never),
      () => createIsolate(Object.create(Snapshot.prototype) as never),
      () => new (Snapshot as unknown as new () => unknown)(),
      () => new (Isolate as unknown as new () => unknown)(),
    ]
    for (const run of misuse) expect(run).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG' }))
  })

  test('dispose is sent once, and is one promise', async () => {
    const isolate = await createIsolate()
    const disposed = isolate.dispose()
    expect(isolate[Symbol.asyncDispose]()).toBe(disposed)
    expect(log.requests.filter(({ kind }) => kind === 'dispose')).toHaveLength(1)
    answer(last())
    await disposed
    expect(isolate.dispose()).toBe(disposed)
  })
})

describe('signals', () => {
  test('aborted before: nothing is sent', async () => {
    const isolate = await createIsolate()
    log.requests.length = 0
    await expect(isolate.eval('1', { signal: AbortSignal.abort('why') })).rejects.toBe('why')
    expect(log.requests).toEqual([])
  })

  test('aborted meanwhile: rejects at once, and a late answer is ignored', async () => {
    const isolate = await createIsolate()
    const controller = new AbortController()
    const failing = isolate.eval('1', { signal: controller.signal })
    const request = last()
    controller.abort('why')
    expect(log.aborted).toEqual([request.id])
    expect(log.held).toBe(false)
    answer(request, 1)
    await expect(failing).rejects.toBe('why')
  })

  test('aborted after: nothing happens', async () => {
    const isolate = await createIsolate()
    const controller = new AbortController()
    const result = isolate.eval('1', { signal: controller.signal })
    answer(last(), 1)
    controller.abort()
    expect(await result).toBe(1)
    expect(log.aborted).toEqual([])
  })

  test('a build is cancelled', async () => {
    const controller = new AbortController()
    const failing = buildSnapshot({ bridge: '1', signal: controller.signal })
    controller.abort('why')
    await expect(failing).rejects.toBe('why')
    expect(log.aborted).toEqual([last().id])
  })
})

test('a snapshot: key, frozen info read once, and an isolate from it', async () => {
  const building = buildSnapshot({ bundle: ['1', '2'] })
  report({ kind: 'done', id: last().id, snapshot })
  const built = await building
  expect(built).toBeInstanceOf(Snapshot)
  expect(built.key).toBe('abc')
  expect(built.info).toBe(built.info)
  expect(Object.isFrozen(built.info.sources[0])).toBe(true)
  await createIsolate({ snapshot: built })
  expect((last().args as { snapshot: unknown }).snapshot).toBe(snapshot)
})

describe('host calls', () => {
  const hostCall = async (bindings: object, path: string, args: unknown[]): Promise<(typeof log.answers)[number] | undefined> => {
    await createIsolate({ bindings: bindings as never })
    report({ kind: 'hostCall', id: 7, isolate: log.created, path, bytes: encode(args, 'args', always) })
    await turn()
    return log.answers.at(-1)
  }

  test('get the arguments and answer with the result', async () => {
    const db = {
      base: () => 10,
      add(a: number, b: number) {
        return this.base() + a + b
      },
    }
    expect(await hostCall({ db }, 'db.add', [1, 2])).toEqual({ hostCall: 7, ok: true, value: 13 })
    expect(await hostCall({ later: async (x: unknown) => x }, 'later', [new Map([[1, 2]])])).toMatchObject({ ok: true, value: new Map([[1, 2]]) })
  })

  test.each([
    [
      'thrown',
      () => {
        throw Object.assign(new RangeError('no'), { code: 'E' })
      },
    ],
    ['rejected', () => Promise.reject(Object.assign(new RangeError('no'), { code: 'E' }))],
  ])('an error that is %s crosses without its stack', async (_, f) => {
    const result = await hostCall({ f }, 'f', [])
    expect(result?.ok).toBe(false)
    expect(result?.value).toBeInstanceOf(RangeError)
    expect(result?.value).toMatchObject({ message: 'no', code: 'E', stack: 'RangeError: no' })
  })

  test('a result that can not cross is an error that names it', async () => {
    expect(await hostCall({ f: () => ({ g() {} }) }, 'f', [])).toMatchObject({
      ok: false,
      value: { code: 'ERR_DATA_CLONE', message: 'f().g can\'t be cloned: a function' },
    })
  })

  test('a host function that is not there', async () => {
    expect(await hostCall({}, 'f', [])).toMatchObject({ ok: false, value: { message: 'host function f does not exist in this isolate' } })
  })

  test('to an isolate that is gone are ignored', () => {
    expect(() => report({ kind: 'hostCall', id: 1, isolate: 1e9, path: 'f', bytes: new Uint8Array() })).not.toThrow()
  })
})

describe('garbage collection', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const collect = async (): Promise<void> => {
    for (let round = 0; round < 5; round += 1) {
      gc()
      await turn()
    }
  }

  test('takes an isolate that only its own bindings refer to', async () => {
    await collect()
    const before = log.live
    await (async () => {
      const holder: { isolate?: unknown } = {}
      holder.isolate = await createIsolate({ bindings: { f: () => holder.isolate } })
    })()
    expect(log.live).toBe(before + 1)
    await collect()
    expect(log.live).toBe(before)
  })

  test('leaves an isolate with a pending call, or whose api is held', async () => {
    await collect()
    const before = log.live
    const call = await (async () => ({ result: (await createIsolate()).eval('1') }))()
    const request = last()
    const { api } = await createIsolate()
    await collect()
    expect(log.live).toBe(before + 2)
    answer(request, 1)
    expect(await call.result).toBe(1)
    await collect()
    expect(log.live).toBe(before + 1)
    expect(api).toBeTypeOf('object')
  })
})
