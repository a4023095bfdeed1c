import { table } from '../differential.js'
import type { Case } from '../differential.js'

const DIGESTS = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512', 'sha-256'].flatMap((name) => ['', 'abc', 'x'.repeat(200)].map((text) => [name, text]))

const CRYPTO: [name: string, code: string][] = [
  ['getRandomValues fills and returns', `const u = new Uint8Array(64); const same = crypto.getRandomValues(u) === u; return [same, u.some((byte) => byte !== 0), crypto.getRandomValues(new BigUint64Array(2)).length, crypto.getRandomValues(new Int16Array(0)).length]`],
  ['getRandomValues of wrong things', `return [new Float32Array(1), new DataView(new ArrayBuffer(1)), [], 5, new Uint8Array(65537)].map((value) => caught(() => crypto.getRandomValues(value))).concat([caught(() => crypto.getRandomValues())])`],
  ['randomUUID', `const [a, b] = [crypto.randomUUID(), crypto.randomUUID()]; return [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(a), a !== b]`],
  ['digest of every source', `const text = new TextEncoder().encode('xabcx'); const digests = await Promise.all([text.slice(1, 4), text.slice(1, 4).buffer, text.subarray(1, 4), new DataView(text.buffer, 1, 3)].map((source) => crypto.subtle.digest({ name: 'SHA-256' }, source))); return new Set(digests.map((digest) => String(bytes(digest)))).size`],
  ['wrong digests', `return Promise.all([crypto.subtle.digest('md5', new Uint8Array()), crypto.subtle.digest('SHA-256', 'text'), crypto.subtle.digest('SHA-256'), crypto.subtle.digest({}, new Uint8Array())].map(rejected))`],
  ['the shape', `return [Object.prototype.toString.call(crypto), Object.prototype.toString.call(crypto.subtle), caught(() => new Crypto()), caught(() => new SubtleCrypto())].map((x) => Array.isArray(x) ? x.slice(0, 2) : x)`],
]

const CLOCK: [name: string, code: string][] = [
  ['now grows', `const a = performance.now(); const b = performance.now(); return [typeof a, a > 0, b >= a]`],
  ['timeOrigin and now are the time', `return Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000`],
  ['marks', `performance.clearMarks(); const m = performance.mark('a', { startTime: 5, detail: { x: 1 } }); const n = performance.mark('b'); return [m.name, m.entryType, m.startTime, m.duration, m.detail, n.detail, m instanceof PerformanceMark, m instanceof PerformanceEntry, performance.getEntriesByName('a').length, performance.getEntriesByType('mark').map((e) => e.name), m.toJSON()]`],
  ['measures', `performance.clearMarks(); performance.clearMeasures(); performance.mark('a', { startTime: 5 }); performance.mark('b', { startTime: 9 }); const of = (...args) => { const m = performance.measure('m', ...args); return [m.startTime, m.duration, m.entryType] }; return [of('a', 'b'), of({ start: 'a', end: 'b' }), of({ start: 1, duration: 3 }), of({ duration: 2, end: 'b' }), performance.measure('d', { start: 'a', end: 'b', detail: 7 }).detail, performance.getEntriesByType('measure').length]`],
  ['wrong marks', `return [caught(() => performance.mark()), caught(() => performance.mark('a', { startTime: -1 })), caught(() => performance.measure('m', 'no such mark')), caught(() => performance.measure())].map((outcome) => outcome.slice(0, 2))`],
  ['clearing', `performance.clearMarks(); performance.mark('a'); performance.mark('b'); performance.clearMarks('a'); const one = performance.getEntriesByType('mark').map((e) => e.name); performance.clearMarks(); return [one, performance.getEntriesByType('mark')]`],
]

const TIMERS: [name: string, code: string][] = [
  ['order by time', `const seen = []; await Promise.all([30, 10, 20].map((ms) => new Promise((resolve) => setTimeout(() => { seen.push(ms); resolve() }, ms)))); return seen`],
  ['order of those of the same time', `const seen = []; await new Promise((resolve) => { for (const n of [1, 2, 3]) setTimeout(() => seen.push(n), 5); setTimeout(resolve, 5) }); return seen`],
  ['arguments', `return new Promise((resolve) => setTimeout((...args) => resolve(args), 1, 'a', 2, null))`],
  ['delays that are none are one', `const seen = []; await new Promise((resolve) => { setTimeout(() => seen.push('undefined')); setTimeout(() => seen.push(0), 0); setTimeout(() => seen.push(-5), -5); setTimeout(() => seen.push('NaN'), NaN); setTimeout(() => seen.push('text'), 'x'); setTimeout(() => seen.push('large'), 2 ** 31); setTimeout(resolve, 1) }); return seen`],
  ['microtasks come first', `const seen = []; setTimeout(() => seen.push('timer'), 0); queueMicrotask(() => seen.push('micro')); Promise.resolve().then(() => seen.push('then')); seen.push('sync'); await new Promise((resolve) => setTimeout(resolve, 1)); return seen`],
  ['microtasks between two timers', `const seen = []; await new Promise((resolve) => { setTimeout(() => { seen.push(1); queueMicrotask(() => seen.push('micro')) }, 1); setTimeout(() => seen.push(2), 1); setTimeout(resolve, 1) }); return seen`],
  ['clearTimeout', `const seen = []; const id = setTimeout(() => seen.push('cleared'), 1); clearTimeout(id); clearTimeout(id); await new Promise((resolve) => setTimeout(resolve, 5)); return seen`],
  ['clearing in a timer', `const seen = []; let second; await new Promise((resolve) => { setTimeout(() => { seen.push(1); clearTimeout(second) }, 1); second = setTimeout(() => seen.push(2), 1); setTimeout(resolve, 2) }); return seen`],
  ['clearing what is no timer', `return [clearTimeout(), clearTimeout(null), clearTimeout(undefined), clearTimeout(NaN), clearTimeout(123456), clearTimeout('x'), clearTimeout({}), clearInterval(-1)]`],
  ['an interval', `let n = 0; return new Promise((resolve) => { const id = setInterval((step) => { n += step; if (n === 6) { clearInterval(id); resolve(n) } }, 1, 2) })`],
  ['an interval and a timeout are cleared alike', `const seen = []; const one = setInterval(() => seen.push(1), 1); clearTimeout(one); const two = setTimeout(() => seen.push(2), 1); clearInterval(two); await new Promise((resolve) => setTimeout(resolve, 5)); return seen`],
  ['an interval that clears itself first', `let n = 0; const id = setInterval(() => { clearInterval(id); n++ }, 1); await new Promise((resolve) => setTimeout(resolve, 10)); return n`],
  ['timers in timers', `const seen = []; await new Promise((resolve) => { const step = (n) => { seen.push(n); if (n === 3) resolve(); else setTimeout(step, 0, n + 1) }; setTimeout(step, 0, 1) }); return seen`],
  ['what is no callback', `return [caught(() => setTimeout()), caught(() => setTimeout('code')), caught(() => setInterval({}, 1)), caught(() => queueMicrotask()), caught(() => queueMicrotask({}))].map((outcome) => outcome.slice(0, 2))`],
  ['queueMicrotask in order', `const seen = []; queueMicrotask(() => { seen.push(1); queueMicrotask(() => seen.push(3)) }); queueMicrotask(() => seen.push(2)); await new Promise((resolve) => setTimeout(resolve, 1)); return [seen, queueMicrotask(() => {})]`],
  ['a promise of a timer is raced', `return Promise.race([new Promise((resolve) => setTimeout(resolve, 50, 'late')), new Promise((resolve) => setTimeout(resolve, 1, 'early'))])`],
]

export const clock: Case[] = [
  ...table('digest', DIGESTS, `return bytes(await crypto.subtle.digest(row[0], new TextEncoder().encode(row[1])))`),
  ...CRYPTO.map(([name, code]) => ({ name: `crypto: ${name}`, code })),
  ...CLOCK.map(([name, code]) => ({ name: `performance: ${name}`, code })),
  ...TIMERS.map(([name, code]) => ({ name: `timers: ${name}`, code })),
  { name: 'timers: ids are positive integers', code: `const ids = [setTimeout(() => {}), setInterval(() => {}, 1000)]; ids.forEach(clearTimeout); return ids.every((id) => Number.isInteger(id) && id > 0)`, expected: true },
  { name: 'timers: this of a callback is the global object', code: `return new Promise((resolve) => setTimeout(function () { resolve(this === globalThis) }, 1))`, expected: true, differs: 'in Node it is an object for the timer' },
]
