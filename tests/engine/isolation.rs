//! The isolation check: it holds for real snapshots, and it finds a leak of every kind when there is one.

use std::sync::Arc;

use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::snapshot::request::BuildRequest;
use isoseed::engine::source::{Source, SourceKind};
use isoseed::engine::verify::{IsolationReport, VerifyOptions, verify};

use crate::support::{LIMITS, PATIENCE, build, request, source, try_build};

fn options() -> VerifyOptions {
    VerifyOptions { memory_limit_mb: 256, timeout: PATIENCE, hostile: None }
}

fn build_all(request: BuildRequest) -> Arc<Snapshot> {
    try_build(request, LIMITS).expect("a sound bundle")
}

fn verified(snapshot: &Arc<Snapshot>, plant: Option<&str>) -> IsolationReport {
    let plant = plant.map(|code| source(code, "plant.js"));
    verify(snapshot, &options(), plant.as_ref()).expect("sessions start")
}

#[test]
fn a_hostile_session_changes_itself_and_nobody_else() {
    let snapshot =
        build("globalThis.library = { list: [1, 2], map: new Map([['a', { b: 1 }]]), read() { return 1 } }");
    let report = verified(&snapshot, None);
    assert!(report.ok, "{report:?}");
    assert!(report.leaks.is_empty());
    assert_eq!(report.checks.len(), 5);
    let coverage = report.coverage;
    assert!(coverage.objects > 1000, "{coverage:?}");
    assert!(coverage.functions > 500 && coverage.functions < coverage.objects, "{coverage:?}");
    assert!(coverage.properties > coverage.objects, "{coverage:?}");
    assert!(coverage.prototypes > 500, "{coverage:?}");
    assert!(coverage.contents > 0 && coverage.frozen > 100, "{coverage:?}");
    assert_eq!((coverage.callable, coverage.calls), (1, 4), "{coverage:?}");
    assert!(coverage.compared.properties > 5000 && coverage.compared.heap_nodes > 5000, "{coverage:?}");
}

#[test]
fn the_users_own_attack_runs_beside_ours() {
    let snapshot = build("globalThis.library = { counter: 0 }");
    let mut options = options();
    options.hostile = Some(source("library.counter = 1", "hostile.js"));
    assert!(verify(&snapshot, &options, None).expect("sessions start").ok);
}

/// What holds something in each way that there is, and lets the plants change it.
const HOLDS_EVERYTHING: &str = r"
globalThis.library = { list: [1, 2], map: new Map([['a', { b: 1 }]]), set: new Set([1]), pattern: /x/g, date: new Date(5), bytes: new Uint8Array(4) }
{
  let count = 0, flag = false, text = 'text', missing
  const cache = new Map([['one', 1]]), known = new Set([1.5]), doubles = [0.5, 1.5], small = [1, 2]
  const bytes = new Uint8Array(8), moment = new Date(7), pattern = /y/g, inner = { deep: { er: 1 } }, frozenLater = {}
  const weak = new WeakMap(), key = {}
  weak.set(key, { value: 1 })
  class Counter { #count = 0; static #made = 0; bump() { this.#count++; Counter.#made = {} } }
  const counter = new Counter()
  let held = Promise.resolve({ settled: 1 })
  const bound = Math.max.bind({ self: 1 }, 1, { two: 2 })
  const steps = (function* () { let step = 0; for (;;) yield ++step })()
  let call = typeof host === 'undefined' ? null : host.call
  class Hidden extends Array { constructor() { super(); this.tag = 1 } }
  const hidden = new Hidden()
  library.plant = {
    count: () => { count++ }, flag: () => { flag = true }, text: () => { text = 'other' }, missing: () => { missing = null },
    cache: () => { cache.set('one', 2) }, entry: () => { cache.set('two', 2) }, known: () => { known.clear(); known.add(2.5) },
    doubles: () => { doubles[1] = 2.5 }, small: () => { small[1] = 3 }, bytes: () => { bytes[3] = 1 }, moment: () => { moment.setTime(8) },
    pattern: () => { pattern.lastIndex = 3 }, inner: () => { inner.deep.er = 2 }, freeze: () => { Object.freeze(frozenLater) },
    attributes: () => { Object.defineProperty(inner, 'deep', { enumerable: false }) },
    weak: () => { weak.get(key).value = 2 }, weakEntry: () => { weak.set(key, 'other') },
    field: () => { counter.bump() }, promise: () => { held = Promise.resolve({ settled: 2 }) }, step: () => { steps.next() },
    call: () => { call = () => 1 }, prototype: () => { Object.setPrototypeOf(hidden, null) }, hiddenClass: () => { Hidden.prototype.added = 1 },
    replace: () => { library.plant.step = () => 0 },
  }
  library.keep = () => [count, flag, text, missing, cache, known, doubles, small, bytes, moment, pattern, inner, frozenLater, weak, key, counter, held, bound, steps, call, hidden]
}
";

/// Where V8 keeps things in forms of its own: cells, blocks, numbers, long strings, no prototype.
const HOLDS_MORE: &str = r"
let scriptVariable = 1
globalThis.library = { same: {}, other: null, order: { a: 1, b: 2 }, target: new Proxy({ deep: { er: 1 } }, {}), buffer: new ArrayBuffer(4, { maxByteLength: 8 }) }
library.other = library.same
library.plant = { script: () => { scriptVariable = 2 } }
const { plant } = library;
(function () { let cell = 0; plant.cell = () => { cell++ } })();
(function () { let ratio = 0.5; plant.ratio = () => { ratio = 1.5 } })();
(function () { let big = 1n; plant.big = () => { big = 2n } })();
(function () { let long = 'x'.repeat(5000) + 'a'; plant.long = () => { long = 'x'.repeat(5000) + 'b' } })();
(function () { const bare = Object.create(null); bare.flag = true; plant.bare = () => { bare.flag = false }; plant.seal = () => { Object.seal(bare) } })()
{ let outer = 1; { let inner = 2; plant.outer = () => { outer = inner } } }
try { throw { caught: 1 } } catch (error) { plant.caught = () => { error.caught = 2 } }
try { throw 1 } catch (number) { plant.number = () => { number = 2 } }
class Private { #ratio = 0.5; #bare = Object.create(null); static #made = 0; change() { this.#ratio = 1.5 } fill() { this.#bare.filled = 1 } static make() { Private.#made++ } }
{ const one = new Private(); plant.privateRatio = () => one.change(); plant.privateBare = () => one.fill(); plant.privateStatic = () => Private.make() }
{ const steps = (function* () { yield; yield })(); plant.steps = () => steps.next() }
{ const known = new WeakSet(), key = {}; plant.known = () => known.add(key) }
{ const weak = new WeakMap(), key = {}, other = {}; weak.set(key, { deep: weak }); weak.set(other, key); plant.weak = () => { weak.get(other).added = 1 }; plant.forget = () => weak.delete(key) }
{ const reference = new WeakRef(library.same); plant.reference = () => reference.deref().added = 1 }
{ const iterator = new Map([[1, 2], [3, 4]])[Symbol.iterator](); plant.iterator = () => iterator.next() }
{ const bound = Math.max.bind(null, { argument: 1 }); const [held] = [{ held: 1 }]; plant.bound = () => held.held = 2; plant.keepBound = () => [bound, held] }
{ const failure = new Error('one'); plant.failure = () => failure.message = 'two' }
{ const symbol = Symbol('mine'); const holder = { [symbol]: 1 }; plant.symbol = () => holder[symbol] = 2; plant.another = () => { delete holder[symbol]; holder[Symbol('mine')] = 1; return symbol } }
";

const MORE: [(&str, &str); 27] = [
    ("plant.script()", "scriptVariable"),
    ("plant.cell()", "cell"),
    ("plant.ratio()", "ratio"),
    ("plant.big()", "big"),
    ("plant.long()", "long"),
    ("plant.bare()", "bare.flag"),
    ("plant.seal()", "bare"),
    ("plant.outer()", "outer"),
    ("plant.caught()", ".caught"),
    ("plant.number()", "number"),
    ("plant.privateRatio()", "#ratio"),
    ("plant.privateBare()", "#bare"),
    ("plant.privateStatic()", "#made"),
    ("plant.steps()", "steps"),
    ("plant.known()", "known"),
    ("plant.weak()", ".added"),
    ("plant.forget()", "weak"),
    ("plant.reference()", "library.same.added"),
    ("plant.iterator()", "iterator"),
    ("plant.bound()", ".held"),
    ("plant.failure()", "failure.message"),
    ("plant.symbol()", "mine"),
    ("plant.another()", "mine"),
    ("library.other = {}", "library.other"),
    ("delete library.order.a; library.order.a = 1", "library.order"),
    ("library.target.deep.er = 2", "<target>.deep.er"),
    ("library.buffer.resize(8)", "library.buffer"),
];

#[test]
fn a_planted_leak_is_found_in_v8s_own_forms_too() {
    let snapshot = build(HOLDS_MORE);
    let report = verified(&snapshot, None);
    assert!(report.ok, "{report:?}");
    let mut missed = Vec::new();
    for (code, path) in MORE {
        let code =
            code.strip_prefix("plant.").map_or(code.to_owned(), |call| format!("library.plant.{call}"));
        let report = verified(&snapshot, Some(&format!("{code}, 0")));
        if report.ok || !report.leaks.iter().any(|leak| leak.path.contains(path)) {
            missed.push(format!("{code}: {:?}", report.leaks));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Where a plant must show: a part of the path, and of what is told of it.
type Case = (&'static str, &'static str, &'static str);

const PROPERTIES: [Case; 15] = [
    ("library.list.push(3)", "globalThis.library.list.2", "3"),
    ("Array.prototype.leaked = 1", "globalThis.Array.prototype.leaked", "1"),
    ("library.map.get('a').b = 2", "globalThis.library.map.<map value 0>.b", "2 instead of"),
    ("library.map.set('c', 1), 0", "globalThis.library.map.<map key 1>", "\"c\""),
    ("library.set.add(2), 0", "globalThis.library.set.<set 1>", "2"),
    (
        "Object.setPrototypeOf(Object.getPrototypeOf(function* () {}), null), 0",
        "%GeneratorFunction%.<prototype>.<prototype>",
        "null",
    ),
    ("Object.freeze(library), 0", "globalThis.library", "fixed"),
    ("Math.max = Math.min, 0", "globalThis.Math.max", "function min"),
    ("library.pattern.exec('xx'), 0", "globalThis.library.pattern.lastIndex", "1"),
    ("library.date.setTime(6)", "globalThis.library.date", "6"),
    ("library.bytes[2] = 1", "globalThis.library.bytes", "bytes"),
    ("Object.prototype[Symbol.for('leak')] = 1", "[Symbol.for(\"leak\")]", "1"),
    (
        "Array.prototype[Symbol.iterator] = Array.prototype.keys, 0",
        "globalThis.Array.prototype[Symbol.iterator]",
        "function keys",
    ),
    ("/(leaked)/.exec('leaked'), 0", "%RegExp%.$1", "\"leaked\" instead of"),
    ("delete Reflect.apply", "globalThis.Reflect.apply", "nothing instead of"),
];

const BEHIND: [Case; 24] = [
    ("count", ".count", "1 instead of 0"),
    ("flag", ".flag", "true instead of false"),
    ("text", ".text", "\"other\" instead of \"text\""),
    ("missing", ".missing", "null instead of undefined"),
    ("cache", "cache.<map value 0>", "2 instead of 1"),
    ("entry", "cache", "two"),
    ("known", "known", "2.5"),
    ("doubles", "doubles", "2.5"),
    ("small", "small", "3"),
    ("bytes", "bytes", "bytes"),
    ("moment", "moment", "date 8"),
    ("pattern", "pattern", "3"),
    ("inner", ".deep.er", "2"),
    ("freeze", "library.keep", "fixed"),
    ("attributes", ".deep", "w-c"),
    ("weak", ".value", "2"),
    ("weakEntry", "[[WeakMapValue]]", "\"other\" instead of object"),
    ("field", ".#count", "1 instead of 0"),
    ("promise", ".held.<result>.settled", "2 instead of 1"),
    ("step", ".step", "1 instead of"),
    ("call", "call", "function"),
    ("prototype", ".hidden.<prototype>", "null instead of"),
    ("hiddenClass", "Hidden.prototype.added", "1"),
    ("replace", "library.plant.step", "() => 0"),
];

#[test]
fn a_planted_leak_is_found_and_named_wherever_it_is() {
    let snapshot = build_all(BuildRequest {
        bundles: vec![source(HOLDS_EVERYTHING, "bundle.js")],
        bindings: vec!["host.call".to_owned()],
        ..request("")
    });
    let report = verified(&snapshot, None);
    assert!(report.ok, "{report:?}");
    assert!(report.coverage.compared.hidden_objects > 10, "{:?}", report.coverage);
    assert_eq!(report.coverage.bindings, 1, "{:?}", report.coverage);
    let behind: Vec<(String, &str, &str)> = BEHIND
        .iter()
        .map(|(plant, path, told)| (format!("library.plant.{plant}(), 0"), *path, *told))
        .collect();
    let properties = PROPERTIES.iter().map(|(code, path, told)| (String::from(*code), *path, *told));
    let mut missed = Vec::new();
    for (code, path, told) in properties.chain(behind) {
        let report = verified(&snapshot, Some(&code));
        let is_found = report.leaks.iter().any(|leak| leak.path.contains(path) && leak.detail.contains(told));
        if report.ok || !is_found {
            missed.push(format!("{code}: {:?}", report.leaks));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_modules_live_binding_is_looked_at() {
    let code = "let inner = { deep: 0 }; export let count = 0; export const list = []; export function bump() { count++; inner.deep++ }";
    let module =
        Source { code: code.to_owned(), name: "counter".to_owned(), kind: SourceKind::Module, global: None };
    let snapshot = build_all(BuildRequest { bundles: vec![module], ..request("") });
    let report = verified(&snapshot, None);
    assert!(report.ok, "{report:?}");
    assert_eq!((report.coverage.modules, report.coverage.callable), (1, 1), "{:?}", report.coverage);
    let report = verified(&snapshot, Some("import('counter').then((counter) => { counter.bump() })"));
    let paths: Vec<&str> = report.leaks.iter().map(|leak| leak.path.as_str()).collect();
    assert!(paths.contains(&"<module counter>.count"), "{paths:?}");
    assert!(
        paths.iter().any(|path| path.starts_with("<module counter>.") && path.ends_with("inner.deep")),
        "{paths:?}"
    );
}

#[test]
fn untouched_sessions_are_equal_round_after_round() {
    let snapshot = build(HOLDS_EVERYTHING);
    for round in 0..15 {
        let report = verified(&snapshot, None);
        assert!(report.ok, "round {round}: {report:?}");
    }
}
