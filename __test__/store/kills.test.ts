// An agent's counter, killed again and again: no step that was acknowledged is ever lost, and none is half there.
// ISOSEED_KILLS=1000 kills so often; by default as often as a test may take time for.
import { expect, test } from 'vitest'
import { describeDatabases } from './places.js'
import { Host } from './program.js'

const KILLS = Number(process.env['ISOSEED_KILLS'] ?? 12)

describeDatabases((makePlace) => {
  test(`a session survives ${KILLS} kill -9 without losing an acknowledged step`, { timeout: 60_000 + KILLS * 5000 }, async () => {
    const place = makePlace()
    let acknowledged = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const host = new Host('counter.mjs', { location: place.location })
      // At another moment each time: while it opens, before its first step, in the middle of one.
      const steps = kill % 4
      if (steps > 0) await host.says('kept', steps)
      else await host.says('found')
      host.child.kill('SIGKILL')
      await host.ended
      const found = Number(host.lines.find((line) => line.startsWith('found'))!.slice('found '.length))
      // The step that it was killed in may be there or not.
      expect(found).toBeGreaterThanOrEqual(acknowledged)
      expect(found).toBeLessThanOrEqual(acknowledged + 1)
      const kept = host.lines.filter((line) => line.startsWith('kept')).map((line) => Number(line.slice('kept '.length)))
      expect(kept).toEqual(kept.map((_, index) => found + index + 1))
      acknowledged = kept.at(-1) ?? found
    }
    const last = new Host('counter.mjs', { location: place.location })
    await last.says('kept')
    last.child.kill('SIGKILL')
    await last.ended
    const found = Number(last.lines[0]!.slice('found '.length))
    expect(found - acknowledged === 0 || found - acknowledged === 1).toBe(true)
    place.remove()
  })
})
