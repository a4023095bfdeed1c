// An agent's process: opens the notebook, runs a day's cells, ends. What a cell gives goes to standard output, a line of
// JSON each.
//   node agent.mjs <today|tomorrow> <store> <folder of snapshots>
import { IsoseedError, buildSnapshot, openSession } from 'isoseed'
import { cells } from './cells.ts'
import type { Day } from './cells.ts'
import { library } from './library.ts'

/** What the model is told of a cell. */
export interface Told {
  cell: string
  result?: unknown
  error?: string
}

const [day, store, cache] = process.argv.slice(2) as [Day, string, string]

const files: Record<string, string> = {
  'orders.csv': `day,customer,sku,cents
2026-11-02,Ada,BK-101,1250
2026-11-02,Grace,TL-007,14900
2026-11-03,Ada,TL-007,4999
2026-11-05,Edsger,BK-101,1250
2026-11-05,Ada,TL-100,12500`,
}

await using notebook = await openSession('notebook of agent 7', {
  store,
  // The second process finds it in the folder.
  snapshot: await buildSnapshot({ bundle: { name: 'library.js', code: library }, cache }),
  keepGlobals: true,
  timeoutMs: 5000,
  memoryLimitMb: 64,
  bindings: {
    readText: {
      sync: true,
      fn: (name: string) => {
        const text = files[name]
        if (text === undefined) throw new Error(`there is no file ${name}`)
        return text
      },
    },
  },
})

for (const cell of cells[day]) {
  // When this is answered, what the cell did is in the store.
  const told = await notebook.eval(cell).then(
    (result): Told => ({ cell, result }),
    (error: unknown): Told => {
      if (!(error instanceof IsoseedError)) throw error
      return { cell, error: `${error.code}: ${error.message}` }
    },
  )
  console.log(JSON.stringify(told))
}
