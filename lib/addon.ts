import { IsoseedError } from './errors.js'

/** The native addon's exports. */
export type Native = typeof import('../native.js')

let native: Native | undefined

/**
 * The native addon, loaded when it is first needed: importing isoseed costs
 * nothing and fails nowhere, a missing addon is an error that can be caught.
 *
 * @throws `IsoseedError` with `ERR_ADDON_LOAD`
 */
export function loadNative(): Native {
  if (native !== undefined) return native
  try {
    // A plain `require`, so that the bundle leaves it to Node: native.js lies beside the bundle.
    native = require('../native.js') as Native
    return native
  } catch (cause) {
    const message = `the native addon can't be loaded for ${process.platform}-${process.arch} and Node ${process.version}`
    throw new IsoseedError('ERR_ADDON_LOAD', `${message}: ${String((cause as Partial<Error>)?.message)}`, { cause })
  }
}
