import type { SourceObject } from '../index.js'

/** Lines shown before the one that is meant. */
const LINES_BEFORE = 2
const LINES_AFTER = 1

/** A place in a source; lines and columns count from 1. */
export interface Position {
  file: string
  line: number
  column: number
}

/** Reads `file:line:column`; a file's name may hold colons, too. */
export function parsePosition(text: string): Position | undefined {
  const [, file, line, column] = /^(.+):(\d+):(\d+)$/.exec(text) ?? []
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) }
}

/** The first place that a stack trace names. */
export function firstPosition(stack: string): Position | undefined {
  const [, place] = /^ +at (?:.*? \()?(.+:\d+:\d+)\)?$/m.exec(stack) ?? []
  return place === undefined ? undefined : parsePosition(place)
}

/** Adds the texts that positions can refer to: the source's own, and the originals in its source map. */
export function addTexts(texts: Map<string, string>, { code, name }: SourceObject): void {
  if (name !== undefined) texts.set(name, code)
  const map = inlineMap(code)
  map?.sources.forEach((source, index) => {
    const content = map.sourcesContent?.[index]
    if (content !== undefined && content !== null) texts.set(source, content)
  })
}

interface InlineMap {
  sources: string[]
  sourcesContent?: (string | null)[]
}

function inlineMap(code: string): InlineMap | undefined {
  const [, base64] = /\n\/\/# sourceMappingURL=data:application\/json[^,\n]*;base64,([\w+/=]+)\s*$/.exec(code.slice(code.lastIndexOf('\n//#'))) ?? []
  if (base64 === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as InlineMap
  } catch {
    return undefined // Not ours: a file that was given as it is may end with anything.
  }
}

/**
 * The lines around a position, with a caret under its column; none if the text
 * is not there or has no such line.
 *
 * @param width columns for the whole frame
 */
export function codeFrame(text: string | undefined, { line, column }: Position, width: number): string[] {
  const lines = text?.split(/\r\n|[\n\r]/)
  const target = lines?.[line - 1]
  if (lines === undefined || target === undefined) return []
  const first = Math.max(line - LINES_BEFORE, 1)
  const last = Math.min(line + LINES_AFTER, lines.length)
  const gutter = String(last).length
  const room = Math.max(width - gutter - 6, 20)
  // Minified lines are long: all lines are cut at the same columns, around the one that is meant.
  const start = column <= room ? 0 : column - Math.floor(room / 2)
  const cut = (whole: string): string => whole.slice(start, start + room).replaceAll('\t', ' ')
  const frame: string[] = []
  for (let number = first; number <= last; number += 1) {
    const marker = number === line ? '>' : ' '
    frame.push(`${marker} ${String(number).padStart(gutter)} | ${cut(lines[number - 1] as string)}`.trimEnd())
    if (number === line) frame.push(`  ${' '.repeat(gutter)} | ${' '.repeat(Math.max(column - 1 - start, 0))}^`)
  }
  return frame
}
