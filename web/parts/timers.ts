import { expose } from '../idl.js'
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../timers.js'

for (const timer of [setTimeout, setInterval, clearTimeout, clearInterval]) expose(timer.name, timer)
