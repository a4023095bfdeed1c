//! What a document tells without an isolate.

use std::time::Instant;

use isoseed::engine::state::{Entry, Overview, StateLimits, inspect};

use super::support::{classes, keeping_globals, open};
use crate::support::PATIENCE;

const VALUES: &str = include_str!("values.txt");

fn overview(code: &str) -> Overview {
    let session = open(Some(&classes()));
    session.run(code);
    let exported = session.try_export(&keeping_globals()).expect("a state that can be kept");
    inspect(&exported.bytes, &StateLimits::default(), "state").expect("a sound state")
}

fn entry<'o>(entries: &'o [Entry], name: &str) -> &'o Entry {
    entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("no {name} in {entries:?}"))
}

#[test]
fn every_value_has_its_type_and_a_preview() {
    let cases = [
        ("-0", "number", "-0"),
        ("0.1 + 0.2", "number", "0.30000000000000004"),
        ("10n ** 20n", "bigint", "100000000000000000000n"),
        ("'it\\'s\\n\\u001b[2J'", "string", "'it\\'s\\n\\u{1b}[2J'"),
        ("'\\u202e\\ud800'", "string", "'\\u{202e}\\ud800'"),
        ("Symbol.for('x')", "symbol", "Symbol.for('x')"),
        ("Symbol.iterator", "symbol", "Symbol.iterator"),
        ("Point", "code", "[code Point]"),
        ("{ a: 1, 'b c': [true, null] }", "Object", "{ a: 1, 'b c': [ true, null ] }"),
        (
            "{ [Symbol.for('k')]: { a: { b: { c: 1 } } } }",
            "Object",
            "{ [Symbol.for(\"k\")]: { a: [Object] } }",
        ),
        ("{ 7: 'x', y: 1 }", "Object", "{ '7': 'x', y: 1 }"),
        ("Object.create(null)", "Object", "[Object: null prototype] {}"),
        ("[]", "Array", "[]"),
        ("[1, , 3, , ,]", "Array", "[ 1, <1 empty>, 3, <2 empty> ]"),
        ("Array.from({ length: 100 }, (_, i) => i)", "Array", "[ 0, 1, 2, 3, 4, 5, … ]"),
        ("new Map([[1, { a: 1 }]])", "Map", "Map(1) { 1 => { a: 1 } }"),
        ("new Set()", "Set", "Set(0) {}"),
        ("new Date(0)", "Date", "1970-01-01T00:00:00.000Z"),
        ("/a\\/b/dgimsuy", "RegExp", "/a\\/b/dgimsuy"),
        ("new TypeError('wrong')", "TypeError", "[TypeError: wrong]"),
        ("new Error()", "Error", "[Error]"),
        ("new Number(2.5)", "Number", "[Number: 2.5]"),
        ("Object(1n)", "BigInt", "[BigInt: 1n]"),
        ("new String('s')", "String", "[String: 's']"),
        ("new ArrayBuffer(5)", "ArrayBuffer", "ArrayBuffer { byteLength: 5 }"),
        ("new Int16Array([-1, 2])", "Int16Array", "Int16Array(2) [ -1, 2 ]"),
        ("new BigInt64Array(1)", "BigInt64Array", "BigInt64Array(1) [ 0n ]"),
        ("new DataView(new ArrayBuffer(8), 3)", "DataView", "DataView { byteLength: 5 }"),
        ("new Point(1, 2)", "Point", "Point { x: 1, y: 2 }"),
        ("new shapes.Circle(1, 2)", "shapes.Circle", "shapes.Circle { x: 1, y: 2, radius: 1 }"),
        ("new Cache([[1, 2]])", "Cache", "Cache(1) { 1 => 2 }"),
        ("List.from([1])", "List", "List(1) [ 1 ]"),
        ("new Money(7)", "Money", "Money({ cents: 7 })"),
        ("(() => { const o = { n: 1 }; o.self = o; return o })()", "Object", "{ n: 1, self: [Circular] }"),
        ("'x'.repeat(500)", "string", ""),
    ];
    let session = open(Some(&classes()));
    let mut wrong = Vec::new();
    for (value, kind, preview) in cases {
        session.run(&format!("globalThis.state = {{ value: ({value}) }}"));
        let told = inspect(&session.export().bytes, &StateLimits::default(), "state").expect("a sound state");
        let value_told = entry(&told.properties, "value");
        if value_told.kind != kind || (!preview.is_empty() && value_told.preview != preview) {
            wrong.push((value, value_told.clone()));
        }
        assert!(value_told.preview.chars().count() <= 120, "{value}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_matrix_of_values_can_be_shown() {
    let session = open(Some(&classes()));
    for value in VALUES.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        session.run(&format!("globalThis.state = {{ value: ({value}) }}"));
        let told = inspect(&session.export().bytes, &StateLimits::default(), "state").expect("a sound state");
        let Entry { kind, preview, .. } = entry(&told.properties, "value");
        assert!(!kind.is_empty() && !preview.is_empty(), "{value}: {kind} {preview}");
        assert!(preview.chars().count() <= 120 && !preview.contains(char::is_control), "{value}: {preview}");
    }
}

#[test]
fn numbers_and_times_are_written_as_v8_writes_them() {
    let session = open(Some(&classes()));
    session.run(
        "let seed = 1n; const bits = () => (seed = seed * 6364136223846793005n + 1442695040888963407n & (1n << 64n) - 1n); \
         const view = new DataView(new ArrayBuffer(8)); \
         globalThis.state = {}; \
         for (let i = 0; i < 900; i++) { view.setBigUint64(0, bits()); const n = view.getFloat64(0); \
           state['n' + i] = i % 3 === 0 ? n : i % 3 === 1 ? n % 1e22 : new Date(n % 8.64e15) }",
    );
    let told = inspect(&session.export().bytes, &StateLimits::default(), "state").expect("a sound state");
    let shown: Vec<String> = told.properties.iter().map(|property| property.preview.clone()).collect();
    // Compared there: a long answer would have to be decoded.
    let check = format!(
        "((shown) => {{ const text = (v) => typeof v === 'object' ? isNaN(v) ? 'Invalid Date' : v.toISOString() : Object.is(v, -0) ? '-0' : String(v); \
         const values = Object.values(state); const at = values.findIndex((v, i) => text(v) !== shown[i]); \
         return at < 0 ? '' : text(values[at]) + ' and ' + shown[at] }})({shown:?})"
    );
    assert_eq!(shown.len(), 900);
    assert_eq!(session.try_eval(&check, Some(PATIENCE)).expect("a comparison"), "");
}

#[test]
fn each_byte_is_somebodys() {
    let told = overview(
        "globalThis.state = { shared: { list: [1, 2, { deep: 'x'.repeat(1000) }] }, small: 1, text: 'y'.repeat(5000) }; \
         state.again = state.shared; globalThis.other = [state.shared]; globalThis.third = { big: 'z'.repeat(300) }",
    );
    let names: Vec<&str> = told.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["state", "other", "third"]);
    let all: usize = told.variables.iter().map(|variable| variable.bytes).sum();
    // Beside them there are the mark, names and the digest.
    assert!(told.bytes - all < 80, "{told:?}");
    let state = entry(&told.variables, "state");
    let parts: usize = told.properties.iter().map(|property| property.bytes).sum();
    assert!(state.bytes - parts < 60, "{told:?}");
    let bytes = |name| entry(&told.properties, name).bytes;
    // What several lead to counts for the one through which it was first met.
    assert!(bytes("shared") > 1000 && bytes("shared") < 1200 && bytes("again") < 4, "{told:?}");
    assert!(bytes("text") > 5000 && bytes("small") == 1);
    assert!(entry(&told.variables, "other").bytes < 20 && entry(&told.variables, "third").bytes > 300);
}

#[test]
fn what_it_tells_is_bounded() {
    let told = overview(
        "globalThis.state = {}; for (let i = 0; i < 1500; i++) state['k' + i] = { i }; state['long'.repeat(5000)] = 1; \
         for (let i = 0; i < 1200; i++) globalThis['v' + i] = i",
    );
    assert_eq!((told.properties.len(), told.omitted.properties), (1000, 501));
    assert_eq!((told.variables.len(), told.omitted.variables), (1000, 201));
    let long = overview("globalThis.state = { ['\\u{1b}'.repeat(5000)]: 1 }");
    assert_eq!(long.properties[0].name.chars().count(), 120);
}

#[test]
fn what_is_shown_again_and_again_is_read_once() {
    // Large things that every property leads to: each costs what it costs once.
    let many = "for (let i = 0; i < 900; i++) state['k' + i] = { shared, money };";
    let told = |size: u32| {
        let code = format!(
            "const shared = [new Cache(Array.from({{ length: {size} }}, (_, i) => [i, i])), 'x'.repeat({size}) + '日', 2n ** 8n ** 4n]; \
             const money = new Wallet(new Money('x'.repeat({size}) + '日')); globalThis.state = {{}}; {many}",
        );
        let session = open(Some(&classes()));
        session.run(&code);
        let bytes = session.export().bytes;
        let started = Instant::now();
        inspect(&bytes, &StateLimits::default(), "state").expect("a sound state");
        started.elapsed()
    };
    let (small, large) = (told(1000), told(400_000));
    // Read for each property, it would be some hundred times as long.
    assert!(large < small * 60 + std::time::Duration::from_millis(500), "{small:?} and {large:?}");
}
