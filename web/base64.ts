// https://html.spec.whatwg.org/multipage/webappapis.html#atob
import { DOMException } from './dom-exception.js'
import { need } from './idl.js'

export const { atob, btoa } = {
  atob(data: unknown): string {
    need('atob', 1, arguments.length)
    const text = system.atob(`${data as string}`)
    if (text === undefined) throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError')
    return text
  },

  btoa(data: unknown): string {
    need('btoa', 1, arguments.length)
    const text = system.btoa(`${data as string}`)
    if (text === undefined) throw new DOMException('Invalid character', 'InvalidCharacterError')
    return text
  },
}
