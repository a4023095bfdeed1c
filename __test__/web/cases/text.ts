import { table } from '../differential.js'
import type { Case } from '../differential.js'

/** A label and bytes. */
const DECODED = [
  ['utf-8', [0x68, 0xc3, 0xa4, 0xe2, 0x98, 0x83, 0xf0, 0x9f, 0x98, 0x80]],
  ['utf8', [0xef, 0xbb, 0xbf, 0x61]],
  ['UTF-8', [0xff, 0x61, 0xc3]],
  ['utf-8', [0xf0, 0x9f, 0x98, 0x61]],
  ['utf-8', [0xe0, 0x80, 0x80, 0xed, 0xa0, 0x80]],
  ['utf-8', [0xc0, 0xaf, 0xf5, 0x80, 0x80, 0x80]],
  ['utf-8', [0xf4, 0x90, 0x80, 0x80]],
  [' utf-16 ', [0x61, 0x00, 0x3d, 0xd8, 0x00, 0xde]],
  ['utf-16le', [0xff, 0xfe, 0x61, 0x00]],
  ['utf-16le', [0x00, 0xd8, 0x61, 0x00]],
  ['utf-16le', [0x61, 0x00, 0x62]],
  ['utf-16be', [0xfe, 0xff, 0x00, 0x61, 0xd8, 0x3d, 0xde, 0x00]],
  ['windows-1251', [0xcf, 0xf0, 0xe8]],
  ['iso-8859-2', [0xb1, 0xe6]],
  ['koi8-r', [0xf0, 0xd2]],
  ['macintosh', [0x80, 0x8a]],
  ['ibm866', [0x80, 0xe0]],
  ['shift_jis', [0x93, 0xfa, 0x96, 0x7b, 0xb1]],
  ['sjis', [0x81, 0x20]],
  ['euc-jp', [0xc6, 0xfc, 0xcb, 0xdc, 0x8e, 0xb1]],
  ['iso-2022-jp', [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x61]],
  ['gbk', [0xd6, 0xd0, 0xce, 0xc4]],
  ['gb18030', [0x81, 0x30, 0x81, 0x30, 0xd6, 0xd0]],
  ['big5', [0xa4, 0xa4, 0xa4, 0xe5]],
  ['euc-kr', [0xc7, 0xd1]],
] as const

const ENCODED = ['', 'abc', '\u00e4\u00f6', '\u2603', '\u{1f600}', '\ud800', 'a\udc00b', '\0', '\ufeff', 'x'.repeat(100)].map((text) => [text])

const PROGRAMS: [name: string, code: string][] = [
  ['an unknown label', `return [caught(() => new TextDecoder('nope')), caught(() => new TextDecoder('')), caught(() => new TextDecoder('replacement'))]`],
  ['names of encodings', `return ['utf8', 'ASCII', 'latin1', 'utf-16', 'sjis', 'x-sjis', 'gb2312', 'big5-hkscs', 'ks_c_5601-1987', '\\tUTF8\\n'].map((label) => new TextDecoder(label).encoding)`],
  ['options of a decoder', `const d = new TextDecoder('utf-8', { fatal: 1, ignoreBOM: 'x' }); return [d.fatal, d.ignoreBOM, d.encoding, new TextDecoder().fatal, new TextDecoder(undefined, undefined).encoding]`],
  ['ignoreBOM keeps the mark', `return [...new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))].map((c) => c.codePointAt())`],
  ['every view and buffer can be decoded', `const { buffer } = new Uint8Array([97, 98, 99, 100]); return [buffer, new DataView(buffer, 1, 2), new Uint16Array(buffer), new Uint8Array(buffer, 3), new Uint8Array(0)].map((source) => new TextDecoder().decode(source))`],
  ['what is no buffer', `return ['', 5, {}, [], null].map((source) => caught(() => new TextDecoder().decode(source)))`],
  ['nothing to decode', `return [new TextDecoder().decode(), new TextDecoder().decode(undefined, { stream: true })]`],
  ['fatal', `return [[0xff], [0xc3], [0xe2, 0x98], [0xed, 0xa0, 0x80]].map((bytes) => caught(() => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes))))`],
  ['fatal, and usable afterwards', `const d = new TextDecoder('utf-8', { fatal: true }); const one = caught(() => d.decode(new Uint8Array([0xff]))); return [one, d.decode(new Uint8Array([0x61]))]`],
  ['a stream of UTF-8, byte by byte', `const d = new TextDecoder(); const parts = [...new TextEncoder().encode('\\ufeffa\\u00e4\\u2603\\u{1f600}z')].map((byte) => d.decode(new Uint8Array([byte]), { stream: true })); return [parts, d.decode()]`],
  ['a stream that ends in the middle', `const d = new TextDecoder(); return [d.decode(new Uint8Array([0xe2, 0x98]), { stream: true }), d.decode(), d.decode(new Uint8Array([0x83]))]`],
  ['a stream with a wrong continuation', `const d = new TextDecoder(); return [d.decode(new Uint8Array([0xf0, 0x9f]), { stream: true }), d.decode(new Uint8Array([0x41]), { stream: true }), d.decode()]`],
  ['a stream of UTF-16, byte by byte', `const d = new TextDecoder('utf-16le'); const parts = [0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde, 0, 0xd8].map((byte) => d.decode(new Uint8Array([byte]), { stream: true })); return [parts.join('|'), [...d.decode()].map((c) => c.codePointAt())]`],
  ['encode into', `const into = new Uint8Array(5); return [new TextEncoder().encodeInto('a\\u00e4\\u2603z', into), bytes(into), new TextEncoder().encodeInto('\\u{1f600}', new Uint8Array(3)), new TextEncoder().encodeInto('\\ud800x', into), bytes(into), new TextEncoder().encodeInto('', into)]`],
  ['encode into what is no bytes', `return [caught(() => new TextEncoder().encodeInto('a', new Uint16Array(2))), caught(() => new TextEncoder().encodeInto('a'))]`],
  ['encode converts', `return [undefined, null, 5, {}].map((value) => bytes(new TextEncoder().encode(value)))`],
  ['the shape of TextEncoder', `return [new TextEncoder().encoding, Object.prototype.toString.call(new TextEncoder()), new TextEncoder().encode('a').constructor === Uint8Array, TextEncoder.length, TextDecoder.length, Object.getOwnPropertyNames(TextDecoder.prototype).toSorted()]`],
  ['a wrong receiver', `return [caught(() => TextEncoder.prototype.encode.call({}, 'a')), caught(() => TextDecoder.prototype.decode.call({}))]`],
  ['TextDecoderStream', `const s = new TextDecoderStream(); const w = s.writable.getWriter(); w.write(new Uint8Array([0xe2, 0x98])); w.write(new Uint8Array([0x83, 0x61]).buffer); w.close(); return [await all(s.readable), s.encoding, s.fatal, s.ignoreBOM]`],
  ['TextDecoderStream, fatal', `const s = new TextDecoderStream('utf-8', { fatal: true }); const w = s.writable.getWriter(); w.write(new Uint8Array([0xff])).catch(() => {}); w.closed.catch(() => {}); return rejected(all(s.readable))`],
  ['TextEncoderStream', `const s = new TextEncoderStream(); const w = s.writable.getWriter(); w.write('a\\ud83d'); w.write('\\ude00'); w.write(''); w.write('\\ud800'); w.close(); return [(await all(s.readable)).map(bytes), s.encoding]`],
  ['streams of text are piped', `return all(ReadableStream.from(['h\\u00e4', 'i']).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream()))`],
]

const BASE64 = ['', 'a', 'YQ==', 'YQ', 'Y', 'YWI=', 'YWJj', ' Y\tW\nJ\fj ', 'YQ=', 'YQ===', '====', 'Y=Q=', '/+8=', '_-8=', 'YR==', '\u00e4', 'AAAAA', 'null'].map((text) => [text])
const BINARY = ['', 'a', 'ab', 'abc', '\0\u00ff', '\u0100', 'undefined'].map((text) => [text])

export const text: Case[] = [
  ...table('decode', DECODED, `return new TextDecoder(row[0]).decode(new Uint8Array(row[1]))`),
  ...table('encode', ENCODED, `return bytes(new TextEncoder().encode(row[0]))`),
  ...table('atob', BASE64, `return caught(() => atob(row[0]))`),
  ...table('btoa', BINARY, `return caught(() => btoa(row[0]))`),
  ...PROGRAMS.map(([name, code]) => ({ name, code })),
  { name: 'latin1 is windows-1252', code: `return ['latin1', 'ascii', 'iso-8859-1'].map((label) => new TextDecoder(label).decode(new Uint8Array([0x80, 0x9f, 0xa0, 0xff])))`, expected: ['\u20ac\u0178\u00a0\u00ff', '\u20ac\u0178\u00a0\u00ff', '\u20ac\u0178\u00a0\u00ff'], differs: 'Node 20 takes latin1 for ISO-8859-1' },
  { name: 'atob and btoa need an argument', code: `return [caught(() => atob()), caught(() => btoa()), atob(null), btoa(undefined), atob.name, atob.length, btoa.length]` },
  { name: 'what atob throws is a DOMException', code: `try { atob('*') } catch (error) { return [error instanceof DOMException, error instanceof Error, error.code, error.name] }` },
  {
    name: 'multi-byte encodings in chunks of every size',
    code: `
      const texts = { shift_jis: [0x93, 0xfa, 0x41, 0x96, 0x7b], 'euc-jp': [0x8f, 0xb0, 0xa1, 0x41], gb18030: [0x81, 0x30, 0x81, 0x30, 0x61, 0xd6, 0xd0], big5: [0xa4, 0xa4, 0x61], 'euc-kr': [0xc7, 0xd1, 0x61] }
      return Object.entries(texts).map(([label, source]) => [1, 2, 3].map((size) => {
        const decoder = new TextDecoder(label)
        let text = ''
        for (let at = 0; at < source.length; at += size) text += decoder.decode(new Uint8Array(source.slice(at, at + size)), { stream: true })
        return text + decoder.decode()
      }))`,
  },
  {
    // Node's ICU writes escape sequences of its own where a stream is cut.
    name: 'ISO-2022-JP in chunks of every size is as in one',
    code: `
      const source = [0x61, 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x4b, 0x5c, 0x1b, 0x28, 0x42, 0x62, 0x1b, 0x24, 0x42, 0x46, 0x7c]
      const whole = new TextDecoder('iso-2022-jp').decode(new Uint8Array(source))
      return [whole, [1, 2, 3, 5, 7].map((size) => {
        const decoder = new TextDecoder('iso-2022-jp')
        let text = ''
        for (let at = 0; at < source.length; at += size) text += decoder.decode(new Uint8Array(source.slice(at, at + size)), { stream: true })
        return text + decoder.decode() === whole
      })]`,
    expected: ['a\u65e5\u672cb\u65e5', [true, true, true, true, true]],
  },
]
