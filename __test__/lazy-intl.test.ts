import { build } from 'esbuild'
import { buildSnapshot, createIsolate, verifyIsolation } from 'isoseed'
import type { Snapshot } from 'isoseed'
import { beforeAll, describe, expect, test } from 'vitest'
import { rejection } from './support/rejection.js'

/** Evaluates in a new isolate, of a snapshot if given. */
async function ask<T = unknown>(code: string, snapshot?: Snapshot): Promise<T> {
  await using isolate = await createIsolate(snapshot ? { snapshot } : {})
  return await isolate.eval<T>(code)
}

/** A script of ES modules as a library would be loaded. */
async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, write: false, format: 'iife', logLevel: 'silent' })
  return outputFiles[0]?.text ?? ''
}

// An expression that makes an object, and expressions about it, in which it is `o`.
const everywhere = ['typeof o', 'Object.prototype.toString.call(o)', 'o.constructor.name', 'JSON.stringify(o)', 'Reflect.ownKeys(o).length', 'Object.isExtensible(o)', 'o instanceof o.constructor', 'Object.getPrototypeOf(o) === o.constructor.prototype']
const resolved = 'JSON.stringify(o.resolvedOptions())'
const date = 'new Date(Date.UTC(2024, 1, 29, 13, 5, 9))'
const objects: [make: string, ...ask: string[]][] = [
  ['new Intl.NumberFormat("de", { style: "currency", currency: "EUR", minimumFractionDigits: "3" })', 'o.format(1234.5)', 'o.format === o.format', 'o.format.name + o.format.length', 'Reflect.ownKeys(o.format).join()', 'new o.format()', '[1, 2].map(o.format).join()', 'JSON.stringify(o.formatToParts(-1.5))', 'o.formatRange(1, 2)', 'o.format(Symbol())', resolved],
  ['new Intl.NumberFormat(["hi", "de"], { numberingSystem: "deva" })', 'o.format(1e6)', resolved],
  ['Intl.NumberFormat()', 'o.format(1e6)', resolved],
  ['new Intl.NumberFormat("en", Object.freeze({ style: Object("percent") }))', 'o.format(0.5)', resolved],
  ['new Intl.NumberFormat("en", { useGrouping: false, minimumFractionDigits: { valueOf: () => 2 } })', 'o.format(12345)', resolved],
  ['new Intl.NumberFormat("de").format', 'o(1.5)', 'o.call(null, 2.5)', 'String(o)'],
  ['new Intl.DateTimeFormat("de", { dateStyle: "full", timeStyle: "long", timeZone: "Asia/Tokyo" })', `o.format(${date})`, 'o.format === o.format', `JSON.stringify(o.formatToParts(${date}))`, `o.formatRange(${date}, new Date(0))`, 'o.format(NaN)', resolved],
  ['Intl.DateTimeFormat("ja-JP-u-ca-japanese", { timeZone: "UTC" })', `o.format(${date})`, resolved],
  ['new Intl.Collator("sv", { numeric: true })', 'o.compare("a10", "a2")', 'o.compare === o.compare', '["z", "ä", "a"].sort(o.compare).join()', 'o.compare.name + o.compare.length', resolved],
  ['new Intl.PluralRules("en", { type: "ordinal" })', '[1, 2, 3, 4].map((n) => o.select(n)).join()', 'o.selectRange(1, 2)', resolved],
  ['new Intl.ListFormat("es", { type: "disjunction" })', 'o.format(["a", "b"])', 'JSON.stringify(o.formatToParts(new Set(["x", "y"])))', 'o.format([1])', resolved],
  ['new Intl.RelativeTimeFormat("en", { numeric: "auto" })', 'o.format(-1, "day")', 'JSON.stringify(o.formatToParts(3, "week"))', 'o.format(1, "x")', resolved],
  ['new Intl.DisplayNames("fr", { type: "region" })', 'o.of("DE")', 'o.of("!!")', resolved],
  ['new Intl.DurationFormat("en", { style: "long" })', 'o.format({ hours: 1, minutes: 2 })', 'JSON.stringify(o.formatToParts({ hours: 1 }))', resolved],
  ['new Intl.Locale("sl-rozaj", { calendar: "gregory", numeric: false, hourCycle: "h23", region: "SI" })', 'o.toString()', 'o.numeric', 'o.calendar', 'o.hourCycle', 'o.region', 'o.variants', 'o.baseName', 'o.maximize().toString()', 'o.minimize() instanceof Intl.Locale', 'JSON.stringify(o.getWeekInfo())', 'o.length'],
  // V8's own code sees a locale in each of these, and would take any other object for an empty list.
  ['new Intl.Locale("de-AT")', '(1234.5).toLocaleString(o)', '[1234.5].toLocaleString([o])', '12345n.toLocaleString(o)', `${date}.toLocaleDateString(o, { timeZone: "UTC" })`, '"a".localeCompare("ä", o)', '"i".toLocaleUpperCase(o)', 'Intl.getCanonicalLocales(o).join()', 'Intl.PluralRules.supportedLocalesOf(o).join()', 'new Intl.NumberFormat(o).resolvedOptions().locale', 'new Intl.NumberFormat([o]).format(1234.5)', 'new Intl.Locale(o, { region: "CH" }).toString()', 'new Intl.DisplayNames("en", { type: "language" }).of(o)'],
  ['new Intl.Segmenter("en", { granularity: "word" })', '[...o.segment("Hello big world")].map((s) => s.segment + s.index + s.isWordLike).join("|")', 'o.segment("ab cd").containing(3).segment', 'o.segment(Symbol())', resolved],
  ['new Intl.Segmenter("en").segment("abc")', '[...o].length', 'o.containing(1).segment', 'Object.prototype.toString.call(o)'],
  ['(() => { const all = new Intl.Segmenter("en").segment("abcd")[Symbol.iterator](); all.next(); return all })()', '[...o].map((s) => s.segment).join()', 'JSON.stringify(o.next())', 'Object.prototype.toString.call(o)'],
  ['Object.freeze(Object.assign(new Intl.NumberFormat("de"), { own: 1 }))', 'o.format(1.5)', 'o.own', 'Object.isFrozen(o)', 'Object.keys(o).join()'],
  ['new (class Own extends Intl.NumberFormat { #more = 5; plus(n) { return this.format(n) + this.#more } })("de")', 'o.plus(1.5)', 'o instanceof Intl.NumberFormat', 'Object.getPrototypeOf(o.constructor) === Intl.NumberFormat', 'new o.constructor("fr").plus(0.5)', 'o.constructor.supportedLocalesOf("de").join()'],
  ['Intl.DateTimeFormat.call(Object.create(Intl.DateTimeFormat.prototype), "de", { timeZone: "UTC" })', `o.format(${date})`, 'o.formatToParts(0)', 'String(Reflect.ownKeys(o)[0])'],
  ['Object.create(new Intl.NumberFormat("de"))', 'o.format(1)', 'o.resolvedOptions()'],
]

/** A script whose value is everything that the expressions give, errors too. */
const answers = (asked: (make: string) => string): string =>
  `[${objects.map(([make, ...calls]) => `(() => { const o = ${asked(make)}; return [${[...everywhere, ...calls].map((call) => `answer(() => ${call})`).join()}] })()`).join()}]`
// How a receiver is printed is V8's affair: by its constructor's name or its tag.
const answer = 'globalThis.answer = (ask) => { try { const given = ask(); return typeof given === "object" ? "an object" : given } catch (error) { return `${error.name}: ${error.message}`.replace(/\\[object Intl\\.(\\w+)\\]/, "#<$1>") } };'

describe('objects made while building', () => {
  let fresh: unknown[][]
  let snapshot: Snapshot
  beforeAll(async () => {
    fresh = await ask(`${answer} ${answers((make) => make)}`)
    const made = `globalThis.made = [${objects.map(([make]) => make).join()}];`
    snapshot = await buildSnapshot({ bundle: `${answer} globalThis.early = ${answers((make) => make)}; ${made}` })
  })

  test.each(objects.map(([make], index) => [make, index] as const))('%s answers as a fresh one, then and in each session', async (_, index) => {
    const [make, ...calls] = objects[index] ?? ['']
    expect(fresh[index]?.length).toBe(everywhere.length + calls.length)
    expect(await ask(`early[${index}]`, snapshot)).toEqual(fresh[index])
    const own = answers((other) => (other === make ? `made[${index}]` : other))
    expect(await ask<unknown[][]>(own, snapshot).then((all) => all[index])).toEqual(fresh[index])
  })

  test('a Locale has what V8 adds in each session', async () => {
    const own = await buildSnapshot({ bundle: 'globalThis.locale = new Intl.Locale("sl-rozaj-biske")' })
    expect(await ask('[locale.variants, new Intl.Locale("de-1996").variants]', own)).toEqual(['biske-rozaj', '1996'])
  })

  test('V8 alone knows v8BreakIterator: one is refused', async () => {
    const error = await rejection(buildSnapshot({ bundle: 'globalThis.words = new Intl.v8BreakIterator("en")' }))
    expect(error.code).toBe('ERR_SNAPSHOT_UNSAFE')
    expect(error.findings?.map(({ path }) => path)).toEqual(['words'])
  })

  test('are named in warnings, once for each place', async () => {
    const bundle = { code: 'const make = () => new Intl.Collator("de")\nglobalThis.all = [make(), make()]\nglobalThis.other = new Intl.PluralRules("de")', name: 'lib.js' }
    const { info } = await buildSnapshot({ bundle })
    const found = info.warnings.filter(({ rule }) => rule === 'lazy-intl')
    expect(found.map(({ path, source }) => [path, source])).toEqual([['Intl.Collator', 'lib.js:1:20'], ['Intl.PluralRules', 'lib.js:3:20']])
    expect(found[0]?.message).toMatch(/^2 objects/)
  })

  test('can be kept by the thousand, with a function of one alone, and dropped', async () => {
    const own = await buildSnapshot({ bundle: 'globalThis.some = []; for (let i = 0; i < 3000; i++) { const { format } = new Intl.NumberFormat("de"); if (i % 1000 === 0) some.push(format) }' })
    expect(await ask('some.map((format) => format(1.5)).join(" ")', own)).toBe('1,5 1,5 1,5')
  })

  test('do not keep a warm-up that uses them from being thrown away', async () => {
    const own = await buildSnapshot({ bundle: 'globalThis.format = new Intl.NumberFormat("de").format; globalThis.use = () => [format(1.5), new Intl.DateTimeFormat("de", { timeZone: "UTC" }).format(0)]', warmup: 'globalThis.kept = [use(), new Intl.Segmenter("en").segment("abc"), new Intl.Locale("de")]' })
    expect(await ask('[use(), typeof kept]', own)).toEqual([['1,5', '1.1.1970'], 'undefined'])
  })

  test('cannot be cloned, like any Intl object', async () => {
    const error = await rejection(ask('made[0]', snapshot))
    expect(error.code).toBe(await rejection(ask('new Intl.NumberFormat("de")')).then(({ code }) => code))
  })

  test('live on in a snapshot on top, beside new ones', async () => {
    const base = await buildSnapshot({ bundle: 'globalThis.first = new Intl.NumberFormat("de"); globalThis.format = first.format' })
    const top = await buildSnapshot({ base, bundle: 'globalThis.second = new Intl.NumberFormat("en"); globalThis.same = first.format === format; globalThis.early = first.format(1.5)' })
    expect(await ask('[early, same, first.format === format, format(1.5), second.format(1.5)]', top)).toEqual(['1,5', true, true, '1,5', '1.5'])
  })

  test('may be made on top of a snapshot without any, and of one that changed Intl', async () => {
    const base = await buildSnapshot({ bundle: 'Intl.PluralRules = class Mine { constructor(...all) { this.all = all } }; Intl.Collator.prototype.resolvedOptions = () => "mine"' })
    const top = await buildSnapshot({ base, bundle: 'globalThis.all = [new Intl.PluralRules("de", { a: 1 }), new Intl.Collator("de"), new Intl.NumberFormat("de")]' })
    expect(await ask('[all[0].all, all[1].resolvedOptions(), all[1].compare("a", "b"), all[2].format(1.5)]', top)).toEqual([['de', { a: 1 }], 'mine', -1, '1,5'])
  })
})

describe('while building', () => {
  test.each([
    'new Intl.NumberFormat("no_locale")', 'new Intl.NumberFormat("en", null)', 'new Intl.NumberFormat("en", { style: "currency" })', 'new Intl.NumberFormat("en", { maximumFractionDigits: 101 })', 'new Intl.NumberFormat(null)',
    'new Intl.NumberFormat("en", { get style() { throw new Error("mine") } })', 'new Intl.DateTimeFormat("en", { timeZone: "Nowhere/Land" })', 'Intl.PluralRules()', 'new Intl.DisplayNames("en")', 'new Intl.ListFormat("en", "x")', 'new Intl.Locale()', 'new Intl.Locale("en", { region: "!!" })',
    'Intl.DateTimeFormat.call(Object.freeze(Object.create(Intl.DateTimeFormat.prototype)))', 'Intl.NumberFormat.prototype.formatToParts.call({}, 1)', 'new Intl.NumberFormat("en", { useGrouping: {} })', 'new Intl.NumberFormat("en", { style: Symbol() })',
  ])('%s throws at once what V8 throws', async (code) => {
    const asked = `${answer} globalThis.thrown = answer(() => ${code})`
    const own = await buildSnapshot({ bundle: asked })
    const expected = await ask<string>(asked)
    expect(expected).toMatch(/Error: /)
    expect(await ask('thrown', own)).toBe(expected)
  })

  test('options are read once, in order', async () => {
    const code = 'globalThis.log = []; globalThis.all = ["NumberFormat", "DateTimeFormat", "Collator", "PluralRules", "Segmenter", "Locale"].map((name) => new Intl[name]("en", new Proxy({}, { get(_, key) { log.push(`${name}.${String(key)}`) } })))'
    const own = await buildSnapshot({ bundle: code })
    expect(await ask('all.forEach((one) => String(one.resolvedOptions?.())); log', own)).toEqual(await ask(`${code}; log`))
  })

  test('constructors are what they seem', async () => {
    const seem = '["NumberFormat", "DateTimeFormat", "Collator", "Segmenter", "Locale"].map((name) => { const C = Intl[name]; return [C.name, C.length, Reflect.ownKeys(C).map(String), Reflect.ownKeys(C.prototype).map(String), C === C.prototype.constructor, /native code/.test(Function.prototype.toString.call(C)), Object.getPrototypeOf(C) === Function.prototype] })'
    const own = await buildSnapshot({ bundle: `globalThis.seem = ${seem}; globalThis.Captured = Intl.NumberFormat; globalThis.captured = Intl.Collator.prototype.resolvedOptions` })
    expect(await ask('seem', own)).toEqual(await ask(seem))
    expect(await ask('[Captured === Intl.NumberFormat, Captured === Captured.prototype.constructor, new Captured("de").format(1.5), captured === Intl.Collator.prototype.resolvedOptions, new Intl.Collator("de").resolvedOptions().locale]', own)).toEqual([true, true, '1,5', true, 'de'])
  })

  test('what the sources replace stays replaced', async () => {
    const own = await buildSnapshot({ bundle: '{ const Own = Intl.DateTimeFormat; Intl.DateTimeFormat = function (...all) { return new Own(...all) }; Intl.DateTimeFormat.mine = true; delete Intl.Collator; Intl.PluralRules.prototype.select = () => "mine" }' })
    expect(await ask('[Intl.DateTimeFormat.mine, Intl.DateTimeFormat("de").resolvedOptions().locale, typeof Intl.Collator, new Intl.PluralRules().select(1)]', own)).toEqual([true, 'de', 'undefined', 'mine'])
  })

  test('a frozen Intl works on', async () => {
    const own = await buildSnapshot({ bundle: 'for (const name of ["NumberFormat", "Collator"]) { Object.freeze(Intl[name]); Object.freeze(Intl[name].prototype) } Object.freeze(Intl); globalThis.all = [new Intl.NumberFormat("de")]' })
    expect(await ask('[all[0].format(1.5), new Intl.NumberFormat("de").format(1.5), Object.isFrozen(Intl)]', own)).toEqual(['1,5', '1,5', true])
  })
})

describe('sources that keep no Intl object', () => {
  /** Describes Intl, key by key, and all functions that take locales. */
  const description = `(() => {
    const seen = new Map(), lines = []
    const text = (value) => typeof value === 'function' ? Function.prototype.toString.call(value) : typeof value
    const walk = (value, path) => {
      if (Object(value) !== value || seen.has(value)) return
      seen.set(value, path)
      for (const key of Reflect.ownKeys(value)) {
        const own = Object.getOwnPropertyDescriptor(value, key)
        const at = path + '.' + String(key)
        lines.push([at, own.writable, own.enumerable, own.configurable, text(own.value), text(own.get), text(own.set), seen.get(own.value)].join(' '))
        walk(own.value, at)
        walk(own.get, at + '<get>')
      }
    }
    for (const name of ['Intl', 'String', 'Number', 'BigInt', 'Date']) walk(globalThis[name], name)
    const segments = new Intl.Segmenter('en').segment('')
    walk(Object.getPrototypeOf(segments), 'Segments')
    walk(Object.getPrototypeOf(segments[Symbol.iterator]()), 'SegmentIterator')
    return lines
  })()`

  test.each([
    ['do not touch it', 'globalThis.mine = 1'],
    ['use it', 'for (let i = 0; i < 100; i++) { new Intl.NumberFormat("de").format(i); new Intl.Locale("de").maximize(); [...new Intl.Segmenter().segment("a b")]; Intl.Collator.supportedLocalesOf("de"); "a".localeCompare("b", "de"); (5).toLocaleString("de") }'],
    ['test for its features', 'globalThis.has = typeof Intl === "object" && "formatToParts" in Intl.NumberFormat.prototype && typeof Intl.Locale === "function" && Intl.DateTimeFormat().resolvedOptions().timeZone'],
  ])('and %s leave all as V8 made it', async (_, bundle) => {
    const own = await buildSnapshot({ bundle })
    const lines = await ask<string[]>(description)
    expect(lines.length).toBeGreaterThan(300)
    expect(await ask(description, own)).toEqual(lines)
    expect(own.info.warnings.filter(({ rule }) => rule === 'lazy-intl')).toEqual([])
  })
})

describe('libraries', () => {
  test('luxon, used at load', async () => {
    const bundle = await bundled('import * as luxon from "luxon"; globalThis.luxon = luxon; globalThis.format = (day) => luxon.DateTime.fromISO(day, { zone: "Europe/Vienna", locale: "de" }).toLocaleString(luxon.DateTime.DATETIME_FULL); globalThis.early = format("2024-02-29")')
    const own = await buildSnapshot({ bundle })
    const asked = '[early, format("2024-02-29"), format("2025-12-24T20:15"), luxon.Info.months("long", { locale: "fr" }).join(), luxon.DateTime.fromISO("2024-02-29", { zone: "utc" }).toRelative({ base: luxon.DateTime.fromISO("2024-03-02", { zone: "utc" }), locale: "en" })]'
    expect(await ask(asked, own)).toEqual(await ask(`${bundle}; ${asked}`))
    expect(own.info.warnings.some(({ path }) => path === 'Intl.DateTimeFormat')).toBe(true)
    expect(await verifyIsolation(own)).toMatchObject({ ok: true, leaks: [] })
  })

  test('string-width, which makes a Segmenter at load', async () => {
    const bundle = await bundled('import width from "string-width"; globalThis.width = width')
    const own = await buildSnapshot({ bundle })
    const asked = '[width("abc"), width("日本"), width("👨‍👩‍👧‍👦"), width("e\\u0301")]'
    expect(await ask(asked, own)).toEqual(await ask(`${bundle}; ${asked}`))
    expect(own.info.warnings.map(({ rule, path }) => [rule, path])).toContainEqual(['lazy-intl', 'Intl.Segmenter'])
    expect(await verifyIsolation(own)).toMatchObject({ ok: true, leaks: [] })
  })
})
