import { DOMException } from '../dom-exception.js'
import { exposeClass } from '../idl.js'

exposeClass(DOMException)
