import { exposeClass } from '../idl.js'
import { MessageChannel, MessageEvent, MessagePort } from '../messaging.js'
import './events.js'

for (const each of [MessageChannel, MessageEvent, MessagePort]) exposeClass(each)
