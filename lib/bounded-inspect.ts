import { formatWithOptions, inspect } from 'node:util'

/**
 * `inspect` writes an object again wherever it is referred to. A guest can send
 * a small graph that is astronomically large when it is written out, and the
 * host's thread must not do that. So what would be written is counted first,
 * and shown less deep when it is too much.
 */

/** Objects, elements and properties that may be written at once. */
const MOST_VISITS = 20_000

/** Elements of an array, a Map or a Set that `inspect` shows. */
const MOST_ELEMENTS = 100

/** The depth that `inspect` goes to by default. */
const DEFAULT_DEPTH = 2

/** The depth that `%o` goes to. */
const OPTIMAL_DEPTH = 4

/** `util.inspect`, as deep as it may be. */
export function inspectBounded(value: unknown, depth: number = DEFAULT_DEPTH, customInspect = true): string {
  for (let tried = depth; tried > 0; tried--) {
    if (isSmall([value], tried)) return inspect(value, { depth: tried, customInspect })
  }
  return inspect(value, { depth: 0, customInspect })
}

/** `util.format`, as deep as it may be. */
export function formatBounded(args: unknown[]): string {
  const [first, ...rest] = args
  const placeholders = typeof first === 'string' ? first : ''
  // These go as deep as they like.
  if ((placeholders.includes('%o') && !isSmall(rest, OPTIMAL_DEPTH)) || (placeholders.includes('%j') && !isSmall(rest, Infinity))) {
    return args.map((argument) => (typeof argument === 'string' ? argument : inspectBounded(argument, 0))).join(' ')
  }
  for (let depth = DEFAULT_DEPTH; depth > 0; depth--) {
    if (isSmall(args, depth)) return formatWithOptions({ depth }, ...args)
  }
  return formatWithOptions({ depth: 0 }, ...args)
}

/** Whether a table has so few cells that it may be made. */
export function isSmallTable(rows: unknown): boolean {
  if (typeof rows !== 'object' || rows === null) return true
  const values: unknown[] = rows instanceof Map || rows instanceof Set ? [...rows.values()] : Object.values(rows)
  const columns = new Set(values.flatMap((row) => (typeof row === 'object' && row !== null ? Object.keys(row) : [])))
  return values.length * (columns.size + 2) <= MOST_VISITS
}

function isSmall(values: unknown[], depth: number): boolean {
  const counter = new Counter()
  return values.every((value) => counter.count(value, depth))
}

/** Goes the way of `inspect`, and stops where it would be too long. */
class Counter {
  #left = MOST_VISITS
  readonly #path = new Set<object>()

  /** Whether the value fits into what is left. */
  count(value: unknown, depth: number): boolean {
    this.#left -= 1
    if (this.#left < 0) return false
    if (typeof value !== 'object' || value === null || this.#path.has(value) || depth < 0) return true
    this.#path.add(value)
    const fits = children(value).every((child) => this.count(child, depth - 1))
    this.#path.delete(value)
    return fits
  }
}

function children(value: object): unknown[] {
  if (ArrayBuffer.isView(value)) return []
  if (value instanceof Map) return [...value].slice(0, MOST_ELEMENTS).flat(1)
  if (value instanceof Set) return [...value].slice(0, MOST_ELEMENTS)
  const keys = Reflect.ownKeys(value)
  const shown = Array.isArray(value) && keys.length > MOST_ELEMENTS ? keys.filter((key) => typeof key !== 'string' || !(Number(key) >= MOST_ELEMENTS)) : keys
  return shown.map((key) => Reflect.get(value, key) as unknown)
}
