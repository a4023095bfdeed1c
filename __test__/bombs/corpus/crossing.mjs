// Bombs at the border: values that are read or made while they cross.

const refused = ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT', 'ERR_GUEST']

/** Results, errors and arguments. */
export const crossing = {
  'a getter during the clone': '({ get value() { const all = []; for (;;) all.push(new Array(1000).fill(1.5)) } })',
  'a result that is huge': { code: "new Array(1e6).fill('x'.repeat(1 << 20))", expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a result of one huge string': { code: '"x".repeat(2 ** 28)', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'] },
  'a result of one huge two-byte string': { code: '"\\u4e00".repeat(2 ** 28)', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a result with one string a million times': { code: 'const text = "x".repeat(1e5); new Array(1e6).fill(text)', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a result of many small parts': { code: 'const all = []; for (let i = 0; i < LIMIT / 40; i++) all.push([i]); all', expect: ['ok', 'ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a result of a sparse array': { code: 'const all = []; all[2 ** 32 - 2] = 1; all', expect: ['ok', 'ERR_DATA_CLONE'] },
  'a result of a dense array of holes': { code: 'const all = new Array(2 ** 25); all', expect: ['ok', 'ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a result of a buffer as large as the limit': { code: 'new Uint8Array(LIMIT * 0.8)', expect: ['ok', 'ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a huge message of an error': { code: 'throw new Error("é".repeat(2 ** 28))', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a huge thrown string': { code: 'throw "é".repeat(2 ** 28)', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a huge stack of an error': { code: 'const error = new Error("x"); error.stack = "é".repeat(2 ** 24); throw error', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'a stack longer than the host can hold': { code: 'const error = new Error("x"); Object.defineProperty(error, "stack", { value: "é".repeat(2 ** 28) }); throw error', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'], isHeavy: true },
  'a huge name of an error': { code: 'const error = new Error("x"); error.name = "é".repeat(2 ** 24); throw error', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'a huge name of an error class': { code: 'class Own extends Error {} Own.prototype.name = "é".repeat(33e6); throw new Own("x")', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'an error with a huge name as the result': { code: 'class Own extends Error {} Own.prototype.name = "é".repeat(33e6); new Own("x")', expect: ['ok', ...refused], isHostMade: true },
  'an error with a huge name as an argument': { code: 'echo(Object.setPrototypeOf(new Error("x"), Object.create(Error.prototype, { name: { value: "é".repeat(33e6) } }))).catch(() => 0)', expect: ['ok', ...refused], isHostMade: true },
  'a cause with a huge name': { code: 'const cause = Object.setPrototypeOf(new Error("x"), Object.create(Error.prototype, { name: { value: "é".repeat(33e6) } })); throw new Error("y", { cause })', expect: ['ERR_GUEST', 'ERR_MEMORY_LIMIT'] },
  'a symbol with a huge description': { code: 'Symbol("é".repeat(20e6))', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'] },
  'a function with a huge name': { code: 'const own = () => 1; Object.defineProperty(own, "name", { value: "é".repeat(33e6) }); own', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT', 'ok'] },
  'a function with a large source': { code: 'eval("(() => {/*" + "é".repeat(LIMIT / 32) + "*/})")', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT', 'ERR_GUEST', 'ok'] },
  'an object of a class with a huge name': { code: 'const names = { ["é".repeat(33e6)]: class {} }; Object.assign(new (Object.values(names)[0])(), { own: Symbol() })', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'] },
  'a huge key before a refused value': { code: '({ ["é".repeat(6e6)]: { own: Symbol() } })', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'] },
  'a wide object with a refused value at its end': { code: 'const all = []; for (let i = 0; i < 9e4; i++) all.push({ i }); all.push(Symbol()); all', expect: ['ERR_DATA_CLONE', 'ERR_MEMORY_LIMIT'] },
  'long paths before a refused value': { code: 'let own = { last: Symbol() }; for (let i = 0; i < 3000; i++) own = { ["k".repeat(1000)]: own }; own', expect: refused },
  'many long paths before a refused value': { code: 'const leaves = Array.from({ length: 9e4 }, (_, i) => ({ i })); leaves.push(Symbol()); ({ ["k".repeat(1e6)]: leaves })', expect: refused, isHeavy: true },
  'console labels': { code: 'for (let i = 0; i < 1e5; i++) { const label = "label".repeat(200) + i; console.count(label); console.time(label); console.group(label); console.log(label, { label }) } 1', expect: ['ok', 'ERR_MEMORY_LIMIT'] },
}

/** Host functions, arguments and answers. */
export const hostCalls = {
  'host calls that are never awaited': "const all = []; for (let i = 0; ; i++) all.push(echo('x' + i))",
  'host calls that are never answered': 'const all = []; for (let i = 0; ; i++) all.push(never(i))',
  'large host calls that are never answered': { code: 'const text = "x".repeat(1e6); const all = []; for (let i = 0; i < 2000; i++) all.push(never(text)); 1', expect: ['ok', ...refused] },
  'a host call with a huge argument': { code: 'echo("x".repeat(2 ** 28))', expect: refused },
  'a host call with huge text from inside the clone': { code: '({ get own() { echo("é".repeat(20e6)).catch(() => 0); return 1 } })', expect: ['ok', ...refused] },
  'answers that grow': { code: '(async () => { const all = []; for (;;) all.push(await echo(new Array(1e4).fill({}))) })()' },
  'a huge answer': { code: 'big(2e8).then((text) => text.length)', expect: refused, isHostMade: true },
  'a huge answer of objects': { code: 'bigObjects(2e6).then((all) => all.length)', expect: ['ok', ...refused], isHostMade: true },
  'a huge error of the host': { code: 'fail(5e7).then((text) => text.length)', expect: ['ok', ...refused], isHostMade: true },
  'a huge argument of a call': { run: (isolate) => isolate.call('Array.isArray', [new Uint8Array(2e8)]), expect: ['ok', ...refused], isHostMade: true },
  'an argument of many objects': { run: (isolate) => isolate.call('Array.isArray', [Array.from({ length: 2e6 }, (_, i) => ({ i }))]), expect: ['ok', ...refused], isHostMade: true },
  'a huge source': { run: (isolate) => isolate.eval(`"${'x'.repeat(8e7)}".length`), expect: ['ok', 'ERR_GUEST'], isHostMade: true },
}
