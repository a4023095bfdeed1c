// What is paid once, so that sessions start fast.
import type { Metric } from '../bench.ts'
import { pick } from '../bench.ts'
import { prepare } from '../cases.ts'
import type { ContenderName } from '../contenders.ts'

export const build: Metric = {
  name: 'build',
  title: '(h) Building what sessions start from',
  quick: true,
  async run(bench) {
    for (const name of bench.cases ?? pick(bench, { tiny: ['code 20000'], quick: ['lodash'], full: ['lodash', 'zod', 'mathjs', 'typescript'] })) {
      const { workFile } = await prepare(name)
      const entrants: ContenderName[] = ['isoseed', 'isoseed-control', 'isoseed-unwarmed', 'isolated-vm-cached', 'isolated-vm-snapshot', 'vm-cached', 'jsrun-snapshot']
      await bench.compare({ title: `${this.title}: ${name}`, unit: 'ms', less: true, workFile, request: { task: 'build' }, entrants, rounds: bench.fewRounds, figures: { mib: 'MiB' }, controlled: false })
    }
  },
}
