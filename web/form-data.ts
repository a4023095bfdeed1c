// https://xhr.spec.whatwg.org/#interface-formdata
import { File, blobType, fileTime, isBlob, isFile } from './blob.js'
import type { Blob } from './blob.js'
import { isObject, iteratorsOf, need, shape, usv } from './idl.js'

export type FormEntry = [name: string, value: string | File]

const iterate = iteratorsOf<string | File>('FormData')

export class FormData {
  #entries: FormEntry[] = []

  constructor(form: unknown = undefined) {
    if (form !== undefined) throw new TypeError('FormData: there are no forms here to take the data from')
  }

  append(name: unknown, value: unknown, filename: unknown = undefined): void {
    need('FormData.append', 2, arguments.length)
    this.#entries.push(entry('append', name, value, arguments.length > 2, filename))
  }

  delete(name: unknown): void {
    need('FormData.delete', 1, arguments.length)
    const wanted = usv(name)
    this.#entries = this.#entries.filter((each) => each[0] !== wanted)
  }

  get(name: unknown): string | File | null {
    need('FormData.get', 1, arguments.length)
    const wanted = usv(name)
    return this.#entries.find((each) => each[0] === wanted)?.[1] ?? null
  }

  getAll(name: unknown): (string | File)[] {
    need('FormData.getAll', 1, arguments.length)
    const wanted = usv(name)
    return this.#entries.filter((each) => each[0] === wanted).map((each) => each[1])
  }

  has(name: unknown): boolean {
    need('FormData.has', 1, arguments.length)
    const wanted = usv(name)
    return this.#entries.some((each) => each[0] === wanted)
  }

  set(name: unknown, value: unknown, filename: unknown = undefined): void {
    need('FormData.set', 2, arguments.length)
    const added = entry('set', name, value, arguments.length > 2, filename)
    const at = this.#entries.findIndex((each) => each[0] === added[0])
    if (at < 0) this.#entries.push(added)
    else this.#entries = this.#entries.flatMap((each, index) => (index === at ? [added] : each[0] === added[0] ? [] : [each]))
  }

  forEach(callback: unknown, receiver: unknown = undefined): void {
    need('FormData.forEach', 1, arguments.length)
    if (typeof callback !== 'function') throw new TypeError('FormData.forEach: the callback must be a function')
    for (let index = 0; index < this.#entries.length; index++) {
      const [name, value] = this.#entries[index]!
      Reflect.apply(callback, receiver, [value, name, this])
    }
  }

  entries(): IterableIterator<FormEntry> {
    return this.#iterate('entries')
  }

  keys(): IterableIterator<string> {
    return this.#iterate('keys')
  }

  values(): IterableIterator<string | File> {
    return this.#iterate('values')
  }

  #iterate(kind: 'entries' | 'keys' | 'values'): IterableIterator<never> {
    if (!(#entries in this)) throw new TypeError('the receiver is no FormData')
    return iterate(() => this.#entries, kind)
  }

  static entriesOf(this: void, form: FormData): readonly FormEntry[] {
    return form.#entries
  }

  static withEntries(this: void, entries: FormEntry[]): FormData {
    const form = new FormData()
    form.#entries = entries
    return form
  }

  static isFormData(this: void, value: unknown): value is FormData {
    return isObject(value) && #entries in value
  }

  declare [Symbol.iterator]: () => IterableIterator<FormEntry>
}

const { entriesOf, withEntries, isFormData } = FormData
for (const key of ['entriesOf', 'withEntries', 'isFormData']) Reflect.deleteProperty(FormData, key)

Object.defineProperty(FormData.prototype, Symbol.iterator, { value: FormData.prototype.entries, writable: true, configurable: true })
shape(FormData, 'FormData')

export { entriesOf, isFormData, withEntries }

function entry(method: string, name: unknown, value: unknown, hasFilename: boolean, filename: unknown): FormEntry {
  const text = usv(name)
  if (!isBlob(value)) {
    if (hasFilename) throw new TypeError(`FormData.${method}: a value with a file name must be a Blob`)
    return [text, usv(value)]
  }
  if (isFile(value) && !hasFilename) return [text, value]
  return [text, fileOf(value, hasFilename ? usv(filename) : 'blob')]
}

function fileOf(blob: Blob, name: string): File {
  const lastModified = isFile(blob) ? fileTime(blob) : undefined
  return new File([blob], name, { type: blobType(blob), lastModified })
}
