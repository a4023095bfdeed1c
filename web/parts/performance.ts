import { expose, exposeClass } from '../idl.js'
import { Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, performance } from '../performance.js'
import './events.js'

for (const each of [Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure]) exposeClass(each)
expose('performance', performance)
