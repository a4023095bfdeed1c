// Measures one library in a process of its own, started by main.ts.
//   node one.mjs <library> <rounds>
import { libraries } from './libraries.ts'
import { measure } from './measure.ts'

const [name, rounds] = process.argv.slice(2)
const library = libraries.find((candidate) => candidate.name === name)!
process.send!(await measure(library, Number(rounds)), () => process.disconnect())
