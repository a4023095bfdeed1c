import { exposeClass } from '../idl.js'
import { streamClasses } from '../streams.js'
import { TextDecoderStream, TextEncoderStream } from '../text-streams.js'
import './abort.js'
import './encoding.js'

for (const each of [...streamClasses, TextDecoderStream, TextEncoderStream]) exposeClass(each)
