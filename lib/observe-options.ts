import type { Given } from './checks.js'
import type { ConsoleSink } from './observe-types.js'
import type { Listeners } from './reports.js'

/** @throws `TypeError` with `ERR_INVALID_ARG` */
export function checkListeners(given: Given): Listeners {
  const console = given.get('console') === undefined ? 'ignore' : given.get('console')
  if (console !== 'ignore' && console !== 'inherit' && typeof console !== 'function') {
    throw given.fail('console', '"ignore", "inherit" or a function')
  }
  const onUnhandledRejection = given.get('onUnhandledRejection')
  if (onUnhandledRejection !== undefined && typeof onUnhandledRejection !== 'function') {
    throw given.fail('onUnhandledRejection', 'a function')
  }
  return { console: console as ConsoleSink, onUnhandledRejection: onUnhandledRejection as Listeners['onUnhandledRejection'] }
}
