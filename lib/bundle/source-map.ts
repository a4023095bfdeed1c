/**
 * The comment that carries a source map in the code itself.
 *
 * @param map esbuild's, whose `sources` are URLs since version 0.28
 * @param inputs the paths that it read: the map names them so, because stack traces show its names as they are
 */
export function inlineSourceMap(map: string, inputs: readonly string[]): string {
  const known = new Set(inputs)
  const parsed = JSON.parse(map) as { sources: string[] }
  parsed.sources = parsed.sources.map((source) => {
    const path = decoded(source)
    return known.has(path) ? path : source
  })
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(parsed)).toString('base64')}\n`
}

function decoded(source: string): string {
  try {
    return decodeURIComponent(source)
  } catch {
    return source // A per cent sign in a path that was not encoded.
  }
}
