import { CustomEvent, Event, EventTarget } from '../events.js'
import { exposeClass } from '../idl.js'
import './dom-exception.js'

for (const each of [Event, EventTarget, CustomEvent]) exposeClass(each)
