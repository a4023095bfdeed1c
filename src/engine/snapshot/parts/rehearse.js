// For the rehearsal, whose context is thrown away: another clock and other random numbers than the
// real run has, and a record of who asked for them. Called before any source of the user.
(now, seed, position, parts) => {
  'use strict'
  const { stringify } = JSON
  const { apply, construct } = Reflect
  const RealDate = Date
  const Reference = WeakRef
  const deref = WeakRef.prototype.deref
  const MOST_READS = 1000
  const reads = []
  const record = (kind, value) => {
    if (reads.length < MOST_READS) reads[reads.length] = { __proto__: null, kind, value: `${value}`, source: position() }
    return value
  }

  let ticks = 0
  const clock = () => record('clock', now + ticks++)
  // V8's picture of the heap does not show a Date's time.
  const dates = []
  const FakeDate = new Proxy(RealDate, {
    __proto__: null,
    apply: () => `${new RealDate(clock())}`,
    construct(target, args, newTarget) {
      const actual = newTarget === FakeDate ? target : newTarget
      if (args.length > 0) return construct(target, args, actual)
      const date = construct(target, [clock()], actual)
      if (dates.length < MOST_READS) dates[dates.length] = { __proto__: null, date: new Reference(date), source: position() }
      return date
    },
  })
  RealDate.now = { now: () => clock() }.now
  RealDate.prototype.constructor = FakeDate
  globalThis.Date = FakeDate

  // Mulberry32: small, and never what V8's own generator says.
  let state = seed
  Math.random = {
    random() {
      state = (state + 0x6d2b79f5) | 0
      let bits = state
      bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
      return record('random', ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32)
    },
  }.random
  // Where a built-in loses its extensibility, for the finding that says so.
  const noting = (holder, name) => {
    const original = holder[name]
    const replacement = {
      [name](object) {
        parts.noteFrozen(object)
        return apply(original, this, arguments)
      },
    }[name]
    holder[name] = replacement
  }
  noting(Object, 'freeze')
  noting(Object, 'seal')
  noting(Object, 'preventExtensions')
  noting(Reflect, 'preventExtensions')

  return {
    __proto__: null,
    reads: () => stringify(reads),
    // The dates that are still there, each followed by where it was made.
    dates() {
      const alive = []
      for (let index = 0; index < dates.length; index++) {
        const date = apply(deref, dates[index].date, [])
        if (date !== undefined) alive[alive.length] = [date, dates[index].source]
      }
      return alive
    },
  }
}
