import { reply } from 'sdk'

let counted = 0

export default {
  count: () => reply(String(++counted)),
  spin() {
    for (;;) counted += 1
  },
}
