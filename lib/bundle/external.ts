import type { Plugin } from 'esbuild'

const NAMESPACE = 'isoseed-external'

/**
 * Makes `import('x')` of what is external ask `require`, as `import x from 'x'`
 * does in a CommonJS bundle: V8's own import knows ES modules only.
 */
export function dynamicImports(external: readonly string[]): Plugin {
  // A path is compared after it was resolved, a name before.
  const names = external.filter((name) => !/^[./]/.test(name)).map(pattern)
  return {
    name: NAMESPACE,
    setup(build) {
      if (names.length === 0) return
      build.onResolve({ filter: new RegExp(`^(?:${names.join('|')})(?:/.*)?$`) }, ({ kind, path }) =>
        kind === 'dynamic-import' ? { path, namespace: NAMESPACE } : undefined)
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)})`,
      }))
    },
  }
}

/** The name as a regular expression that both JavaScript and Go read. */
function pattern(name: string): string {
  return name.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`).replaceAll('*', '.*')
}
