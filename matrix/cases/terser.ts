import { minify } from 'terser'

export const input = 'const DEBUG = false\nfunction area({ width, height }) { if (DEBUG) { console.log("area", width) } const result = width * height; return result }\nclass Box { #size = 1; constructor(options = {}) { this.width = options?.width ?? 2; this.height = 3 } get area() { return area(this) } }\nexport { Box }\nexport const unused = () => [1, 2, 3].map((x) => x + 0x10)'

export async function answer(code: string) {
  const { code: small, map } = await minify(code, { module: true, toplevel: true, compress: { passes: 2 }, sourceMap: { asObject: true } })
  const pretty = await minify(code, { compress: false, mangle: false, format: { beautify: true, ecma: 2015 } })
  const wrong = await minify('var a = ;').catch(({ message, line, col }: { message: string; line: number; col: number }) => ({ message, line, col }))
  return { small, mappings: (map as { mappings: string }).mappings, pretty: pretty.code, wrong }
}
