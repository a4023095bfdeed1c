import type { GuestError, IsoseedError, SnapshotFinding, SnapshotWarning } from '../index.js'
import { Failure } from './command.js'
import { codeFrame, firstPosition, parsePosition } from './frame.js'
import type { Position } from './frame.js'
import { printable } from './terminal.js'
import type { Output, Style } from './terminal.js'

/** The texts of the sources, by file name. */
export type Texts = ReadonlyMap<string, string>

/** Prints one thing that was found: rule and path, the code, message and hint. */
export function printFinding(output: Output, finding: SnapshotFinding | SnapshotWarning, style: Style, label: string, texts: Texts): void {
  const { rule, path, source, message, hint } = finding
  output.line(`${output.style(style, label)} ${output.style('bold', rule)}${path === undefined ? '' : `  ${printable(path)}`}`)
  if (source !== undefined) {
    output.line(`  ${output.style('cyan', printable(source))}`)
    printFrame(output, parsePosition(source), texts)
  }
  output.line(`  ${printable(message)}`)
  if (hint !== undefined) output.line(`  ${output.style('dim', `hint: ${printable(hint)}`)}`)
  output.line()
}

function printFrame(output: Output, position: Position | undefined, texts: Texts): void {
  if (position === undefined) return
  for (const line of codeFrame(texts.get(position.file), position, output.width)) output.line(`  ${printable(line)}`)
}

/** Prints an error, the guest's stack if the guest threw it, and the code where it did. */
export function printError(output: Output, error: unknown, texts: Texts = new Map()): void {
  const { message, cause, findings, stack } = error as Partial<IsoseedError>
  const label = output.style('red', 'error')
  if (isGuestError(error)) {
    printGuestError(output, label, error, texts)
    return
  }
  // Anything else is unforeseen: its stack helps to find out.
  const code = codeOf(error)
  const isKnown = error instanceof Failure || code !== undefined
  const suffix = code?.startsWith('ERR_') === true ? output.style('dim', ` (${code})`) : ''
  output.line(`${label}: ${printable(String((isKnown ? message : stack) ?? error))}${suffix}`)
  for (const finding of findings ?? []) {
    output.line()
    printFinding(output, finding, 'red', 'unsafe', texts)
  }
  if (isGuestError(cause)) printGuestError(output, 'thrown', cause, texts)
}

function printGuestError(output: Output, label: string, error: GuestError, texts: Texts): void {
  output.line(`${label}: ${printable(error.stack ?? error.message)}`)
  printFrame(output, firstPosition(error.stack ?? ''), texts)
}

/** An error as `--json` shows it. */
export function jsonError(error: unknown): Record<string, unknown> {
  const { message, findings, cause, lease, details } = error as Partial<IsoseedError>
  return {
    code: codeOf(error),
    message: message ?? String(error),
    ...(lease === undefined ? {} : { lease }),
    ...(details === undefined ? {} : { details }),
    ...(isGuestError(error) ? { name: error.name, stack: error.stack } : {}),
    ...(findings === undefined ? {} : { findings }),
    ...(isGuestError(cause) ? { cause: jsonError(cause) } : {}),
  }
}

/** The stable code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

function isGuestError(error: unknown): error is GuestError {
  return codeOf(error) === 'ERR_GUEST'
}
