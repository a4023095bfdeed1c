import { AbortController, AbortSignal } from '../abort.js'
import { exposeClass } from '../idl.js'
import './events.js'

for (const each of [AbortController, AbortSignal]) exposeClass(each)
