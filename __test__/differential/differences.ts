/** Programs whose answer is not Node's, each with the reason. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  'Object.getOwnPropertyNames(function (a) {}).sort()':
    'functions of newer V8 versions have no `arguments` and `caller` of their own: they inherit accessors',
}

/** Lines of built-ins in Node.js that isolates don't have, each with the reason. */
export const BUILTIN_DIFFERENCES: readonly { line: RegExp; reason: string }[] = [
  { line: / has /, reason: 'a list of all keys: Node.js has fewer where its V8 is older; each key has a line of its own' },
  { line: /^\.console\.createTask/, reason: "V8's inspector adds it to a context, and isolates have none" },
  { line: /^\.WebAssembly\.(compile|instantiate)Streaming/, reason: 'Node.js adds it: it needs `fetch`' },
  { line: /^\.WebAssembly\.\w+\.(arguments|caller) /, reason: 'functions of newer V8 versions inherit these' },
  { line: /\.__proto__\.(arguments|caller) --c get/, reason: 'in newer V8 versions these accessors are not those of strict `arguments`' },
  { line: /^\.WebAssembly\.Exception/, reason: 'its constructor takes one argument more in newer V8 versions' },
  {
    line: /^\.Intl\.Locale\.prototype\.(calendars|collations|hourCycles|numberingSystems|textInfo|timeZones|weekInfo)/,
    reason: 'methods (`getCalendars`) have replaced these accessors in the standard',
  },
  {
    line: /^\.WebAssembly\.Module(\.prototype)? is |^\.WebAssembly\.Module\.__proto__/,
    reason: 'Node.js 24 switches source phase imports on (`AbstractModuleSource`), V8 by itself does not yet',
  },
]
