// The end of a session: what is saved then, and from where it can be asked for.
import { buildSnapshot } from 'isoseed'
import type { OpenSessionOptions, Session } from 'isoseed'
import { describe, expect, test } from 'vitest'
import { codeOf, deferred, rejection } from '../support/rejection.js'
import { newId, open } from './opened.js'

/** A session in which code has begun to run after its last step: whether it came to its end is told by `ran`. */
async function later(code: string, options: Partial<OpenSessionOptions> = {}): Promise<{ session: Session; ran: Promise<void> }> {
  const [stepped, ran] = [deferred(), deferred()]
  const session = await open(newId(), { bindings: { stepped: () => stepped.promise, ran: () => ran.resolve() }, ...options })
  await session.eval('state.n = 1')
  await session.eval(`stepped().then(() => { ${code}; ran() }); 0`)
  stepped.resolve()
  return { session, ran: ran.promise }
}

/** The same, when it has run. */
async function afterStep(code: string, options: Partial<OpenSessionOptions> = {}): Promise<Session> {
  const { session, ran } = await later(code, options)
  await ran
  return session
}

const reopened = async ({ id }: Session): Promise<unknown> => (await open(id)).eval('state.n')

describe('what the guest changed after the last step', () => {
  test.each<[string, Partial<OpenSessionOptions>, number]>([
    ["is saved with save: 'call'", {}, 99],
    ['is saved with everyCalls', { save: { everyCalls: 100 } }, 99],
    ['is saved with everyMs', { save: { everyMs: 1_000_000 } }, 99],
  ])('%s', async (_, options, expected) => {
    const session = await afterStep('state.n = 99', options)
    await session.close()
    expect(await reopened(session)).toBe(expected)
  })

  test("is not saved with save: 'manual'", async () => {
    const session = await afterStep('state.n = 99', { save: 'manual' })
    await session.close()
    expect((await open(session.id)).resumed).toBe(false)
  })

  test('is told if it can not be kept, and what the steps left is saved', async () => {
    const session = await afterStep('state.f = () => 1', { save: { everyCalls: 100 } })
    expect(await rejection(session.close())).toMatchObject({ code: 'ERR_STATE_VALUE', details: { path: 'state.f' } })
    expect(await reopened(session)).toBe(1)
  })

  test('is gone with an isolate that has ended, and what the steps left is saved', async () => {
    const { session } = await later('state.n = 99; const all = []; for (;;) all.push(new Array(1000).fill(1))', { save: { everyCalls: 100 }, memoryLimitMb: 32 })
    await expect.poll(() => codeOf(session.stats())).toBeDefined()
    await session.close()
    expect(await reopened(session)).toBe(1)
  })
})

test('a state is walked again only after code of the guest has run', async () => {
  const snapshot = await buildSnapshot({
    bundle: `globalThis.walks = 0
      globalThis.Counted = class Counted {
        static [Symbol.for('isoseed.state')] = { toState: () => ((walks += 1), {}), fromState: () => new Counted() }
      }`,
  })
  const session = await open(newId(), { snapshot, save: 'manual' })
  await session.eval('state.counted = new Counted(); 0')
  await session.save()
  await session.exportState()
  expect(await session.eval('walks')).toBe(1)
  await session.save()
  expect(await session.eval('walks')).toBe(2)
})

test('a state that was deleted between two steps is told of, and there again', async () => {
  const session = await afterStep('delete globalThis.state', { save: 'manual' })
  expect(await rejection(session.save())).toMatchObject({ code: 'ERR_STATE_VALUE', details: { path: 'state' } })
  expect(await session.eval('state.n')).toBe(1)
})

test('a session that ran no step writes nothing when it is closed', async () => {
  const session = await open(newId())
  await session.close()
  expect((await open(session.id)).resumed).toBe(false)
})

describe('asked for from a binding of its own call', () => {
  const methods = ['save', 'restore', 'importState', 'exportState', 'close'] as const

  test.each(methods)('%s is refused, and the session goes on', async (method) => {
    const holder: { session?: Session } = {}
    const ask = {
      save: () => holder.session!.save(),
      restore: () => holder.session!.restore(1),
      importState: () => holder.session!.importState(new Uint8Array()),
      exportState: () => holder.session!.exportState(),
      close: () => holder.session!.close(),
    }[method]
    const session = await open(newId(), { bindings: { ask: async () => void (await ask()) } })
    holder.session = session
    expect(await session.eval('ask().then(() => "none", ({ code }) => code)')).toBe('ERR_NESTED_CALL')
    expect(await session.eval('state.n = 1')).toBe(1)
    await session.close()
    expect(await reopened(session)).toBe(1)
  })

  test('close is refused, too, when the end is under way already', async () => {
    const [begun, goOn] = [deferred(), deferred()]
    const holder: { session?: Session } = {}
    const bindings = {
      ask: async () => {
        begun.resolve()
        await goOn.promise
        await holder.session!.close()
      },
    }
    const session = await open(newId(), { bindings })
    holder.session = session
    const step = session.eval('ask().then(() => "none", ({ code }) => code)')
    await begun.promise
    const closed = session.close()
    goOn.resolve()
    expect(await step).toBe('ERR_NESTED_CALL')
    await closed
  })

  test('close waits for the step if it is called when that is over', async () => {
    const done = deferred<unknown>()
    const holder: { session?: Session } = {}
    const bindings = { later: () => void setImmediate(() => void over.promise.then(() => holder.session!.close()).then(done.resolve, done.resolve)) }
    const over = deferred()
    const session = await open(newId(), { bindings })
    holder.session = session
    await session.eval('later(); state.n = 1')
    over.resolve()
    expect(await done.promise).toBeUndefined()
    expect(await reopened(session)).toBe(1)
  })
})
