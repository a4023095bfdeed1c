import type { Case } from '../differential.js'

const HEADERS: [name: string, code: string][] = [
  ['of everything', `return [[['b', '2'], ['A', '1'], ['b', '3']], { 'X-Y': 1, z: 'q' }, new Headers([['a', 'b']]), new Map([['m', 'n']]), undefined].map((init) => [...new Headers(init)])`],
  ['of wrong things', `return [[['a']], [['a', 'b', 'c']], 'a', 5, [1], null, { 'a b': 'c' }, { a: 'b\\nc' }, { a: '\\u0100' }, { '': 'x' }].map((init) => caught(() => [...new Headers(init)])[0])`],
  ['append, set, delete, get, has', `const h = new Headers(); h.append('X', '1'); h.append('x', '2'); const one = [h.get('X'), h.has('x')]; h.set('X', '3'); const two = h.get('x'); h.delete('x'); return [one, two, h.get('x'), h.has('x')]`],
  ['values are trimmed', `const h = new Headers([['a', ' \\t b c \\r\\n ']]); return h.get('a')`],
  ['getSetCookie', `const h = new Headers([['set-cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['x', 'y']]); return [h.getSetCookie(), h.get('set-cookie'), [...h], new Headers().getSetCookie()]`],
  ['sorted', `return [...new Headers({ z: 1, a: 2, M: 3 }).keys()]`],
  ['forEach', `const seen = []; new Headers({ b: 1, a: 2 }).forEach(function (value, key, headers) { seen.push([key, value, headers instanceof Headers]) }); return seen`],
  ['iterators', `const h = new Headers({ a: 1 }); return [[...h.entries()], [...h.keys()], [...h.values()], Object.prototype.toString.call(h.entries()), h[Symbol.iterator] === h.entries]`],
  ['iteration sees changes', `const h = new Headers({ a: 1, b: 2, c: 3 }); const seen = []; for (const [key] of h) { seen.push(key); h.delete('b') } return seen`],
  ['need their arguments', `const h = new Headers(); return ['append', 'set', 'get', 'has', 'delete'].map((method) => caught(() => h[method]()))`],
  ['the shape', `return [Object.prototype.toString.call(new Headers()), Headers.length, caught(() => Headers())]`],
]

const REQUESTS: [name: string, code: string][] = [
  ['a request as it is made', `const r = new Request('http://h/a?b#c'); return [r.url, r.method, [...r.headers], r.body, r.bodyUsed, r.redirect, r.mode, r.credentials, r.cache, r.referrer, r.referrerPolicy, r.integrity, r.keepalive, r.destination, r.duplex, r.signal.aborted, r.signal instanceof AbortSignal]`],
  ['options of a request', `const r = new Request('http://h/', { method: 'post', body: 'x', headers: { a: 'b' }, redirect: 'manual', mode: 'same-origin', credentials: 'omit', cache: 'no-store', integrity: 'i', keepalive: true }); return [r.method, await r.text(), [...r.headers], r.redirect, r.mode, r.credentials, r.cache, r.integrity, r.keepalive, r.bodyUsed]`],
  ['methods', `return ['get', 'Post', 'patch', 'PATCH', 'put', 'x', 'delete', 'options', 'head'].map((method) => new Request('http://h', { method }).method).concat(['CONNECT', 'trace', 'a b', ''].map((method) => caught(() => new Request('http://h', { method }))[0]))`],
  ['wrong requests', `return [caught(() => new Request('/x')), caught(() => new Request('http://u:p@h/')), caught(() => new Request('http://h', { body: 'x' })), caught(() => new Request('http://h', { method: 'HEAD', body: 'x' })), caught(() => new Request()), caught(() => new Request('http://h', { mode: 'x' })), caught(() => new Request('http://h', { redirect: 'x' })), caught(() => new Request('http://h', { signal: {} })), caught(() => new Request('http://h', { window: 1 }))].map((outcome) => outcome.slice(0, 2))`],
  ['a request of a request', `const a = new Request('http://h/', { method: 'POST', body: 'x', headers: { a: 'b' } }); const b = new Request(a, { method: 'PUT' }); return [b.method, b.url, [...b.headers], a.bodyUsed, await b.text()]`],
  ['a request of a used request', `const a = new Request('http://h/', { method: 'POST', body: 'x' }); await a.text(); return caught(() => new Request(a)).slice(0, 2)`],
  ['a clone', `const a = new Request('http://h/', { method: 'POST', body: 'x', headers: { a: 'b' } }); const b = a.clone(); return [await a.text(), await b.text(), b.headers.get('a'), a.headers === b.headers, caught(() => a.clone()).slice(0, 2)]`],
  ['the signal follows', `const c = new AbortController(); const r = new Request('http://h', { signal: c.signal }); const q = new Request(r); c.abort('why'); return [r.signal.aborted, r.signal.reason, r.signal === c.signal, q.signal.aborted]`],
  ['an aborted signal', `return new Request('http://h', { signal: AbortSignal.abort('r') }).signal.reason`],
  ['a body that is a stream needs duplex', `const body = () => new Blob(['s']).stream(); return [caught(() => new Request('http://h', { method: 'POST', body: body() })).slice(0, 2), await new Request('http://h', { method: 'POST', body: body(), duplex: 'half' }).text()]`],
  ['content types', `return [await Promise.all(['x', new URLSearchParams('a=b'), new Blob(['c'], { type: 'T/y' }), new Uint8Array(1), new Blob(['d'])].map(async (body) => { const r = new Request('http://h', { method: 'POST', body }); return [r.headers.get('content-type'), (await r.text()).length] })), new Request('http://h', { method: 'POST', body: 'x', headers: { 'Content-Type': 'own' } }).headers.get('content-type')]`],
]

const RESPONSES: [name: string, code: string][] = [
  ['a response as it is made', `const r = new Response(); return [r.status, r.ok, r.statusText, r.type, r.url, r.redirected, r.body, r.bodyUsed, [...r.headers], await r.text()]`],
  ['options of a response', `const r = new Response('x', { status: 404, statusText: 'nope', headers: [['a', 'b']] }); return [r.status, r.ok, r.statusText, [...r.headers]]`],
  ['wrong responses', `return [caught(() => new Response('', { status: 199 })), caught(() => new Response('', { status: 600 })), caught(() => new Response('x', { status: 204 })), caught(() => new Response('', { statusText: '\\n' })), caught(() => new Response(null, { status: 204 }).status), caught(() => new Response(Symbol()))].map((outcome) => outcome.slice(0, 2))`],
  ['Response.json', `const r = Response.json({ a: [1] }, { status: 201 }); return [r.status, r.headers.get('content-type'), await r.json(), caught(() => Response.json(undefined)).slice(0, 2), caught(() => Response.json(() => {})).slice(0, 2), Response.json(1, { headers: { 'content-type': 'x' } }).headers.get('content-type')]`],
  ['Response.error', `const r = Response.error(); return [r.type, r.status, r.ok, r.body, caught(() => r.headers.set('a', 'b')).slice(0, 2)]`],
  ['Response.redirect', `const r = Response.redirect('http://h/x', 301); return [r.status, r.headers.get('location'), caught(() => Response.redirect('http://h', 200)).slice(0, 2), caught(() => Response.redirect('x')).slice(0, 2), caught(() => r.headers.set('a', 'b')).slice(0, 2)]`],
  ['a body is read once', `const r = new Response('x'); const p = r.text(); return [r.bodyUsed, await p, (await rejected(r.text())).slice(0, 2), (await rejected(r.json())).slice(0, 2), caught(() => r.clone()).slice(0, 2)]`],
  ['each way to read a body', `const of = () => new Response('{"a":1}', { headers: { 'content-type': 'A/b' } }); const blob = await of().blob(); return [await of().text(), await of().json(), bytes(await of().arrayBuffer()), await blob.text(), blob.type, (await of().arrayBuffer()) instanceof ArrayBuffer]`],
  ['json that is none', `return rejected(new Response('{').json())`],
  ['text has no byte order mark', `return (await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).text()).length`],
  ['the body is a stream', `const r = new Response('ab'); const { body } = r; const chunks = await all(body); return [body instanceof ReadableStream, r.body === body, chunks.map(bytes), r.bodyUsed]`],
  ['a body that is a stream', `return [await new Response(ReadableStream.from([new Uint8Array([104]), new Uint8Array([105])])).text(), (await rejected(new Response(ReadableStream.from(['text'])).text())).slice(0, 2)]`],
  ['a locked stream is no body', `const s = new ReadableStream(); s.getReader(); return caught(() => new Response(s)).slice(0, 2)`],
  ['a locked body is not read', `const r = new Response('x'); r.body.getReader(); return [(await rejected(r.text())).slice(0, 2), r.bodyUsed]`],
  ['a clone', `const a = new Response('x', { status: 201, headers: { a: 'b' } }); const b = a.clone(); b.headers.set('a', 'c'); return [await a.text(), await b.text(), b.status, a.headers.get('a')]`],
  ['a clone of a stream', `const a = new Response(ReadableStream.from([new Uint8Array([120])])); const b = a.clone(); return [await b.text(), await a.text()]`],
  ['a failing stream', `return rejected(new Response(new ReadableStream({ pull() { throw new RangeError('s') } })).text())`],
  ['every kind of body', `return Promise.all(['s', new Uint8Array([97]), new Uint8Array([98]).buffer, new Blob(['c']), new URLSearchParams('d=1'), 5, null, undefined, {}].map((body) => new Response(body).text()))`],
  ['forms', `const f = new FormData(); f.append('a', '1'); f.append('a', 'x\\ny'); f.append('f', new Blob(['z'], { type: 'q/r' }), 'n"m.txt'); const g = await new Response(f).formData(); const file = g.get('f'); return [g.getAll('a'), file.name, file.type, await file.text(), file instanceof File]`],
  ['forms that are URL encoded', `const g = await new Response(new URLSearchParams('a=1&b=2%20+x&a=3')).formData(); return [...g]`],
  ['forms that are none', `return [(await rejected(new Response('x').formData())).slice(0, 2), (await rejected(new Response('x', { headers: { 'content-type': 'multipart/form-data; boundary=b' } }).formData())).slice(0, 2)]`],
  ['a form written by hand', `const text = '--boundary-of-27-letters-or-more\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\nvalue\\r\\n--boundary-of-27-letters-or-more\\r\\ncontent-disposition: form-data; name="f"; filename="x"\\r\\nContent-Type: text/css\\r\\n\\r\\nbody\\r\\n--boundary-of-27-letters-or-more--\\r\\n'; const g = await new Response(text, { headers: { 'content-type': 'multipart/form-data; boundary=boundary-of-27-letters-or-more' } }).formData(); return [g.get('a'), g.get('f').name, g.get('f').type, await g.get('f').text()]`],
  ['the shape', `return [Object.prototype.toString.call(new Response()), Object.prototype.toString.call(new Request('a:b')), Response.length, Request.length]`],
]

const FORMS: [name: string, code: string][] = [
  ['append, get, getAll, has, set, delete', `const f = new FormData(); f.append('a', 1); f.append('a', '2'); f.append('b', null); const one = [f.get('a'), f.getAll('a'), f.get('z'), f.has('b'), f.get('b')]; f.set('a', 'x'); const two = [...f]; f.delete('a'); return [one, two, [...f.keys()]]`],
  ['files', `const f = new FormData(); f.append('a', new Blob(['x'])); f.append('b', new File(['y'], 'n')); f.append('c', new File(['z'], 'n'), 'm'); return [...f].map(([key, file]) => [key, file.name, file.size, file instanceof File])`],
  ['wrong values', `const f = new FormData(); return [caught(() => f.append('a', 'b', 'c')), caught(() => f.append('a')), caught(() => f.set('a')), caught(() => f.get()), caught(() => new FormData(5)), caught(() => new FormData(null))].map((outcome) => outcome.slice(0, 2))`],
  ['forEach and iterators', `const f = new FormData(); f.append('a', '1'); const seen = []; f.forEach((value, key, form) => seen.push([key, value, form === f])); return [seen, [...f.values()], Object.prototype.toString.call(f.entries()), f[Symbol.iterator] === f.entries, Object.prototype.toString.call(f)]`],
]

export const fetching: Case[] = [
  ...HEADERS.map(([name, code]) => ({ name: `headers: ${name}`, code })),
  ...REQUESTS.map(([name, code]) => ({ name: `request: ${name}`, code })),
  ...RESPONSES.map(([name, code]) => ({ name: `response: ${name}`, code })),
  ...FORMS.map(([name, code]) => ({ name: `form data: ${name}`, code })),
]
