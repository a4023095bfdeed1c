import { blobs, streams } from './cases/streams.js'
import { clock } from './cases/clock.js'
import { clone } from './cases/clone.js'
import { compare } from './differential.js'
import { events } from './cases/events.js'
import { fetching } from './cases/fetch.js'
import { text } from './cases/text.js'
import { url } from './cases/url.js'

compare('URL', url)
compare('text', text)
compare('events', events)
compare('structuredClone', clone)
compare('streams', streams)
compare('blobs', blobs)
compare('fetch', fetching)
compare('timers, clock, crypto', clock)
