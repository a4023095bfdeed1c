import { reply } from 'sdk'

let counted = 0

export default {
  count: () => reply(String(++counted)),
  spin() {
    for (;;) counted += 1
  },
  hoard() {
    const all = []
    for (;;) all.push(new Array(1000).fill(all.length))
  },
}
