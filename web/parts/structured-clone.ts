import { structuredClone } from '../clone.js'
import { expose } from '../idl.js'
import './dom-exception.js'

expose('structuredClone', structuredClone)
