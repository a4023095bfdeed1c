// multipart/form-data: how it is written (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html) and
// read (https://andreubotella.github.io/multipart-form-data/).
import { File, blobType, bytesOfBlob, fileName, isFile, joined } from './blob.js'
import { utf8, utf8Decode } from './encoding.js'
import type { FormEntry } from './form-data.js'

const CR = 13
const LF = 10
const DASH = 45

function lineBreaks(text: string): string {
  return text.replace(/\r\n?|\n/g, '\r\n')
}

function escaped(name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22')
}

/** The body's bytes. */
export function writeMultipart(entries: readonly FormEntry[], boundary: string): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = []
  for (const [name, value] of entries) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(lineBreaks(name))}"`
    if (isFile(value)) {
      const type = blobType(value) || 'application/octet-stream'
      pieces.push(utf8(`${head}; filename="${escaped(fileName(value))}"\r\nContent-Type: ${type}\r\n\r\n`), bytesOfBlob(value), utf8('\r\n'))
    } else {
      pieces.push(utf8(`${head}\r\n\r\n${lineBreaks(value as string)}\r\n`))
    }
  }
  pieces.push(utf8(`--${boundary}--\r\n`))
  return joined(pieces)
}

/** Reads one body from its beginning to its end. */
class Reader {
  at = 0

  constructor(readonly bytes: Uint8Array) {}

  starts(expected: Uint8Array, at: number = this.at): boolean {
    return expected.every((byte, index) => this.bytes[at + index] === byte)
  }

  skip(expected: Uint8Array): void {
    if (!this.starts(expected)) throw malformed()
    this.at += expected.length
  }

  /** What is before the next line break, which is skipped. */
  line(): string {
    let end = this.at
    while (end < this.bytes.length && !(this.bytes[end] === CR && this.bytes[end + 1] === LF)) end++
    if (end >= this.bytes.length) throw malformed()
    const line = utf8Decode(this.bytes.subarray(this.at, end))
    this.at = end + 2
    return line
  }

  /** What is before the next `delimiter`. */
  until(delimiter: Uint8Array): Uint8Array<ArrayBuffer> {
    let end = this.bytes.indexOf(delimiter[0]!, this.at)
    while (end >= 0 && !this.starts(delimiter, end)) end = this.bytes.indexOf(delimiter[0]!, end + 1)
    if (end < 0) throw malformed()
    const found = this.bytes.slice(this.at, end)
    this.at = end
    return found as Uint8Array<ArrayBuffer>
  }
}

/** @throws `TypeError` when the bytes are no such body */
export function readMultipart(bytes: Uint8Array, boundary: string): FormEntry[] {
  const reader = new Reader(bytes)
  const dashed = utf8(`--${boundary}`)
  const delimiter = utf8(`\r\n--${boundary}`)
  const entries: FormEntry[] = []
  while (reader.at < bytes.length && !reader.starts(dashed)) reader.line()
  for (;;) {
    reader.skip(dashed)
    if (bytes[reader.at] === DASH && bytes[reader.at + 1] === DASH) return entries
    if (reader.line().trim() !== '') throw malformed()
    const { name, filename, type } = readHeaders(reader)
    const body = reader.until(delimiter)
    reader.at += 2
    entries.push([name, filename === undefined ? utf8Decode(body) : new File([body], filename, { type: type ?? 'text/plain' })])
  }
}

interface PartHeaders {
  name: string
  filename: string | undefined
  type: string | undefined
}

function readHeaders(reader: Reader): PartHeaders {
  let name: string | undefined
  let filename: string | undefined
  let type: string | undefined
  for (let line = reader.line(); line !== ''; line = reader.line()) {
    const at = line.indexOf(':')
    if (at < 1) throw malformed()
    const [field, value] = [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()]
    if (field === 'content-type') type = value
    if (field !== 'content-disposition') continue
    if (!/^form-data\s*(?:;|$)/i.test(value)) throw malformed()
    for (const [, key, text] of value.matchAll(/;\s*(name|filename)="([^"]*)"/gi)) {
      if (key!.toLowerCase() === 'name') name = unescaped(text!)
      else filename = unescaped(text!)
    }
  }
  if (name === undefined) throw malformed()
  return { name, filename, type }
}

function unescaped(text: string): string {
  return text.replace(/%0A/gi, '\n').replace(/%0D/gi, '\r').replace(/%22/g, '"')
}

function malformed(): TypeError {
  return new TypeError('Failed to parse body as FormData.')
}
