// Adds the entries that npm leaves out of package-lock.json when the registry that it was written
// against does not have a dependency's binary packages for other platforms: without them `npm ci`
// refuses the lock file, and the other platforms would not get their binaries. Run it after
// `npm install` has changed the lock file; it prints what it added, and nothing when all is well.
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))

/** What a binary package's name says about where it runs, in npm's words. */
function platformOf(name) {
  const words = name.split(/[/-]/)
  const has = (...candidates) => candidates.find((word) => words.includes(word))
  const os = has('android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32')
  const cpu = has('arm64', 'x64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32') ?? has('arm', 'eabi')
  if (!cpu) throw new Error(`complete-lock: can't tell the processor from the name ${name}`)
  const libc = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }[words.at(-1)]
  return { cpu: [cpu === 'eabi' ? 'arm' : cpu], ...(os === 'linux' && libc && { libc: [libc] }), ...(os && { os: [os] }) }
}

const added = []
for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`
    const key = `node_modules/${name}`
    if (path === '' || lock.packages[key] || lock.packages[nested] || !/^\d/.test(version)) continue
    const { libc, os, cpu } = platformOf(name)
    lock.packages[key] = { version, cpu, dev: true, ...(libc && { libc }), optional: true, ...(os && { os }) }
    added.push(name)
  }
}
if (added.length > 0) {
  const sorted = Object.keys(lock.packages).toSorted((a, b) => a.localeCompare(b, 'en'))
  lock.packages = Object.fromEntries(sorted.map((key) => [key, lock.packages[key]]))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: added ${added.length} packages\n  ${added.join('\n  ')}`)
}
