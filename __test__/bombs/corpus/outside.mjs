// Bombs of memory outside of V8's heap. Some end by themselves, at many times any limit: one that gets
// through must fail its test, not fill the machine.

/** What grows in place is refused with an error that the guest sees first, when nothing catches it. */
const refused = ['ERR_MEMORY_LIMIT', 'ERR_GUEST']

const WASM_HEAD = '0,97,115,109,1,0,0,0'

/** Buffers and typed arrays. */
export const buffers = {
  'typed arrays': 'const all = []; for (;;) all.push(new Float64Array(1 << 17))',
  'filled typed arrays': 'const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1))',
  'tiny typed arrays': 'const all = []; for (;;) all.push(new Uint8Array(100))',
  'tiny buffers': 'const all = []; for (;;) all.push(new ArrayBuffer(1))',
  'views of one buffer': 'const buffer = new ArrayBuffer(8); const all = []; for (;;) all.push(new DataView(buffer), new Uint8Array(buffer))',
  'one huge ArrayBuffer': { code: 'new ArrayBuffer(2 ** 36)', expect: ['ERR_MEMORY_LIMIT'] },
  'one huge typed array': 'new Float64Array(2 ** 30)',
  'a typed array from a long array-like': { code: 'new Float64Array({ length: 2 ** 30 })', expect: ['ERR_MEMORY_LIMIT', 'ERR_GUEST'] },
  'a typed array from an iterator without end': 'Uint8Array.from((function* () { for (;;) yield 1 })())',
  'caught refusals': 'const all = []; for (;;) try { all.push(new Uint8Array(1e6).fill(1)) } catch {}',
  'slices of a buffer': 'const buffer = new ArrayBuffer(1 << 22); const all = []; for (;;) all.push(buffer.slice(0))',
  'typed array copies': 'const all = []; const one = new Float32Array(1e5); for (;;) all.push(one.map((x) => x), one.toSorted(), one.with(0, 1), one.filter(() => true))',
  'a resizable buffer': { code: 'const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 31 }); for (let size = 2 ** 20; size <= 2 ** 31; size += 2 ** 20) { buffer.resize(size); new Uint8Array(buffer, size - 2 ** 20).fill(1) }', expect: refused },
  'a resizable buffer that doubles': { code: 'const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 30 }); for (let size = 1; size <= 2 ** 30; size *= 2) { buffer.resize(size); new Uint8Array(buffer).fill(1) }', expect: refused, isHeavy: true },
  'a resizable buffer, all at once': { code: 'new Uint8Array(new ArrayBuffer(2 ** 30, { maxByteLength: 2 ** 30 })).fill(1).length', expect: refused, isHeavy: true },
  'many resizable buffers': { code: 'const all = []; for (let i = 0; i < 2048; i++) { const buffer = new ArrayBuffer(1 << 20, { maxByteLength: 1 << 21 }); new Uint8Array(buffer).fill(1); all.push(buffer) }', expect: refused },
  'many resizable buffers that grow': { code: 'const all = []; for (let i = 0; i < 2048; i++) { const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 20 }); buffer.resize(2 ** 20); new Uint8Array(buffer).fill(1); all.push(buffer) }', expect: refused },
  'reservations of address space': { code: 'const all = []; for (let i = 0; i < 1e5; i++) all.push(new ArrayBuffer(0, { maxByteLength: 2 ** 30 }))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'] },
  'buffers that transfer': 'const all = []; let buffer = new ArrayBuffer(1024); for (let size = 2048; ; size *= 2) { buffer = buffer.transfer(size); all.push(new Uint8Array(size)) }',
  'a transfer to a larger one': 'let buffer = new ArrayBuffer(8); for (let n = 1; n <= 4096; n++) { buffer = buffer.transfer(n * 2 ** 20); new Uint8Array(buffer).fill(1) }',
  'transfers of resizable ones': { code: 'const all = []; for (let n = 1; n <= 4096; n++) { let buffer = new ArrayBuffer(1, { maxByteLength: 2 ** 20 }); buffer = buffer.transfer(2 ** 20); new Uint8Array(buffer).fill(1); all.push(buffer) }', expect: refused },
  'base64': 'const all = []; for (;;) all.push(Uint8Array.fromBase64("AAAA".repeat(1e5)).toHex())',
}

/** WebAssembly. */
export const wasm = {
  'WebAssembly memories': { code: 'const all = []; for (let i = 0; i < 512; i++) { const memory = new WebAssembly.Memory({ initial: 64 }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }', expect: refused },
  'large WebAssembly memories': { code: 'const all = []; for (let i = 0; i < 128; i++) { const memory = new WebAssembly.Memory({ initial: 256, maximum: 256 }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }', expect: refused },
  'one WebAssembly memory that grows': { code: 'const memory = new WebAssembly.Memory({ initial: 1 }); for (let i = 0; i < 512; i++) { memory.grow(64); new Uint8Array(memory.buffer, memory.buffer.byteLength - 2 ** 22).fill(1) }', expect: refused },
  'one WebAssembly memory, all at once': { code: 'new Uint8Array(new WebAssembly.Memory({ initial: 16384 }).buffer).fill(1).length', expect: refused, isHeavy: true },
  'a memory that its own code grows': {
    // (memory 1) (func (export "f") (loop (drop (memory.grow (i32.const 16))) fill the new part; br 0))
    code: `const grow = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([${WASM_HEAD},1,4,1,96,0,0,3,2,1,0,5,3,1,0,1,7,5,1,1,102,0,0,10,27,1,25,0,3,64,65,16,64,0,65,128,128,4,108,65,1,65,128,128,192,0,252,11,0,12,0,11,11]))).exports.f; grow()`,
    expect: ['ERR_MEMORY_LIMIT', 'ERR_GUEST'],
  },
  'shared WebAssembly memories': { code: 'const all = []; for (let i = 0; i < 512; i++) { const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }', expect: refused },
  'one shared WebAssembly memory that grows': { code: 'const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true }); for (let i = 0; i < 512; i++) { memory.grow(64); new Uint8Array(memory.buffer).fill(1, memory.buffer.byteLength - 2 ** 22) }', expect: refused },
  'WebAssembly tables': 'const all = []; for (;;) all.push(new WebAssembly.Table({ element: "anyfunc", initial: 1e6 }))',
  'tables of references': 'const all = []; for (;;) all.push(new WebAssembly.Table({ element: "externref", initial: 1e6 }, {}))',
  'a table that grows': { code: 'const table = new WebAssembly.Table({ element: "externref", initial: 1 }); for (let i = 0; ; i++) table.grow(1e5, {})', expect: ['ERR_MEMORY_LIMIT', 'ERR_GUEST'], isHeavy: true },
  'WebAssembly modules': `const all = []; const bytes = new Uint8Array([${WASM_HEAD},1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,4,1,2,0,11]); for (;;) all.push(new WebAssembly.Module(bytes))`,
  'WebAssembly instances': `const all = []; const module = new WebAssembly.Module(new Uint8Array([${WASM_HEAD},1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,4,1,2,0,11])); for (;;) all.push(new WebAssembly.Instance(module))`,
  'a WebAssembly module with a huge section': { code: 'const bytes = new Uint8Array(20e6); bytes.set([0,97,115,109,1,0,0,0,0,0xfa,0xda,0xc4,9,1,97]); new WebAssembly.Module(bytes); 1', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'] },
  'a WebAssembly module with many functions': {
    code: `const count = 9e5; const leb = (n) => { const out = []; do { out.push((n & 127) | (n > 127 ? 128 : 0)); n >>>= 7 } while (n); return out }
const section = (id, head, item) => { const body = [...leb(count)]; const size = body.length + count * item.length; const bytes = new Uint8Array(size); bytes.set(body); for (let i = 0, at = body.length; i < count; i++, at += item.length) bytes.set(item, at); return [Uint8Array.from([id, ...leb(size)]), bytes] }
const parts = [Uint8Array.from([${WASM_HEAD},1,4,1,96,0,0]), ...section(3, [], [0]), ...section(10, [], [2, 0, 11])]
const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0)); let at = 0; for (const part of parts) { all.set(part, at); at += part.length }
const keep = []; for (let i = 0; i < 8; i++) keep.push(new WebAssembly.Module(all)); keep.length`,
    expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true,
  },
  'one large WebAssembly function that is optimised': {
    // (func (export "f") (param i32) (result i32) (local.set 0 (i32.mul (local.get 0) (i32.const 3))) ... (local.get 0))
    code: `const leb = (n) => { const out = []; do { out.push((n & 127) | (n > 127 ? 128 : 0)); n >>>= 7 } while (n); return out }
const step = [32, 0, 65, 3, 108, 33, 0]; const times = 40_000; const size = 1 + times * step.length + 3
const head = [${WASM_HEAD},1,6,1,96,1,127,1,127,3,2,1,0,7,5,1,1,102,0,0,10,...leb(1 + leb(size).length + size),1,...leb(size),0]
const bytes = new Uint8Array(head.length + times * step.length + 3); bytes.set(head); for (let i = 0; i < times; i++) bytes.set(step, head.length + i * step.length); bytes.set([32, 0, 11], bytes.length - 3)
const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports; for (let i = 0; i < 2000; i++) f(i)`,
    expect: ['ok', 'ERR_MEMORY_LIMIT'],
  },
  'async WebAssembly compilations': `const all = []; const bytes = new Uint8Array(1e6); bytes.set([${WASM_HEAD},0,0xb4,0x84,0x3d,1,97]); (async () => { for (let i = 0; ; i++) { new DataView(bytes.buffer).setUint32(20, i); all.push(await WebAssembly.compile(bytes)) } })()`,
  'exported functions': `const all = []; const module = new WebAssembly.Module(new Uint8Array([${WASM_HEAD},1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,4,1,2,0,11])); for (;;) all.push(new WebAssembly.Instance(module).exports.f)`,
}
