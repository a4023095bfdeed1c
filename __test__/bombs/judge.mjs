// What a bomb's report must say.

/** The most that a bomb may add to its process, in MB: so many times the limit, and so much more. */
export const bound = (limitMb) => 3 * limitMb + 64

/** What the optimising compilers may need for one function of the greatest size that they take. */
const ONE_COMPILATION_MB = 128

/** Everything that is wrong with a report; nothing when all is well. */
export function faults(bomb, report, limitMb) {
  const { outcome, after, cause, peakMb, stderr } = report
  const wrong = []
  if (!bomb.expect.includes(outcome)) wrong.push(`the outcome is ${outcome} (${report.message}), and not ${bomb.expect.join(' or ')}`)
  if (outcome.startsWith('process')) return wrong
  if (outcome === 'ERR_MEMORY_LIMIT') {
    if (after !== 'ERR_DISPOSED' || cause !== 'ERR_MEMORY_LIMIT') wrong.push(`afterwards a call is answered ${after} with the cause ${cause}`)
  } else if (after !== 'ok' && after !== 'ERR_MEMORY_LIMIT') {
    // The language may refuse before the limit is passed, and leave what the next call passes it with.
    wrong.push(`afterwards a call is answered ${after}`)
  }
  const most = bound(limitMb) + (bomb.isOnHelpers === true ? ONE_COMPILATION_MB : 0)
  if (bomb.isHostMade !== true && peakMb > most) wrong.push(`the process took ${peakMb} MB more, and may take ${most}`)
  if (stderr !== '') wrong.push('V8 wrote to standard error')
  return wrong
}
