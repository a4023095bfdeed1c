import type { Case } from '../differential.js'

const PROGRAMS: [name: string, code: string][] = [
  ['a stream is read', `const s = new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close() } }); const r = s.getReader(); return [s.locked, await r.read(), await r.read(), await r.read(), await r.closed]`],
  ['pull is called on demand', `let n = 0; const s = new ReadableStream({ pull(c) { c.enqueue(n++); if (n > 3) c.close() } }, { highWaterMark: 0 }); const before = n; return [before, await all(s), n]`],
  ['async iteration cancels when left', `let reason = 'none'; const s = new ReadableStream({ pull(c) { c.enqueue(1) }, cancel(r) { reason = ['cancelled', r] } }); for await (const _ of s) break; return [reason, s.locked]`],
  ['async iteration that prevents cancel', `let cancelled = false; const s = new ReadableStream({ pull(c) { c.enqueue(1) }, cancel() { cancelled = true } }); for await (const _ of s.values({ preventCancel: true })) break; return [cancelled, s.locked, (await s.getReader().read()).value]`],
  ['ReadableStream.from', `return [await all(ReadableStream.from([1, 2])), await all(ReadableStream.from('ab')), await all(ReadableStream.from((async function* () { yield 1; yield 2 })())), caught(() => ReadableStream.from(5))]`],
  ['errors reach the reader', `const s = new ReadableStream({ start(c) { c.error(new RangeError('x')) } }); return [await rejected(s.getReader().read()), await rejected(all(new ReadableStream({ pull() { throw new TypeError('p') } })))]`],
  ['cancel', `let seen; const s = new ReadableStream({ cancel(r) { seen = r; return 5 } }); const result = await s.cancel('why'); return [result, seen, await s.getReader().read()]`],
  ['a locked stream', `const s = new ReadableStream(); s.getReader(); return [caught(() => s.getReader()), await rejected(s.cancel()), caught(() => s.tee()), caught(() => s.pipeThrough(new TransformStream()))]`],
  ['releaseLock', `const s = new ReadableStream({ start(c) { c.enqueue(1) } }); const r = s.getReader(); const one = (await r.read()).value; r.releaseLock(); return [one, s.locked, await rejected(r.read()), await rejected(r.closed)]`],
  ['tee', `const [a, b] = ReadableStream.from([1, { x: 1 }]).tee(); const [x, y] = [await all(a), await all(b)]; return [x, y, x[1] === y[1]]`],
  ['enqueue after close', `let c; new ReadableStream({ start(x) { c = x } }); c.close(); return [caught(() => c.enqueue(1)), caught(() => c.close()), c.desiredSize]`],
  ['desiredSize and strategies', `let c; new ReadableStream({ start(x) { c = x } }, new CountQueuingStrategy({ highWaterMark: 3 })); const one = c.desiredSize; c.enqueue('a'); let d; new ReadableStream({ start(x) { d = x } }, new ByteLengthQueuingStrategy({ highWaterMark: 10 })); d.enqueue(new Uint8Array(4)); return [one, c.desiredSize, d.desiredSize, new CountQueuingStrategy({ highWaterMark: 1 }).size(), new ByteLengthQueuingStrategy({ highWaterMark: 1 }).size({ byteLength: 7 })]`],
  ['wrong strategies', `return [caught(() => new ReadableStream({}, { highWaterMark: -1 })), caught(() => new ReadableStream({}, { size: 5 })), caught(() => new CountQueuingStrategy()), caught(() => new ReadableStream({ type: 'x' })), caught(() => new ReadableStream(5))]`],
  ['a stream of bytes', `const s = new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array([1, 2, 3])); c.close() } }); const r = s.getReader({ mode: 'byob' }); const one = await r.read(new Uint8Array(2)); const two = await r.read(new Uint8Array(2)); const end = await r.read(new Uint8Array(2)); return [bytes(one.value), bytes(two.value), end.done, end.value.byteLength]`],
  ['a byob request', `const s = new ReadableStream({ type: 'bytes', pull(c) { const { view } = c.byobRequest; view[0] = 7; c.byobRequest.respond(1) } }); const b = new Uint8Array(3); const r = await s.getReader({ mode: 'byob' }).read(b); return [bytes(r.value), b.byteLength]`],
  ['autoAllocateChunkSize', `const s = new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 8, pull(c) { c.byobRequest.view[0] = 9; c.byobRequest.respond(1); c.close() } }); return (await all(s)).map(bytes)`],
  ['a byte stream takes only bytes', `let c; new ReadableStream({ type: 'bytes', start(x) { c = x } }); return [caught(() => c.enqueue('a')), caught(() => c.enqueue(new Uint8Array(0)))]`],
  ['a byob reader of an ordinary stream', `return caught(() => new ReadableStream().getReader({ mode: 'byob' }))`],
  ['tee of a byte stream', `const [a, b] = new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array([1, 2])); c.close() } }).tee(); return [(await all(a)).map(bytes), (await all(b)).map(bytes)]`],
  ['a stream is written', `const seen = []; const s = new WritableStream({ start() { seen.push('start') }, write(chunk) { seen.push(chunk) }, close() { seen.push('close') } }); const w = s.getWriter(); await w.ready; w.write(1); w.write(2); await w.close(); return [seen, s.locked, await w.closed]`],
  ['writes wait for one another', `const seen = []; const s = new WritableStream({ async write(chunk) { seen.push('begin' + chunk); await null; seen.push('end' + chunk) } }); const w = s.getWriter(); await Promise.all([w.write(1), w.write(2)]); return seen`],
  ['back-pressure', `const s = new WritableStream({ write() { return new Promise(() => {}) } }, { highWaterMark: 2 }); const w = s.getWriter(); const sizes = [w.desiredSize]; w.write(1); sizes.push(w.desiredSize); w.write(2); sizes.push(w.desiredSize); w.write(3); sizes.push(w.desiredSize); return sizes`],
  ['abort', `let seen; const s = new WritableStream({ abort(r) { seen = r } }); const w = s.getWriter(); w.closed.catch(() => {}); await w.abort('why'); return [seen, await rejected(w.write(1).catch((e) => Promise.reject(e instanceof Error ? e : new Error(String(e)))))]`],
  ['a failing sink', `const s = new WritableStream({ write() { throw new RangeError('w') } }); const w = s.getWriter(); w.closed.catch(() => {}); return [await rejected(w.write(1)), await rejected(w.write(2)), await rejected(w.close())]`],
  ['the signal of a controller', `let c; const s = new WritableStream({ start(x) { c = x } }); const before = c.signal.aborted; const p = s.abort('r'); const during = [c.signal.aborted, c.signal.reason]; await p; return [before, during, c.signal instanceof AbortSignal]`],
  ['a transformer', `const t = new TransformStream({ transform(chunk, c) { c.enqueue(chunk * 2) }, flush(c) { c.enqueue('end') } }); return all(ReadableStream.from([1, 2]).pipeThrough(t))`],
  ['an identity transform', `return all(ReadableStream.from(['a']).pipeThrough(new TransformStream()))`],
  ['a transform that fails', `return rejected(all(ReadableStream.from([1]).pipeThrough(new TransformStream({ transform() { throw new RangeError('t') } }))))`],
  ['a transform that terminates', `return all(ReadableStream.from([1, 2, 3]).pipeThrough(new TransformStream({ transform(chunk, c) { c.enqueue(chunk); c.terminate() } })))`],
  ['pipeTo', `const seen = []; const done = await ReadableStream.from([1, 2]).pipeTo(new WritableStream({ write(chunk) { seen.push(chunk) }, close() { seen.push('close') } })); return [done, seen]`],
  ['pipeTo that prevents close', `const seen = []; const w = new WritableStream({ close() { seen.push('close') } }); await ReadableStream.from([]).pipeTo(w, { preventClose: true }); return [seen, w.locked]`],
  ['pipeTo and abort', `const c = new AbortController(); let cancelled, aborted; const p = new ReadableStream({ cancel(r) { cancelled = r.name } }).pipeTo(new WritableStream({ abort(r) { aborted = r.name } }), { signal: c.signal }); c.abort(); return [await rejected(p), cancelled, aborted]`],
  ['pipeTo of a failing source', `let aborted; const p = ReadableStream.from((function* () { yield 1; throw new RangeError('s') })()).pipeTo(new WritableStream({ abort(r) { aborted = r.name } })); return [await rejected(p), aborted]`],
  ['a signal that is aborted already', `return rejected(new ReadableStream().pipeTo(new WritableStream(), { signal: AbortSignal.abort() }))`],
  ['names and tags', `return ['ReadableStream', 'WritableStream', 'TransformStream', 'ReadableStreamDefaultReader', 'WritableStreamDefaultWriter', 'ByteLengthQueuingStrategy'].map((name) => [globalThis[name].name, globalThis[name].prototype[Symbol.toStringTag], globalThis[name].length])`],
  ['controllers are not constructed', `return ['ReadableStreamDefaultController', 'ReadableByteStreamController', 'WritableStreamDefaultController', 'TransformStreamDefaultController', 'ReadableStreamBYOBRequest'].map((name) => caught(() => new globalThis[name]())[0])`],
  ['readers are constructed', `const s = new ReadableStream(); const r = new ReadableStreamDefaultReader(s); const w = new WritableStreamDefaultWriter(new WritableStream()); return [s.locked, r instanceof ReadableStreamDefaultReader, w.desiredSize, caught(() => new ReadableStreamDefaultReader({}))]`],
  ['what others recognise a stream by', `return [typeof ReadableStream.prototype[Symbol.asyncIterator], typeof ReadableStream.prototype.getReader, ReadableStream.prototype[Symbol.asyncIterator] === ReadableStream.prototype.values]`],
  ['many chunks', `let n = 0; const s = new ReadableStream({ pull(c) { c.enqueue(n); if (++n === 5000) c.close() } }); let sum = 0; for await (const x of s) sum += x; return sum`],
]

const BLOBS: [name: string, code: string][] = [
  ['parts of a blob', `const b = new Blob(['a\\u00e4', new Uint8Array([98, 99]), new Uint8Array([100]).buffer, new DataView(new Uint8Array([1, 101]).buffer, 1), new Blob(['f']), 5, null]); return [b.size, await b.text()]`],
  ['types', `return ['Text/PLAIN', '', 'a/b;c', '\\u00e4', 'x\\ny', undefined, null].map((type) => new Blob([], { type }).type)`],
  ['slices', `const b = new Blob(['0123456789'], { type: 'a/b' }); const texts = []; for (const range of [[2, 5], [-3], [5, 2], [0, -1], [undefined, 2], [20]]) texts.push(await b.slice(...range).text()); return [texts, b.slice(0, 1).type, b.slice(0, 1, 'C/D').type]`],
  ['a slice of a slice', `return new Blob(['abcdef']).slice(1, 5).slice(1, 3).text()`],
  ['arrayBuffer is a copy', `const b = new Blob(['ab']); const one = new Uint8Array(await b.arrayBuffer()); one[0] = 0; return [bytes(await b.arrayBuffer()), (await b.arrayBuffer()) instanceof ArrayBuffer]`],
  ['what was given can change afterwards', `const u = new Uint8Array([97]); const b = new Blob([u]); u[0] = 98; return b.text()`],
  ['a stream', `const chunks = await all(new Blob(['abc', 'def']).stream()); return [chunks.every((c) => c instanceof Uint8Array), new TextDecoder().decode(Uint8Array.from(chunks.flatMap((c) => [...c])))]`],
  ['a large stream', `const chunks = await all(new Blob(['x'.repeat(200000)]).stream()); return chunks.reduce((sum, c) => sum + c.length, 0)`],
  ['an empty stream', `return all(new Blob([]).stream())`],
  ['wrong parts', `return [caught(() => new Blob('a')), caught(() => new Blob(5)), caught(() => new Blob({})), caught(() => new Blob([], 5)), caught(() => new Blob([Symbol()])), new Blob().size, new Blob(new Set(['a'])).size]`],
  ['text that is no UTF-8', `return [...await new Blob([new Uint8Array([0xff, 0x61])]).text()].map((c) => c.codePointAt())`],
  ['a file', `const f = new File(['abc'], 'n.txt', { type: 'T/x', lastModified: 5 }); return [f.name, f.size, f.type, f.lastModified, await f.text(), f instanceof Blob, Object.prototype.toString.call(f), f.slice(1) instanceof File]`],
  ['a file needs a name', `return [caught(() => new File([])), caught(() => new File()), new File([], 'a/b').name, typeof new File([], 'x').lastModified, new File([], 'x', { lastModified: NaN }).lastModified]`],
  ['the shape of Blob', `return [Object.prototype.toString.call(new Blob()), Blob.length, File.length, caught(() => Blob()), caught(() => Object.getOwnPropertyDescriptor(Blob.prototype, 'size').get.call({}))]`],
]

export const streams: Case[] = [
  ...PROGRAMS.map(([name, code]) => ({ name, code })),
  {
    name: 'write after close',
    code: `const w = new WritableStream().getWriter(); await w.close(); return [await rejected(w.write(1)), await rejected(w.close())]`,
    expected: [
      ['rejected', 'TypeError', 'TypeError'],
      ['rejected', 'TypeError', 'TypeError'],
    ],
    differs: 'an assertion of Node 20 fails',
  },
]

export const blobs: Case[] = [
  ...BLOBS.map(([name, code]) => ({ name, code })),
  // Node 20 ends its own process when a position is a fraction.
  { name: 'slices at fractions', code: `const b = new Blob(['0123456789']); return Promise.all([[1.5, 3.4], [0.5, 2.5], [-2.5], [NaN, 3]].map((range) => b.slice(...range).text()))`, expected: ['2', '01', '89', '012'] },
  { name: 'endings', code: `return [await new Blob(['a\\r\\nb\\rc\\n'], { endings: 'native' }).text(), caught(() => new Blob([], { endings: 'x' }))]`, expected: ['a\nb\nc\n', ['threw', 'TypeError', 'TypeError']], differs: 'Node leaves a carriage return that is alone' },
  { name: 'times are whole milliseconds', code: `return new File([], 'n', { lastModified: 5.9 }).lastModified`, expected: 5, differs: 'Node keeps the fraction' },
  { name: 'bytes', code: `return [...await new Blob(['ab']).bytes()]`, expected: [97, 98] },
  { name: 'a stream with a reader of its own', code: `const r = new Blob(['abcd']).stream().getReader({ mode: 'byob' }); return bytes((await r.read(new Uint8Array(3))).value)` },
  { name: 'a clone of a file is a file', code: `const f = structuredClone(new File(['c'], 'n', { lastModified: 7 })); return [f instanceof File, f.name, f.lastModified, await f.text()]`, expected: [true, 'n', 7, 'c'] },
]
