// What an import means, as `src/engine/modules/name.rs` has it; here only to tell when two names are one.

/** The name by which a module is found, whatever it is called: `./a.js` and `a.js` are one module. */
export function moduleKey(name: string): string {
  return resolveName(name, '')
}

/** The module that a specifier means to the source named `referrer`. */
export function resolveName(specifier: string, referrer: string): string {
  const base = takeApart(referrer)
  if (/^\.\.?\//.test(specifier)) {
    const folder = base.path.slice(0, base.path.lastIndexOf('/') + 1)
    const [path, rest] = base.scheme === '' ? [specifier, ''] : cut(specifier)
    return base.root + withoutDots(base, folder + path) + rest
  }
  if (specifier.startsWith('/')) {
    if (base.scheme !== '' && specifier.startsWith('//')) return absolute(base.scheme + specifier)
    const [path, rest] = base.scheme === '' ? [specifier, ''] : cut(specifier)
    return base.root + withoutDots(base, path) + rest
  }
  return absolute(specifier)
}

function absolute(specifier: string): string {
  const base = takeApart(specifier)
  if (base.scheme === '') return specifier
  return base.root + withoutDots(base, base.path) + specifier.slice(base.root.length + base.path.length)
}

interface Base {
  /** What no path leads out of: `https://host`, `pkg:`, or nothing. */
  root: string
  /** `https:` of a name with a host, or nothing. */
  scheme: string
  /** What follows the root, without query and fragment if there is a host. */
  path: string
}

function takeApart(name: string): Base {
  const host = /^([a-z][a-z0-9+.-]*:)\/\/[^/?#]*/i.exec(name)
  if (host !== null) return { root: host[0], scheme: host[1] as string, path: cut(name.slice(host[0].length))[0] }
  const root = /^[a-z][a-z0-9+.-]*:/i.exec(name)?.[0] ?? ''
  return { root, scheme: '', path: name.slice(root.length) }
}

/** A URL's path, and its query and fragment. */
function cut(text: string): [path: string, rest: string] {
  const at = text.search(/[?#]/)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}

function withoutDots({ root, scheme }: Base, path: string): string {
  if (path === '') return ''
  const isRooted = scheme !== '' || path.startsWith('/')
  const parts = path.replace(/^\//, '').split('/')
  const names: string[] = []
  for (const [index, part] of parts.entries()) {
    if (part !== '.' && part !== '..') {
      names.push(part)
      continue
    }
    if (part === '..') {
      const mayClimb = !isRooted && root === '' && (names.length === 0 || names.at(-1) === '..')
      if (mayClimb) names.push('..')
      else names.pop()
    }
    if (index === parts.length - 1 && names.length > 0) names.push('')
  }
  return (isRooted ? '/' : '') + names.join('/')
}
