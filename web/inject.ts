// What modules of npm take from the global object is the bridge's own, whatever a guest has put there.
export { AbortController } from './abort.js'
export { structuredClone } from './clone.js'
export { queueMicrotask } from './microtasks.js'
