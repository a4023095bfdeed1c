import { transformSync } from 'esbuild'
import type { SourceObject } from 'isoseed'

/** Code as it comes out of a build, with a source map that leads to `original`: compressed, so that no position stays what it was. */
export function source(code: string, name: string, original: string): SourceObject {
  const { code: compressed } = transformSync(`\n\n${code}`, { sourcefile: original, sourcemap: 'inline', minifyWhitespace: true, minifySyntax: false, charset: 'utf8' })
  return { code: compressed, name }
}
