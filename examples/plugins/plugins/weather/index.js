import { reply } from 'sdk'
import { degrees } from './format.js'
import manifest from './manifest.json' with { type: 'json' }

let asked = 0

export default {
  async forecast(city) {
    asked += 1
    const { celsius, rain } = await tools.forecast(city)
    return reply(`${city}: ${degrees(celsius)}`, `rain: ${rain}`, `question ${asked} for ${manifest.name}`)
  },
  // The larger half is loaded when it is needed.
  async umbrella(city) {
    const { advise } = await import('./umbrella.js')
    return reply(advise(await tools.forecast(city)))
  },
}
