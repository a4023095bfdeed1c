// What a bomb's report must say.

/** The most that a bomb may add to its process, in MB: so many times the limit, and so much more. */
export const bound = (limitMb) => 3 * limitMb + 64

/** What the optimising compilers may need for one function of the greatest size that they take. */
const ONE_COMPILATION_MB = 128

/** The most that an isolate's own process may take above what it took at first. */
export const processBound = (limitMb) => 3 * limitMb + 64

/** The most that its host takes then: what guests send, up to the limit, is read there. */
export const hostBound = (limitMb) => 3 * limitMb + 16

/**
 * What a guest in a process of its own may be told instead: an exception, when the system refuses memory that V8's own
 * limit had not seen yet; that it is finished, when that was before its second call arrived.
 */
const REFUSED = ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ERR_DISPOSED']

/** Everything that is wrong with a report; nothing when all is well. */
export function faults(bomb, report, limitMb) {
  const { outcome, after, cause, peakMb, processPeakMb, stderr } = report
  const wrong = []
  const expected = processPeakMb === undefined ? bomb.expect : [...bomb.expect, ...REFUSED]
  if (!expected.includes(outcome)) wrong.push(`the outcome is ${outcome} (${report.message}), and not ${expected.join(' or ')}`)
  if (outcome.startsWith('process')) return wrong
  if (outcome === 'ERR_MEMORY_LIMIT' || after === 'ERR_DISPOSED') {
    if (after !== 'ERR_DISPOSED' || cause !== 'ERR_MEMORY_LIMIT') wrong.push(`afterwards a call is answered ${after} with the cause ${cause}`)
  } else if (after !== 'ok' && after !== 'ERR_MEMORY_LIMIT') {
    // The language may refuse before the limit is passed, and leave what the next call passes it with.
    wrong.push(`afterwards a call is answered ${after}`)
  }
  const helpersMb = bomb.isOnHelpers === true ? ONE_COMPILATION_MB : 0
  const most = processPeakMb === undefined ? bound(limitMb) + helpersMb : hostBound(limitMb)
  if (bomb.isHostMade !== true && peakMb > most) wrong.push(`the process took ${peakMb} MB more, and may take ${most}`)
  const mostOfProcess = processBound(limitMb) + helpersMb
  if (processPeakMb > mostOfProcess) wrong.push(`the isolate's process took ${processPeakMb} MB more, and may take ${mostOfProcess}`)
  if (stderr !== '') wrong.push('V8 wrote to standard error')
  return wrong
}
