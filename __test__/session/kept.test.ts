// What is not kept is refused or named: nothing that a guest has reason to think is its state is lost in silence.
import { buildSnapshot, openSession, openStore } from 'isoseed'
import type { GuestError, IsoseedError, OpenSessionOptions } from 'isoseed'
import { expect, test } from 'vitest'
import { rejection } from '../support/rejection.js'

const memory = () => openStore('memory:')
const HIDDEN = 'a top-level let, const or class of that name hides it: use var or an assignment instead, or keep another global by the option state'

test('a step that hides the state is refused and undone', async () => {
  const options = { store: await memory() }
  await using session = await openSession('hidden', options)
  await session.eval('state.n = 1')
  const error = (await rejection(session.eval('let state = { n: 5 }; state.n'))) as IsoseedError
  expect(error.code).toBe('ERR_STATE_VALUE')
  expect(error.details).toEqual({ path: 'state', why: HIDDEN })
  expect(await session.eval('++state.n')).toBe(2)
  await session.close()
  await using again = await openSession('hidden', options)
  expect(await again.eval('state.n')).toBe(2)
})

test('a snapshot that hides the state does not open, and does with another name', async () => {
  const snapshot = await buildSnapshot({ bundle: 'let state = { n: 0 }; function add() { return kept.n = (kept.n ?? 0) + 1 }' })
  const options: OpenSessionOptions = { store: await memory(), snapshot }
  const error = (await rejection(openSession('let', options))) as IsoseedError
  expect([error.code, error.message]).toEqual(['ERR_STATE_VALUE', `state can't be kept: ${HIDDEN}`])
  for (const expected of [1, 2]) {
    await using session = await openSession('let', { ...options, state: 'kept' })
    expect(await session.call('add')).toBe(expected)
  }
})

test('globals that are not kept, and changes of the snapshot, are in unkept', async () => {
  const snapshot = await buildSnapshot({ bundle: 'var cfg = { v: 1 }; class Point { static count = 0 } var old = 1; globalThis.gone = 2' })
  const options: OpenSessionOptions = { store: await memory(), snapshot, keepGlobals: true }
  await using session = await openSession('unkept', options)
  await session.eval("x = 1; globalThis[7] = 5; globalThis[Symbol.for('k')] = 5; cfg.v = 2; Point.count = 5; state.p = new Point(); delete globalThis.gone; 0")
  await session.eval('let x = 2')
  const { unkept } = await session.info()
  expect(unkept.map(({ path }) => path).toSorted()).toEqual(['Point.count', '[Symbol(k)]', 'cfg.v', 'gone', 'x'])
  await session.close()
  await using again = await openSession('unkept', options)
  expect(await again.eval('[globalThis[7], typeof x, cfg.v, Point.count, gone]')).toEqual([5, 'undefined', 1, 0, 2])
})

test('a class that does not take back its instance is named, with what it threw as cause', async () => {
  const bundle = (body: string): string =>
    `class Money { constructor(cents) { this.cents = cents } static [Symbol.for('isoseed.state')] = { toState: (m) => m.cents, fromState: (cents) => { ${body} } } }`
  const store = await memory()
  const fine = await buildSnapshot({ bundle: bundle('return new Money(cents)') })
  const broken = await buildSnapshot({ bundle: bundle("throw new RangeError('too much')") })
  await using session = await openSession('money', { store, snapshot: fine })
  await session.eval('state.wallet = [new Money(5)]; 0')
  await session.close()
  const error = (await rejection(openSession('money', { store, snapshot: broken }))) as IsoseedError
  expect(error.code).toBe('ERR_STATE_VALUE')
  expect(error.details).toEqual({ path: 'state.wallet[0]', why: 'the fromState of Money threw: RangeError: too much' })
  expect([(error.cause as GuestError).code, (error.cause as GuestError).message]).toEqual(['ERR_GUEST', 'too much'])
  await using again = await openSession('money', { store, snapshot: fine })
  expect(await again.eval('state.wallet[0].cents')).toBe(5)
})
