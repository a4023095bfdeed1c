// For the rehearsal, whose context is thrown away: another clock and other random numbers than the
// real run has, and a record of who asked for them. Called before any source of the user.
(now, position) => {
  'use strict'
  const { stringify } = JSON
  const { apply, construct } = Reflect
  const RealDate = Date
  const MOST_READS = 1000
  const reads = []
  const record = (kind, value) => {
    if (reads.length < MOST_READS) reads[reads.length] = { __proto__: null, kind, value: `${value}`, source: position() }
    return value
  }

  let ticks = 0
  const clock = () => record('clock', now + ticks++)
  const FakeDate = new Proxy(RealDate, {
    __proto__: null,
    apply: () => `${new RealDate(clock())}`,
    construct: (target, args, newTarget) =>
      construct(target, args.length === 0 ? [clock()] : args, newTarget === FakeDate ? target : newTarget),
  })
  RealDate.now = { now: () => clock() }.now
  RealDate.prototype.constructor = FakeDate
  globalThis.Date = FakeDate

  // Mulberry32: small, and never what V8's own generator says.
  let state = now | 0
  Math.random = {
    random() {
      state = (state + 0x6d2b79f5) | 0
      let bits = state
      bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
      return record('random', ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32)
    },
  }.random
  return () => stringify(reads)
}
