import { fetchOver } from '../fetch.js'
import { FormData } from '../form-data.js'
import { Headers } from '../headers.js'
import { expose, exposeClass } from '../idl.js'
import { Request } from '../request.js'
import { Response } from '../response.js'
import './blob.js'
import './url.js'

for (const each of [FormData, Headers, Request, Response]) exposeClass(each)

// A session's binding comes after its snapshot's sources ran; one that is named while building, and one of a blank
// isolate that evaluates the bridge, is there already.
system.adopt('fetch', (binding) => fetchOver(binding))
const given: unknown = Reflect.get(globalThis, 'fetch')
if (typeof given === 'function') expose('fetch', fetchOver(given as () => Promise<unknown>))
