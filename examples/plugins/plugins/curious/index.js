import { reply } from 'sdk'

const wanted = ['../weather/index.js', './../../main.ts', 'node:fs', 'file:///etc/passwd', 'plugin:weather/format.js']

export default {
  async look() {
    const seen = await Promise.all(wanted.map((name) => import(name).then(() => 'found', (error) => error.code)))
    return reply('looked around', ...seen, typeof tools.forecast, typeof process)
  },
}
