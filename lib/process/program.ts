import { join } from 'node:path'
import type { NativeProcessProgram } from '../../native.js'

/**
 * What a process for isolates gets of the host's environment: where libraries
 * are found, and what makes dates and `Intl` the host's. Nothing else: no secret,
 * and no `NODE_OPTIONS`.
 */
const PASSED_ON = ['TZ', 'LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES', 'LC_TIME', 'LD_LIBRARY_PATH', 'NAPI_RS_NATIVE_LIBRARY_PATH', 'SystemRoot']

/** How to start a process for isolates. */
export function program(): NativeProcessProgram {
  const environment = PASSED_ON.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [name, value]
  })
  // Electron's own executable is Node.js only when it is told so.
  if ('electron' in process.versions) environment.push('ELECTRON_RUN_AS_NODE', '1')
  return {
    program: process.execPath,
    // The child collects what messages leave behind by itself.
    arguments: ['--expose-gc', join(__dirname, 'isolate-process.js'), String(process.pid)],
    environment,
    // The host's own may be gone, and Node.js does not start without one.
    directory: __dirname,
  }
}
