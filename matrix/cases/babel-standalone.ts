import { availablePlugins, transform } from '@babel/standalone'

export const input = 'type P = { a?: number }\nexport const App = async ({ a = 1, ...rest }: P) => { for await (const x of rest.list ?? []) yield_(x?.y ** 2) ; return <><b {...rest}>{`t${a}`}</b></> }\nclass K { #p = 1; static s = new Set([...[1]]); get p() { return this.#p } }'

export function answer(code: string) {
  const run = (presets: unknown[], plugins: unknown[] = []) => transform(code, { filename: 'app.tsx', presets, plugins, sourceType: 'module', sourceMaps: true, compact: false })
  const renamed = ({ types }: { types: any }) => ({ visitor: { Identifier(path: any) { if (path.node.name === 'App') path.replaceWith(types.identifier('Renamed')) } } })
  const old = run([['env', { targets: { ie: '11' } }], ['react', { runtime: 'classic' }], ['typescript', { isTSX: true, allExtensions: true }]])
  let error = ''
  try {
    transform('let let = 1', { presets: ['env'] })
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return {
    old: old.code,
    map: old.map?.mappings,
    fresh: run([['react', { runtime: 'automatic' }], ['typescript', { isTSX: true, allExtensions: true }]], [renamed]).code,
    error,
    plugins: Object.keys(availablePlugins).length > 50,
  }
}
