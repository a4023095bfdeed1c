// The command line of `npm run bench`.
import { parseArgs } from 'node:util'
import type { Extent, Metric } from './bench.ts'
import { contenderNames } from './contenders.ts'

export const USAGE = `npm run bench                       a quick pass of a few minutes
npm run bench -- --full             everything, with all curves
npm run bench -- bundle call        these metrics only (--list names them)
  --rounds <n>         rounds of a comparison; at least 30 unless given, and up to four times as many, within three minutes, where they differ much
  --only <a,b>         these contenders only
  --cases <a,b>        what bundle, prewarmed and build load: demo, lodash, any library of the matrix, code <bytes>
  --results <folder>   where figures and charts go; bench/results with --full, target/bench/results without
  --tiny               so little that it only shows that everything works`

export interface Options {
  metrics: readonly Metric[]
  extent: Extent
  rounds: number
  fewRounds: number
  only: ReadonlySet<string> | undefined
  cases: readonly string[] | undefined
  results: string
}

/** Of the arguments; throws a `TypeError` that says what is wrong. `undefined`: only the list is wanted. */
export function optionsFrom(args: readonly string[], all: readonly Metric[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      full: { type: 'boolean', default: false },
      tiny: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      cases: { type: 'string' },
      results: { type: 'string' },
    },
  })
  if (values.list) return undefined
  const extent: Extent = values.tiny ? 'tiny' : values.full ? 'full' : 'quick'
  const metrics = positionals.length === 0 ? all.filter(({ quick }) => quick || extent !== 'quick') : positionals.map((name) => known(name, all))
  const rounds = values.rounds === undefined ? { tiny: 2, quick: 30, full: 40 }[extent] : positive(values.rounds)
  return {
    metrics,
    extent,
    rounds,
    fewRounds: Math.min(rounds, { tiny: 1, quick: 3, full: 10 }[extent]),
    only: values.only === undefined ? undefined : contenders(values.only),
    cases: values.cases?.split(','),
    results: values.results ?? (extent === 'full' ? 'bench/results' : 'target/bench/results'),
  }
}

function known(name: string, all: readonly Metric[]): Metric {
  const metric = all.find((each) => each.name === name)
  if (metric !== undefined) return metric
  throw new TypeError(`there is no metric ${name}; there are ${all.map((each) => each.name).join(', ')}`)
}

function positive(text: string): number {
  const rounds = Number(text)
  if (Number.isInteger(rounds) && rounds > 0) return rounds
  throw new TypeError(`--rounds must be a positive integer, got ${text}`)
}

function contenders(text: string): ReadonlySet<string> {
  const names = text.split(',')
  const unknown = names.find((name) => !(contenderNames as string[]).includes(name))
  if (unknown === undefined) return new Set(names)
  throw new TypeError(`--only: there is no contender ${unknown}; there are ${contenderNames.join(', ')}`)
}
