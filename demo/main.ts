// The demo: real libraries in one snapshot, many isolated sessions from it, and code that misbehaves.
// Run it with `npm run demo`.
import { isDeepStrictEqual } from 'node:util'
import { GuestError, buildSnapshot, createIsolate, verifyIsolation } from 'isoseed'
import type { Isolate, Snapshot } from 'isoseed'
import type { Api } from './guest.ts'
import { check, checkError, conclude, mb, median, ms, row, section } from './report.ts'
import { expectedAnswer, guestSources, orderNumber } from './sources.ts'
import type { GuestSources } from './sources.ts'

const SESSIONS = 50
const ROUNDS = 15

const prices: Record<string, number> = { 'BK-101': 1250, 'TL-007': 4999 }
const bindings = {
  priceOf: async (sku: string): Promise<number> => {
    const price = prices[sku]
    if (price === undefined) throw new RangeError(`no such article: ${sku}`)
    return price
  },
}

const sources = await guestSources()
const snapshot = await showSnapshot(sources)
await showSessions(snapshot)
await showFirstResult(sources, snapshot)
await showIsolation(snapshot)
await showLimits(snapshot)
conclude()

async function showSnapshot({ bridge, bundle, warmup }: GuestSources): Promise<Snapshot> {
  section('A snapshot of lodash, zod and handlebars')
  const built = await buildSnapshot({ bridge, bundle, warmup, bindings: Object.keys(bindings) })
  const { info } = built
  row('sources', info.sources.map((source) => `${source.name} ${(source.bytes / 1024).toFixed(1)} KiB`).join(', '))
  row('key', `${built.key.slice(0, 16)}...`)
  row('built in', ms(info.buildMs))
  row('heap image', `${mb(info.blobBytes)} of ${mb(info.heapBytes)} heap`)
  row('V8 and platform', `${info.v8Version} on ${info.platform}`)
  for (const warning of info.warnings) row('warning', warning.message)
  return built
}

async function showSessions(seed: Snapshot): Promise<void> {
  section(`${SESSIONS} sessions from it, all alive at once`)
  const rssBefore = process.memoryUsage.rss()
  const opening = performance.now()
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => createIsolate<Api>({ snapshot: seed, bindings })))
  row('opened in', `${ms(performance.now() - opening)}, ${ms((performance.now() - opening) / SESSIONS)} each`)

  const working = performance.now()
  const answers = await Promise.all(sessions.map((session, number) => useSession(session, number)))
  row('worked for', ms(performance.now() - working))
  row('memory', `${mb((process.memoryUsage.rss() - rssBefore) / SESSIONS)} each`)
  check('seeded from the snapshot', sessions.every((session) => session.seededFrom === 'snapshot'))
  check('valid orders accepted (zod)', answers.every((answer) => answer.problems.length === 0))
  check('wrong orders refused (zod)', answers.every((answer) => answer.wrong.length === 2), answers[0]!.wrong.join('; '))
  check('sums and invoices right', answers.every((answer) => answer.right), 'lodash and handlebars')
  check('host function answered', answers.every((answer) => answer.quote === '37.50 EUR'), 'priceOf, captured in the snapshot')
  check('no session saw another', answers.every((answer) => answer.visits === 1))
  await Promise.all(sessions.map((session) => session.dispose()))
}

async function useSession({ api: { shop } }: Isolate<Api>, number: number) {
  const order = orderNumber(number)
  const broken = { ...order, customer: { name: '', email: 'nobody' } }
  const [problems, wrong, totals, invoice, quote, visits] = await Promise.all([
    shop.validateOrder(order),
    shop.validateOrder(broken),
    shop.groupAndSum(order),
    shop.renderInvoice(order),
    shop.quote('BK-101', 3),
    shop.visit(),
  ])
  return { problems, wrong, quote, visits, right: isDeepStrictEqual({ totals, invoice }, expectedAnswer(order)) }
}

async function showFirstResult({ bridge, bundle }: GuestSources, seed: Snapshot): Promise<void> {
  section('Time from createIsolate to the first result')
  const order = orderNumber(1)
  const expected = expectedAnswer(order)
  let allRight = true

  const withSnapshot = async (): Promise<number> => {
    const started = performance.now()
    const isolate = await createIsolate<Api>({ snapshot: seed, bindings })
    const answer = await isolate.api.shop.processOrder(order)
    const elapsed = performance.now() - started
    allRight &&= isDeepStrictEqual(answer, expected)
    await isolate.dispose()
    return elapsed
  }
  const withoutSnapshot = async (): Promise<number> => {
    const started = performance.now()
    const isolate = await createIsolate<Api>({ bindings })
    await isolate.eval(bridge)
    await isolate.eval(bundle)
    const answer = await isolate.api.shop.processOrder(order)
    const elapsed = performance.now() - started
    allRight &&= isDeepStrictEqual(answer, expected)
    await isolate.dispose()
    return elapsed
  }

  const seeded: number[] = []
  const evaluated: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    seeded.push(await withSnapshot())
    evaluated.push(await withoutSnapshot())
  }
  row('with the snapshot', `${ms(median(seeded))}   median of ${ROUNDS}`)
  row('blank isolate, same bundle', `${ms(median(evaluated))}   ${(median(evaluated) / median(seeded)).toFixed(1)} times as long`)
  check('same answer both ways', allRight)
}

async function showIsolation(seed: Snapshot): Promise<void> {
  section('verifyIsolation: a hostile session, then another against an untouched one')
  const report = await verifyIsolation(seed)
  for (const { name, ok, detail } of report.checks) check(name, ok, detail)
  for (const { path, detail } of report.leaks) row('leak', `${path}: ${detail}`)
  check('isolated', report.ok, `${report.leaks.length} leaks`)
}

async function showLimits(seed: Snapshot): Promise<void> {
  section('Code that misbehaves')
  const session = await createIsolate<Api>({ snapshot: seed, bindings })

  let ticks = 0
  const timer = setInterval(() => (ticks += 1), 10)
  await checkError('endless loop', 'ERR_TIMEOUT', () => session.eval('for (;;) {}', { timeoutMs: 300 }))
  clearInterval(timer)
  check('the host kept running meanwhile', ticks >= 10, `${ticks} timer ticks`)
  check('that session still answers', (await session.api.shop.visit()) === 1)

  const victim = await createIsolate<Api>({ snapshot: seed, bindings, memoryLimitMb: 64 })
  const bomb = 'const hoard = []; for (;;) hoard.push(Array.from({ length: 1000 }, (_, i) => ({ i })))'
  await checkError('heap bomb, 64 MiB allowed', 'ERR_MEMORY_LIMIT', () => victim.eval(bomb))
  await checkError('that session is finished', 'ERR_DISPOSED', () => victim.api.shop.visit())
  await victim.dispose()

  await checkError('exception in the guest', 'ERR_GUEST', () => session.eval('shop.oops()', { filename: 'user-code.js' }))
  await checkError('exception in a host function', 'ERR_GUEST', () => session.api.shop.quote('XX-000', 1))
  check('with the guest\'s file and line', await guestPosition(session), 'user-code.js:2')

  const { heapUsedBytes, calls, hostCalls, startMs } = await session.stats()
  row('a session\'s figures', `${mb(heapUsedBytes)} heap, ${calls} calls, ${hostCalls} host calls, ready after ${ms(startMs)}`)
  check('the session answers after all that', (await session.api.shop.visit()) === 2)
  await session.dispose()
}

async function guestPosition(session: Isolate<Api>): Promise<boolean> {
  try {
    await session.eval('\nshop.oops()', { filename: 'user-code.js' })
    return false
  } catch (error) {
    return error instanceof GuestError && error.name === 'TypeError' && /user-code\.js:2/.test(error.stack ?? '')
  }
}
