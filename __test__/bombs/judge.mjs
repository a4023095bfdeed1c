// What a bomb's report must say.

/** The most that a process may take above an idle one: so many times the limit, and so much more. */
export const bound = (limitMb) => 4 * limitMb + 64

/** Everything that is wrong with a report; nothing when all is well. */
export function faults(bomb, report, limitMb) {
  const { outcome, after, cause, peakMb, stderr } = report
  const wrong = []
  if (!bomb.expect.includes(outcome)) wrong.push(`the outcome is ${outcome} (${report.message}), and not ${bomb.expect.join(' or ')}`)
  if (outcome.startsWith('process')) return wrong
  const isFinished = outcome === 'ERR_MEMORY_LIMIT' || after === 'ERR_DISPOSED'
  if (isFinished && (after !== 'ERR_DISPOSED' || cause !== 'ERR_MEMORY_LIMIT')) wrong.push(`afterwards a call is answered ${after} with the cause ${cause}`)
  if (!isFinished && after !== 'ok') wrong.push(`afterwards a call is answered ${after}`)
  if (bomb.isHostMade !== true && peakMb > bound(limitMb)) wrong.push(`the process took ${peakMb} MB more, and may take ${bound(limitMb)}`)
  if (stderr !== '') wrong.push('V8 wrote to standard error')
  return wrong
}
