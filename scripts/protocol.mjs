// Makes lib/inspector/protocol.json, what the debugging endpoint serves under /json/protocol, from the file that V8
// describes its own part of the Chrome DevTools Protocol in. Run it when the crate `v8` changes.
//   node scripts/protocol.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure, cargoEnv, main, runForOutput, say } from './common.mjs'

const target = 'lib/inspector/protocol.json'
const primitives = new Set(['any', 'array', 'binary', 'boolean', 'integer', 'number', 'object', 'string'])

await main(async () => {
  const metadata = JSON.parse(await runForOutput('cargo', ['metadata', '--format-version', '1', '--locked'], cargoEnv()))
  const crate = metadata.packages.find(({ name }) => name === 'v8')
  if (crate === undefined) throw new Failure('cargo knows no crate v8')
  const text = readFileSync(join(dirname(crate.manifest_path), 'v8', 'include', 'js_protocol.pdl'), 'utf8')
  const protocol = parse(text)
  writeFileSync(target, `${JSON.stringify(protocol)}\n`)
  say(`${target}: ${protocol.domains.length} domains, of v8 ${crate.version}`)
})

/** The language of V8's third_party/inspector_protocol/pdl.py, without descriptions. */
function parse(text) {
  const protocol = { version: {}, domains: [] }
  let domain, item, fields, words
  const rules = [
    [/^(experimental )?(deprecated )?domain (\w+)$/, ([, experimental, deprecated, name]) => {
      domain = marked({ domain: name }, experimental, deprecated)
      protocol.domains.push(domain)
    }],
    [/^version$/, () => {}],
    [/^ {2}(major|minor) (\d+)$/, ([, part, number]) => (protocol.version[part] = number)],
    [/^ {2}depends on (\w+)$/, ([, name]) => (domain.dependencies ??= []).push(name)],
    [/^ {2}(experimental )?(deprecated )?type (\w+) extends (array of )?(\S+)$/, ([, experimental, deprecated, id, isArray, type]) => {
      item = { ...marked({ id }, experimental, deprecated), ...typed(type, isArray) }
      ;(domain.types ??= []).push(item)
    }],
    [/^ {2}(experimental )?(deprecated )?(command|event) (\w+)$/, ([, experimental, deprecated, kind, name]) => {
      item = marked({ name }, experimental, deprecated)
      ;(domain[`${kind}s`] ??= []).push(item)
    }],
    [/^ {4}(parameters|returns|properties)$/, ([, kind]) => (item[kind] = fields = [])],
    [/^ {4}redirect (\w+)$/, ([, name]) => (item.redirect = name)],
    [/^ {4}enum$/, () => (item.enum = words = [])],
    [/^ {6}(experimental )?(deprecated )?(optional )?(array of )?(\S+) (\S+)$/, ([, experimental, deprecated, optional, isArray, type, name]) => {
      const field = { ...marked({ name }, experimental, deprecated), ...(optional && { optional: true }), ...typed(type, isArray) }
      if (type === 'enum') field.enum = words = []
      fields.push(field)
    }],
    [/^ {6,8}(\S+)$/, ([, word]) => words.push(word)],
  ]
  for (const [index, line] of text.split('\n').map((content) => content.trimEnd()).entries()) {
    if (line === '' || line.trimStart().startsWith('#')) continue
    const found = rules.some(([pattern, take]) => {
      const match = pattern.exec(line)
      if (match) take(match)
      return match !== null
    })
    if (!found) throw new Failure(`line ${index + 1} of the protocol's description can't be read: ${line}`)
  }
  return protocol
}

function marked(item, experimental, deprecated) {
  return { ...item, ...(experimental && { experimental: true }), ...(deprecated && { deprecated: true }) }
}

function typed(type, isArray) {
  if (isArray) return { type: 'array', items: typed(type) }
  // JSON carries bytes as text in base64.
  if (type === 'enum' || type === 'binary') return { type: 'string' }
  return primitives.has(type) ? { type } : { $ref: type }
}
