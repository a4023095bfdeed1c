//! Random graphs of objects come back with the same hash.

use super::support::{classes, open};

const GRAPHS: usize = 20_000;
/// So many are in one state: a request for each would be most of the work.
const TOGETHER: usize = 50;

const GENERATOR: &str = r"
globalThis.random = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
globalThis.graph = (seed) => {
  const next = random(seed), pick = (n) => Math.floor(next() * n);
  const nodes = [];
  const primitive = () => [undefined, null, true, false, pick(1e6) - 5e5, next() * 1e10, -0, NaN, 'k' + pick(50), 'ж' + pick(9),
    BigInt(pick(1e9)) ** BigInt(pick(5)), Symbol.for('s' + pick(3)), Symbol.iterator, -Infinity, ''][pick(15)];
  const make = [
    () => ({}), () => ({}), () => [], () => new Map(), () => new Set(), () => new Date(pick(1e9)), () => Object.create(null),
    () => new Point(pick(9), pick(9)), () => new RegExp('a' + pick(9), ['', 'g', 'iu'][pick(3)]), () => new Array(pick(20)),
    () => new Uint16Array(pick(9)).fill(pick(9)), () => new Error('e' + pick(9)), () => Object(pick(9)), () => Object('t' + pick(9)),
    () => new Cache(), () => new ArrayBuffer(pick(9), { maxByteLength: 9 }), () => new shapes.Circle(1, 2), () => new Float64Array([next()]),
    () => nodes.length ? Object.create(nodes[pick(nodes.length)]) : {},
  ];
  const count = 1 + pick(30);
  for (let i = 0; i < count; i++) nodes.push(make[pick(make.length)]());
  const value = () => next() < 0.5 ? primitive() : nodes[pick(nodes.length)];
  for (const node of nodes) {
    if (node instanceof Error) node.stack = 'stack ' + pick(3);
    for (let i = pick(6); i > 0; i--) {
      if (node instanceof Map && Object.getPrototypeOf(node) !== null) { try { Map.prototype.set.call(node, value(), value()) } catch {} }
      if (node instanceof Set) { try { Set.prototype.add.call(node, value()) } catch {} }
      if (Array.isArray(node)) node[pick(30)] = value();
      else if (!ArrayBuffer.isView(node) && next() < 0.2) { try { node[pick(1000) + 10] = value() } catch {} }
      const key = next() < 0.9 ? 'p' + pick(8) : Symbol.for('key' + pick(3));
      try {
        if (next() < 0.1) Object.defineProperty(node, key, { value: value(), writable: next() < 0.5, enumerable: next() < 0.5, configurable: next() < 0.5 });
        else node[key] = value();
      } catch {}
    }
    const locked = pick(30);
    try { if (locked === 0) Object.freeze(node); if (locked === 1) Object.seal(node); if (locked === 2) Object.preventExtensions(node) } catch {}
  }
  return nodes[0];
};
";

#[test]
fn twenty_thousand_random_graphs_come_back_with_the_same_hash() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    first.run(GENERATOR);
    for batch in 0..GRAPHS / TOGETHER {
        let seed = batch * TOGETHER;
        first.run(&format!(
            "globalThis.state = Array.from({{ length: {TOGETHER} }}, (_, i) => graph({seed} + i))"
        ));
        let exported = first.export();
        second.import(&exported.bytes);
        let again = second.export();
        assert_eq!(again.hash, exported.hash, "seeds from {seed}");
        // The same graph made again, by another isolate's allocations.
        if batch % 50 == 0 {
            first.run(&format!(
                "globalThis.state = Array.from({{ length: {TOGETHER} }}, (_, i) => graph({seed} + i))"
            ));
            assert_eq!(first.export().hash, exported.hash, "seeds from {seed}");
        }
    }
}
