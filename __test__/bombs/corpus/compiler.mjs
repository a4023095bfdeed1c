// Bombs for V8's parsers and compilers, whose memory is neither heap nor buffer.

/** JavaScript from text. */
export const code = {
  'eval of ever new code': "const all = []; for (let i = 0; ; i++) all.push((0, eval)('() => [' + i + ', \"' + 'x'.repeat(500) + i + '\"]'))",
  'functions from source': 'const all = []; for (let i = 0; ; i++) all.push(new Function("a" + i, "return ".padEnd(1e5, " ") + "a" + i))',
  'eval of a 60 MB literal': { code: 'eval("[" + "1,".repeat(30e6) + "1]").length', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'eval of a 60 MB string': { code: 'eval("\\"" + "x".repeat(60e6) + "\\"").length', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'eval of literals just short enough': { code: 'const text = "1,".repeat(LIMIT / 16 - 1e5); eval("[" + text + "1]").length', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of short statements': { code: 'eval("a;".repeat(LIMIT / 16 - 1e5))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of short functions': { code: 'eval("()=>{};".repeat(LIMIT / 64 - 1e5))', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of many variables': { code: 'eval("var " + Array.from({ length: LIMIT / 96 }, (_, i) => "v" + i).join())', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of a binary chain': { code: 'eval("1" + "+a".repeat(LIMIT / 16 - 1e5))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of property literals': { code: 'eval("({" + "a:1,".repeat(LIMIT / 32 - 1e5) + "})"); 1', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of regular expressions': { code: 'eval("/a/;".repeat(LIMIT / 32 - 1e5))', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of template literals': { code: 'eval("`${1}`;".repeat(LIMIT / 64 - 1e5))', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of deep nesting': { code: 'eval("[".repeat(5e6) + "]".repeat(5e6))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'eval of a huge class': { code: 'eval("class A {" + Array.from({ length: 2e6 }, (_, i) => `m${i}(){}`).join("") + "}")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'eval of a class just short enough': { code: 'eval("class A {" + Array.from({ length: LIMIT / 128 }, (_, i) => `m${i}(){}`).join("") + "}"); 1', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'eval of a switch': { code: 'eval("switch(1){" + "case 1:".repeat(LIMIT / 64 - 1e5) + "}")', expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a source just short enough, from the host': { run: (isolate, { limitBytes }) => isolate.eval(`[${'1,'.repeat(limitBytes / 16 - 1e5)}1].length`), expect: ['ok', 'ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a huge line of a syntax error': { code: 'eval("var é = 1; ".repeat(1e6) + " ?? ??")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'one function that is optimised': { code: 'const long = new Function("n", "let s = 0; for (let i = 0; i < n; i++) {" + "s = (s * 31 + i) | 0; if (s === i) s += 1.5;".repeat(500) + "} return s"); for (let i = 0; i < 200; i++) long(500)', expect: ['ok', 'ERR_MEMORY_LIMIT'], isOnHelpers: true },
  'many functions that are optimised': { code: 'let s = 0; for (let k = 0; k < 500; k++) { const f = new Function("n", `let s = ${k}; for (let i = 0; i < n; i++) s = (s * 31 + i) | 0; return s`); (globalThis.keep ??= []).push(f); for (let i = 0; i < 20; i++) s += f(5000) } s', expect: ['ok', 'ERR_MEMORY_LIMIT'], isOnHelpers: true },
}

/** Regular expressions. */
export const patterns = {
  'a huge regular expression': { code: 'new RegExp("(?:" + "a|".repeat(4e6) + "b)").test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a long literal pattern': { code: 'new RegExp("a".repeat(8e6)).test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a pattern of classes': { code: 'new RegExp("[a-z]".repeat(2e6)).test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a pattern of groups': { code: 'new RegExp("(a)".repeat(2e6)).test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a pattern of Unicode classes': { code: 'new RegExp("\\\\p{L}".repeat(2e4), "ui").test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'a pattern of set notation': { code: 'new RegExp("[\\\\p{L}--[a-z]]".repeat(2e4), "v").test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'a pattern of ranges': { code: 'new RegExp("[" + Array.from({ length: 1e6 }, (_, i) => String.fromCodePoint(0x100 + (i % 50000))).join("") + "]", "iu").test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'a pattern of repeats': { code: 'new RegExp("((((((a{1000}){1000}){1000}){1000}){1000}){1000})").test("a".repeat(100))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'] },
  'a pattern of look-behinds': { code: 'new RegExp("(?<=a)".repeat(1e6)).test("b")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'a pattern of named groups': { code: 'new RegExp(Array.from({ length: 3e4 }, (_, i) => `(?<n${i}>a)`).join("")).exec("a")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'patterns without end': 'const all = []; for (let i = 0; ; i++) { const pattern = new RegExp(("(a" + i + "|b)*c").repeat(50)); pattern.test("abc"); all.push(pattern) }',
  'a regular expression\'s backtracking': { code: '/(?:(a)|b)*$/.test("ab".repeat(4e6) + "c")', expect: ['ERR_GUEST', 'ERR_TIMEOUT', 'ERR_MEMORY_LIMIT', 'ok'], isHeavy: true },
  'String.prototype.search with a huge text': { code: '"x".search("a|".repeat(4e6))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
}
