import { expose } from '../idl.js'
import { queueMicrotask } from '../microtasks.js'

expose('queueMicrotask', queueMicrotask)
