//! What can't be kept is named with its path, and nothing is written.

use isoseed::engine::error::EngineError;

use super::support::{classes, open, request};

const FUNCTION: &str = "a function that is not the snapshot's: it may be a closure";
const ACCESSOR: &str = "a property with a getter or a setter";

#[test]
fn what_can_not_be_kept_is_refused_by_its_path() {
    let session = open(Some(&classes()));
    let refusals = [
        ("{ a: [{ f: () => 1 }] }", "state.a[0].f", FUNCTION),
        ("{ f: function () {} }", "state.f", FUNCTION),
        ("{ 'odd key': class {} }", "state[\"odd key\"]", FUNCTION),
        ("{ f: (() => {}).bind() }", "state.f", FUNCTION),
        ("{ m: new Map([[1, 2], ['k', () => 1]]) }", "state.m.<map value 1>", FUNCTION),
        ("{ m: new Map([[() => 1, 1]]) }", "state.m.<map key 0>", FUNCTION),
        ("{ s: new Set([1, 2, { f() {} }]) }", "state.s.<set value 2>.f", FUNCTION),
        ("{ p: Promise.resolve(1) }", "state.p", "a promise (await it first)"),
        ("{ w: new WeakMap() }", "state.w", "a WeakMap"),
        ("{ w: new WeakSet() }", "state.w", "a WeakSet"),
        ("{ w: new WeakRef({}) }", "state.w", "a WeakRef, which has more inside than its properties"),
        (
            "{ w: Object.setPrototypeOf(new WeakRef({}), Object.prototype) }",
            "state.w",
            "a WeakRef, which has more inside than its properties",
        ),
        ("{ g: (function* () {})() }", "state.g", "a generator"),
        ("{ p: new Proxy({}, {}) }", "state.p", "a Proxy"),
        ("{ p: new Proxy(() => 1, {}) }", "state.p", "a Proxy"),
        (
            "{ i: [1][Symbol.iterator]() }",
            "state.i",
            "a Array Iterator, which has more inside than its properties",
        ),
        ("{ i: new Map().entries() }", "state.i", "an iterator"),
        (
            "{ n: new Intl.NumberFormat('en') }",
            "state.n",
            "a NumberFormat, which has more inside than its properties",
        ),
        ("{ a: (function () { return arguments })(1) }", "state.a", "an arguments object"),
        ("{ m: new WebAssembly.Memory({ initial: 0 }) }", "state.m", "a WebAssembly.Memory"),
        ("{ get x() { throw new Error('never asked') } }", "state.x", ACCESSOR),
        ("{ a: [{ set x(v) {} }] }", "state.a[0].x", ACCESSOR),
        ("{ a: Object.defineProperty([1, 2], 1, { get() { return 1 } }) }", "state.a[1]", ACCESSOR),
        ("{ s: Symbol('mine') }", "state.s", "Symbol(mine), which is neither registered nor the snapshot's"),
        (
            "{ deep: { [Symbol('key')]: 1 } }",
            "state.deep[Symbol(key)]",
            "Symbol(key), which is neither registered nor the snapshot's",
        ),
        ("{ o: Object.create({ f() {} }) }", "state.o.__proto__.f", FUNCTION),
        ("{ o: new (class Mine {})() }", "state.o.__proto__.constructor", FUNCTION),
        ("{ b: structuredClone === 1 }", "", ""),
        (
            "{ b: (() => { const b = new ArrayBuffer(8); b.transfer(); return b })() }",
            "state.b",
            "an ArrayBuffer that is detached",
        ),
        (
            "{ v: (() => { const b = new ArrayBuffer(8, { maxByteLength: 8 }), v = new Uint8Array(b, 4, 4); b.resize(2); return v })() }",
            "state.v",
            "a view that lies outside of its buffer",
        ),
        (
            "{ o: (() => { class Base { constructor(o) { return o } } class Mark extends Base { #x = 1 } const o = {}; new Mark(o); return o })() }",
            "state.o",
            "an object with a private member (#x) of a class that the state has no path to: a class of the snapshot's can say what is kept of it, by toState and fromState under Symbol.for('isoseed.state')",
        ),
        ("{ b: new Broken() }", "state.b", "its toState threw: Error: no"),
        ("{ n: new Nested({ list: [1, () => 1] }) }", "state.n.<toState()>.list[1]", FUNCTION),
        (
            "[new Nested([new Nested(new Map([[1, Symbol('x')]]))])]",
            "state[0].<toState()>[0].<toState()>.<map value 0>",
            "Symbol(x), which is neither registered nor the snapshot's",
        ),
        ("{ n: new Nested(() => 1) }", "state.n.<toState()>", FUNCTION),
        ("{ n: new Nested(new Nested(new Nested(() => 1))) }", "state.n….<toState()>", FUNCTION),
        ("{ n: new Nested({ b: new Broken() }) }", "state.n.<toState()>.b", "its toState threw: Error: no"),
        (
            "{ e: new Endless() }",
            "state.e….<toState()>",
            "what its toState gave has too many such objects within",
        ),
    ];
    for (value, path, why) in refusals.into_iter().filter(|(_, path, _)| !path.is_empty()) {
        session.run(&format!("globalThis.state = ({value})"));
        match session.try_export(&request()) {
            Err(EngineError::StateValue { path: found, why: because }) => {
                assert_eq!((found.as_str(), because.as_str()), (path, why), "{value}");
            }
            other => panic!("{value}: {other:?}"),
        }
    }
    session.run("globalThis.state = { fine: 1 }");
    session.export();
}

#[test]
fn a_deep_path_is_cut_in_the_middle() {
    let session = open(None);
    session.run(
        "globalThis.state = {}; let o = state; for (let i = 0; i < 200; i++) o = o.n = {}; o.f = () => 1",
    );
    let error = session.try_export(&request()).expect_err("a function").to_string();
    assert!(
        error.starts_with("state.n.n.n") && error.contains('…') && error.contains(".n.f can't"),
        "{error}"
    );
}

#[test]
fn a_session_that_was_not_made_for_it_says_so() {
    let session = crate::support::Session::open(None);
    let error = session.try_export(&request()).expect_err("not prepared");
    assert_eq!(error.code(), "ERR_INVALID_ARG");
}

#[test]
fn an_import_that_fails_changes_nothing() {
    let snapshot = classes();
    let (first, blank) = (open(Some(&snapshot)), open(None));
    first.run("globalThis.state = { p: new Point(1, 2), f: helpers.twice }");
    let exported = first.export();
    blank.run("globalThis.state = { mine: 1 }");
    match blank.try_import(&exported.bytes, &request()) {
        Err(error @ EngineError::SessionCodeChanged { .. }) => {
            assert_eq!(error.code(), "ERR_SESSION_CODE_CHANGED");
            assert_eq!(
                error.to_string(),
                "the state needs what the snapshot does not have: helpers.twice, Point.prototype"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(blank.eval("JSON.stringify(state)"), "{\"mine\":1}");
    let mut damaged = exported.bytes;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert_eq!(first.try_import(&damaged, &request()).expect_err("damaged").code(), "ERR_STATE_CORRUPT");
    assert_eq!(first.eval("state.p.length() > 2"), "true");
    first.run("Object.defineProperty(globalThis, 'fixed', { value: 1 })");
    let other = isoseed::engine::state::StateRequest { state: "fixed".to_owned(), ..request() };
    let second = open(None);
    second.run("globalThis.fixed = { a: 1 }");
    let exported = second.try_export(&other).expect("a state");
    let error = first.try_import(&exported.bytes, &other).expect_err("it can't be put there");
    assert_eq!(
        error.to_string(),
        "fixed can't be kept: there is a global of that name that can't be changed"
    );
}

/// What a class does with what it once gave is no fault of the state, which stays readable by other code.
#[test]
fn an_instance_that_its_class_does_not_take_back_is_named_by_its_path() {
    let snapshot = classes();
    let (first, second) = (open(Some(&snapshot)), open(Some(&snapshot)));
    second.run("globalThis.state = { mine: 1 }");
    let threw = "the fromState of Picky threw: RangeError: not that one";
    let cases = [
        ("{ a: [1, new Picky('throws')] }", "state.a[1]", threw),
        ("new Picky('throws')", "state", threw),
        ("new Map([[{}, { deep: [new Picky('throws')] }]])", "state.<map value 0>.deep[0]", threw),
        ("new Set([{}, new Picky('throws')])", "state.<set value 1>", threw),
        ("{ o: { __proto__: { p: new Picky('throws') } } }", "state.o.__proto__.p", threw),
        ("{ s: { x: [], [Symbol.for('k')]: new Picky('throws') } }", "state.s[Symbol.for(\"k\")]", threw),
        ("{ n: [new Nested({ p: new Picky('throws') })] }", "state.n[0].<toState()>.p", threw),
        ("{ n: new Nested(new Picky('throws')) }", "state.n.<toState()>", threw),
        ("{ n: new Nested(new Nested(new Picky('throws'))) }", "state.n….<toState()>", threw),
        (
            "{ a: {}, b: { p: new Picky('gives a number') } }",
            "state.b.p",
            "the fromState of Picky gave no object",
        ),
    ];
    for (value, path, why) in cases {
        first.run(&format!("globalThis.state = ({value})"));
        let exported = first.export();
        match second.try_import(&exported.bytes, &request()) {
            Err(error @ EngineError::StateRefused { .. }) => {
                assert_eq!(error.code(), "ERR_STATE_VALUE");
                assert_eq!(error.to_string(), format!("{path} can't be taken: {why}"), "{value}");
                let EngineError::StateRefused { cause, .. } = error else { unreachable!() };
                let cause = cause.map(|cause| cause.to_string());
                assert_eq!(cause, (why == threw).then(|| "RangeError: not that one".to_owned()));
            }
            other => panic!("{value}: {other:?}"),
        }
    }
    assert_eq!(second.eval("JSON.stringify(state)"), "{\"mine\":1}");
    first.run("globalThis.state = { p: new Picky('fine') }");
    second.import(&first.export().bytes);
}

#[test]
fn hooks_that_a_class_does_not_have_any_more_are_missing_code() {
    let first = open(Some(&classes()));
    first.run("globalThis.state = { p: new Picky('fine') }");
    let exported = first.export();
    let second = open(Some(&crate::support::build("class Picky {}")));
    match second.try_import(&exported.bytes, &request()) {
        Err(EngineError::SessionCodeChanged { missing }) => {
            assert_eq!(missing, ["Picky[Symbol.for(\"isoseed.state\")]"]);
        }
        other => panic!("{other:?}"),
    }
}
