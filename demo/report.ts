// A short report on the terminal: sections, aligned rows, checks. Colour only where it is seen.
import { inspect } from 'node:util'

const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string): string => (colours ? `\u001B[${code}m${text}\u001B[0m` : text)

let failures = 0

export function section(title: string): void {
  console.log(`\n${paint(1, title)}`)
}

export function row(name: string, value: string): void {
  console.log(`  ${name.padEnd(34)}${value}`)
}

/** A line that says whether something holds; one that does not makes the program fail. */
export function check(name: string, holds: boolean, detail = ''): void {
  if (!holds) failures += 1
  console.log(`  ${holds ? paint(32, 'ok') : paint(31, 'FAILED')}  ${name}${detail === '' ? '' : `: ${detail}`}`)
}

/** Runs what must fail with this code, and shows how it failed. */
export async function checkError(name: string, code: string, attempt: () => Promise<unknown>): Promise<void> {
  try {
    const value = await attempt()
    check(name, false, `${code} expected, got the value ${inspect(value)}`)
  } catch (error) {
    const { code: actual, message } = error as { code?: unknown; message?: unknown }
    check(name, actual === code, `${String(actual)}: ${String(message).split('\n')[0]}`)
  }
}

/** The last line; the exit code is 1 if anything was wrong. */
export function conclude(): void {
  if (failures > 0) process.exitCode = 1
  console.log(failures === 0 ? `\n${paint(32, 'Everything is as it should be.')}` : `\n${paint(31, `${failures} checks failed.`)}`)
}

export function ms(milliseconds: number): string {
  return milliseconds < 100 ? `${milliseconds.toFixed(2)} ms` : `${milliseconds.toFixed(0)} ms`
}

export function mb(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
