import { createRequire } from 'node:module'
import { join } from 'node:path'
import { IsoseedError } from '../index.js'

/** The exports of esbuild. */
export type Esbuild = typeof import('esbuild')

/**
 * esbuild, an optional peer dependency: beside isoseed, or else, for an isoseed
 * that is installed elsewhere, where the working directory finds it.
 *
 * @throws `IsoseedError` with `ERR_BUNDLE`
 */
export function loadEsbuild(workingDirectory: string): Esbuild {
  const requires = [__filename, join(workingDirectory, 'package.json')].map((place) => createRequire(place))
  const found = requires.find((require) => resolves(require))
  if (found === undefined) {
    throw new IsoseedError('ERR_BUNDLE', 'isoseed/bundle needs esbuild, which is not installed: run `npm install --save-dev esbuild`')
  }
  try {
    return found('esbuild') as Esbuild
  } catch (cause) {
    throw new IsoseedError('ERR_BUNDLE', `esbuild can't be loaded: ${String((cause as Partial<Error> | null)?.message)}`, { cause })
  }
}

function resolves(require: NodeJS.Require): boolean {
  try {
    require.resolve('esbuild')
    return true
  } catch {
    return false
  }
}
