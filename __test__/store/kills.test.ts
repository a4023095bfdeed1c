// A chat agent's counter, killed again and again at random moments: no turn that was acknowledged is ever lost, and
// none is half there. ISOSEED_KILLS=1000 kills so often; by default as often as a test may take time for.
// ISOSEED_KILLS_SEED=<n> draws the moments of another run.
import { setTimeout } from 'node:timers/promises'
import { openSession } from 'isoseed'
import { expect, test } from 'vitest'
import { describeDatabases } from './places.js'
import { Host } from './program.js'

const KILLS = Number(process.env['ISOSEED_KILLS'] ?? 12)
const SEED = Number(process.env['ISOSEED_KILLS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Where a process was when it was killed. */
interface Census {
  opening: number
  beforeTheFirst: number
  later: number
}

describeDatabases((makePlace) => {
  test(`an agent survives ${KILLS} kill -9 without losing an acknowledged turn (seed ${SEED})`, { timeout: 120_000 + KILLS * 10_000 }, async () => {
    const place = makePlace()
    const random = generator(SEED)
    const census: Census = { opening: 0, beforeTheFirst: 0, later: 0 }
    let acknowledged = 0
    // What opening and a turn took last, so that moments fall all over them whatever the machine does beside.
    let [openingMs, turnMs] = [500, 20]
    for (let kill = 0; kill < KILLS; kill++) {
      const started = performance.now()
      const host = new Host('counter.mjs', { location: place.location })
      // A third while it opens; the others within a turn, after up to three turns.
      if (random() < 1 / 3) {
        await Promise.race([setTimeout(random() * openingMs), host.ended])
      } else {
        const turns = Math.floor(random() * 4)
        await host.says('found')
        openingMs = performance.now() - started
        const began = performance.now()
        if (turns > 0) {
          await host.says('kept', turns)
          turnMs = (performance.now() - began) / turns
        }
        await setTimeout(random() * turnMs)
      }
      host.child.kill('SIGKILL')
      expect({ ...(await host.ended), errors: host.errors }).toEqual({ code: null, signal: 'SIGKILL', errors: '' })

      const kept = host.lines.filter((line) => line.startsWith('kept')).map((line) => Number(line.slice('kept '.length)))
      census[host.lines.length === 0 ? 'opening' : kept.length === 0 ? 'beforeTheFirst' : 'later'] += 1
      if (host.lines.length === 0) continue
      const found = Number(host.lines[0]!.slice('found '.length))
      // The turn that the one before was killed in may be there or not.
      expect([acknowledged, acknowledged + 1]).toContain(found)
      expect(kept).toEqual(kept.map((_, index) => found + index + 1))
      acknowledged = kept.at(-1) ?? found
    }
    console.log(`killed ${census.opening} times while it opened, ${census.beforeTheFirst} before its first turn was kept, ${census.later} later; ${acknowledged} turns acknowledged`)

    // The last one's lease ends by itself.
    let session
    while (session === undefined) {
      session = await openSession('agent', { store: place.location }).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'ERR_SESSION_LOCKED') throw error
        return setTimeout(20, undefined)
      })
    }
    const [turns, dates, texts, linked] = await session.eval<[number, boolean, string[], boolean]>(`[
      state.turns,
      state.messages.every(({ role, at }) => role === 'agent' || at instanceof Date),
      state.messages.map(({ text }) => text),
      state.messages.every(({ role, to }, index) => role === 'user' || to === state.messages[index - 1]),
    ]`)
    await session.close()
    expect([acknowledged, acknowledged + 1]).toContain(turns)
    expect([dates, linked]).toEqual([true, true])
    expect(texts).toEqual(Array.from({ length: turns }, (_, index) => [`turn ${index + 1}`, `answer ${index + 1}`]).flat())
    place.remove()
  })
})
