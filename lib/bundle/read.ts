import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import type { OnLoadResult, Plugin } from 'esbuild'

const HASHBANG_AFTER_BOM = Buffer.from('\u{feff}#!')

/**
 * Looks at each file before esbuild does; goes after the user's plugins. Only
 * what esbuild can't read as Node would is handed to it as text:
 *
 * - A byte order mark before a hashbang: esbuild takes the hashbang for code.
 * - Bytes that are not UTF-8: esbuild hands them on, or never ends. In a file
 *   of the user's own they are refused, since its strings would silently be
 *   others than the author wrote; nobody could repair those of a package.
 */
export function reading(workingDirectory: string): Plugin {
  return {
    name: 'isoseed-read',
    setup(build) {
      build.onLoad({ filter: /\.(?:[cm]?[jt]sx?|json|txt|css)$/, namespace: 'file' }, async ({ path }) => {
        // One that can't be read is esbuild's to report.
        const bytes = await readFile(path).catch(() => undefined)
        if (bytes === undefined) return undefined
        if (isUtf8(bytes)) {
          const marked = bytes.subarray(0, HASHBANG_AFTER_BOM.length).equals(HASHBANG_AFTER_BOM)
          return marked ? { contents: bytes.subarray(3), loader: 'default' } : undefined
        }
        if (/[\\/]node_modules[\\/]/.test(path)) return { contents: bytes.toString(), loader: 'default' }
        return broken(relative(workingDirectory, path).split(sep).join('/'), bytes)
      })
    },
  }
}

function broken(file: string, bytes: Buffer): OnLoadResult {
  // What is broken reads as U+FFFD.
  const before = bytes.toString().split('\u{fffd}', 1)[0] as string
  const lines = before.split('\n')
  return { errors: [{ text: 'the text is not UTF-8', location: { file, line: lines.length, column: lines.at(-1)?.length ?? 0 } }] }
}
