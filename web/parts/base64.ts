import { atob, btoa } from '../base64.js'
import { expose } from '../idl.js'
import './dom-exception.js'

expose('atob', atob)
expose('btoa', btoa)
