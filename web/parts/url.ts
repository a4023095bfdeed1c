import { exposeClass } from '../idl.js'
import { URL, URLSearchParams } from '../url.js'

for (const each of [URL, URLSearchParams]) exposeClass(each)
