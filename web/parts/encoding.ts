import { TextDecoder, TextEncoder } from '../encoding.js'
import { exposeClass } from '../idl.js'

for (const each of [TextEncoder, TextDecoder]) exposeClass(each)
