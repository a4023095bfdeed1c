// https://www.w3.org/TR/hr-time-3/, https://www.w3.org/TR/user-timing/
//
// The clock is the session's, and stands at zero while a snapshot is built.
import { cloneWith } from './clone.js'
import { DOMException } from './dom-exception.js'
import { EventTarget } from './events.js'
import { dictionary, illegal, isObject, need, shape } from './idl.js'

const PRIVATE = Symbol('Performance')

function cloned(detail: unknown): unknown {
  return detail === undefined || detail === null ? null : cloneWith(detail, []).clone
}

export class PerformanceEntry {
  readonly #name: string
  readonly #type: string
  readonly #start: number
  readonly #duration: number

  constructor(token: unknown = undefined, name = '', type = '', start = 0, duration = 0) {
    if (token !== PRIVATE) illegal()
    this.#name = name
    this.#type = type
    this.#start = start
    this.#duration = duration
  }

  get name(): string {
    return this.#name
  }

  get entryType(): string {
    return this.#type
  }

  get startTime(): number {
    return this.#start
  }

  get duration(): number {
    return this.#duration
  }

  toJSON(): object {
    const { name, entryType, startTime, duration } = this
    return { name, entryType, startTime, duration }
  }
}

shape(PerformanceEntry, 'PerformanceEntry')

export class PerformanceMark extends PerformanceEntry {
  readonly #detail: unknown

  constructor(name: unknown, options: unknown = undefined) {
    need('PerformanceMark constructor', 1, arguments.length)
    const { startTime, detail } = dictionary<{ startTime: number; detail: unknown }>(options, 'The options of a mark')
    const start = startTime === undefined ? system.now() : Number(startTime)
    if (!(start >= 0)) throw new TypeError('a mark must not be before the time origin')
    super(PRIVATE, `${name as string}`, 'mark', start, 0)
    this.#detail = cloned(detail)
  }

  get detail(): unknown {
    return this.#detail
  }

  override toJSON(): object {
    return { ...super.toJSON(), detail: this.#detail }
  }
}

shape(PerformanceMark, 'PerformanceMark')

export class PerformanceMeasure extends PerformanceEntry {
  readonly #detail: unknown

  constructor(token: unknown = undefined, name = '', start = 0, duration = 0, detail: unknown = undefined) {
    super(token, name, 'measure', start, duration)
    this.#detail = cloned(detail)
  }

  get detail(): unknown {
    return this.#detail
  }

  override toJSON(): object {
    return { ...super.toJSON(), detail: this.#detail }
  }
}

shape(PerformanceMeasure, 'PerformanceMeasure')

interface MeasureOptions {
  start: unknown
  end: unknown
  duration: number
  detail: unknown
}

export class Performance extends EventTarget {
  #entries: PerformanceEntry[] = []

  constructor(token: unknown = undefined) {
    if (token !== PRIVATE) illegal()
    super()
  }

  now(): number {
    if (!(#entries in this)) illegal()
    return system.now()
  }

  get timeOrigin(): number {
    if (!(#entries in this)) illegal()
    // While a snapshot is built the builder watches who reads the clock.
    return system.timeOrigin() ?? Date.now()
  }

  mark(name: unknown, options: unknown = undefined): PerformanceMark {
    need('performance.mark', 1, arguments.length)
    const mark = new PerformanceMark(name, options)
    this.#add(mark)
    return mark
  }

  measure(name: unknown, startOrOptions: unknown = undefined, end: unknown = undefined): PerformanceMeasure {
    need('performance.measure', 1, arguments.length)
    const hasOptions = isObject(startOrOptions)
    const options: Partial<MeasureOptions> = hasOptions ? (startOrOptions as Partial<MeasureOptions>) : { start: startOrOptions, end }
    if (hasOptions) {
      const { start, end: last, duration } = options
      if (end !== undefined) throw new TypeError('performance.measure: an end mark must not be given beside options')
      const given = [start, last, duration].filter((part) => part !== undefined).length
      if (given === 3) throw new TypeError('performance.measure: start, end and duration must not be given together')
    }
    const duration = options.duration === undefined ? undefined : Number(options.duration)
    const to =
      options.end !== undefined
        ? this.#time(options.end)
        : duration !== undefined && options.start !== undefined
          ? this.#time(options.start) + duration
          : system.now()
    const from =
      options.start !== undefined ? this.#time(options.start) : duration !== undefined && options.end !== undefined ? to - duration : 0
    const measure = new PerformanceMeasure(PRIVATE, `${name as string}`, from, to - from, options.detail)
    this.#add(measure)
    return measure
  }

  /** The entries are in the order of their time. */
  #add(entry: PerformanceEntry): void {
    let at = this.#entries.length
    while (at > 0 && this.#entries[at - 1]!.startTime > entry.startTime) at--
    this.#entries.splice(at, 0, entry)
  }

  #time(mark: unknown): number {
    if (typeof mark === 'number') {
      if (!(mark >= 0)) throw new TypeError('performance.measure: a time must not be before the time origin')
      return mark
    }
    const name = `${mark as string}`
    const found = this.#entries.findLast((entry) => entry.entryType === 'mark' && entry.name === name)
    if (found === undefined) throw new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError')
    return found.startTime
  }

  getEntries(): PerformanceEntry[] {
    return [...this.#entries]
  }

  getEntriesByName(name: unknown, type: unknown = undefined): PerformanceEntry[] {
    need('performance.getEntriesByName', 1, arguments.length)
    const [wanted, kind] = [`${name as string}`, type === undefined ? undefined : `${type as string}`]
    return this.#entries.filter((entry) => entry.name === wanted && (kind === undefined || entry.entryType === kind))
  }

  getEntriesByType(type: unknown): PerformanceEntry[] {
    need('performance.getEntriesByType', 1, arguments.length)
    const kind = `${type as string}`
    return this.#entries.filter((entry) => entry.entryType === kind)
  }

  clearMarks(name: unknown = undefined): void {
    this.#clear('mark', name)
  }

  clearMeasures(name: unknown = undefined): void {
    this.#clear('measure', name)
  }

  #clear(type: string, name: unknown): void {
    const wanted = name === undefined ? undefined : `${name as string}`
    this.#entries = this.#entries.filter((entry) => entry.entryType !== type || (wanted !== undefined && entry.name !== wanted))
  }

  toJSON(): object {
    return { timeOrigin: this.timeOrigin }
  }
}

shape(Performance, 'Performance')

export const performance = new Performance(PRIVATE)
