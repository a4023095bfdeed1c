import { Blob, File } from '../blob.js'
import { exposeClass } from '../idl.js'
import './streams.js'

for (const each of [Blob, File]) exposeClass(each)
