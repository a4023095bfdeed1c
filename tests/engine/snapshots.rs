//! Snapshots: what is captured, what is refused, and that several live beside each other.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use isoseed::engine::error::{EngineError, Finding};
use isoseed::engine::snapshot::Snapshot;
use isoseed::engine::snapshot::cache::{self, Keep};
use isoseed::engine::snapshot::helper::BuildLimits;

use crate::support::{LIMITS, PATIENCE, Session, build, helper, order, request, source, try_build};

#[test]
fn eight_different_snapshots_answer_right_at_once_under_collection_pressure() {
    let snapshots: Vec<Arc<Snapshot>> = (0..8)
        .map(|number| {
            build(&format!(
                "class Kept{number} {{ #n = {number}; get n() {{ return this.#n }} }}
                 globalThis.kept = new Map([[{number}, new Kept{number}()]]);
                 globalThis.table = Array.from({{ length: 5000 }}, (_, i) => ({{ i, text: 'row ' + i * {number} }}));
                 globalThis.sum = () => table.reduce((sum, row) => sum + row.text.length, 0) + kept.get({number}).n"
            ))
        })
        .collect();
    let expected: Vec<String> =
        snapshots.iter().map(|snapshot| Session::open(Some(snapshot)).eval("sum()")).collect();
    std::thread::scope(|threads| {
        for worker in 0..4 {
            let (snapshots, expected) = (&snapshots, &expected);
            threads.spawn(move || {
                for round in 0..16 {
                    let at = (round + worker * 2) % snapshots.len();
                    let session = Session::open(Some(&snapshots[at]));
                    session
                        .eval("(() => { for (let i = 0; i < 60; i++) new Array(1e5).fill({}); return 1 })()");
                    assert_eq!(session.eval("sum()"), expected[at]);
                }
            });
        }
    });
}

#[test]
fn closures_classes_and_every_kind_of_live_object_survive() {
    let snapshot = build(
        "let counter = 0; globalThis.next = () => ++counter; next();
         class Secret { #value = 7; read() { return this.#value } } globalThis.secret = new Secret();
         function* count() { yield 1; yield 2 } globalThis.generator = count(); generator.next();
         globalThis.later = new Promise((resolve) => { globalThis.resolve = resolve });
         globalThis.waiting = (async () => 'got ' + await later)();
         const key = {}; globalThis.weak = new WeakMap([[key, 'held']]); globalThis.key = key;
         globalThis.bytes = new Uint8Array([1, 2, 3]).buffer; globalThis.pattern = /a(b)/y; pattern.lastIndex = 3;
         const lexical = 'lexical'",
    );
    let session = Session::open(Some(&snapshot));
    let answers = [
        ("next()", "2"),
        ("secret.read()", "7"),
        ("generator.next().value", "2"),
        ("weak.get(key)", "held"),
        ("new Uint8Array(bytes)", "1,2,3"),
        ("pattern.lastIndex + pattern.source", "3a(b)"),
        ("lexical", "lexical"),
    ];
    for (code, expected) in answers {
        assert_eq!(session.eval(code), expected, "{code}");
    }
    assert_eq!(session.try_eval("resolve(5); waiting", Some(PATIENCE)).expect("resumed"), "got 5");
}

#[test]
fn microtasks_run_before_the_heap_is_captured() {
    let snapshot = build("Promise.resolve().then(() => { globalThis.ran = 'yes' })");
    assert_eq!(Session::open(Some(&snapshot)).eval("ran"), "yes");
}

#[test]
fn the_sources_own_stack_trace_limit_comes_back_after_restore() {
    for (code, expected) in [
        ("1", "10"),
        ("Error.stackTraceLimit = 50", "50"),
        ("Error.stackTraceLimit = 0", "0"),
        ("delete Error.stackTraceLimit", "undefined"),
    ] {
        let snapshot = build(code);
        assert_eq!(Session::open(Some(&snapshot)).eval("Error.stackTraceLimit"), expected, "{code}");
    }
}

#[test]
fn a_heap_that_v8_would_trap_on_is_refused_with_the_path() {
    for (code, path) in [
        ("Object.freeze(Promise)", "Promise"),
        ("Object.freeze(globalThis)", "globalThis"),
        ("Object.freeze(Error)", "Error"),
        ("Object.seal(Math)", "Math"),
        ("Object.preventExtensions(Uint8Array.prototype)", "Uint8Array.prototype"),
    ] {
        match try_build(request(code), LIMITS) {
            Err(EngineError::SnapshotUnsafe { findings }) => {
                let found = |finding: &Finding| finding.rule == "frozen-builtin" && finding.path == path;
                assert!(findings.iter().any(found), "{code}: {findings:?}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn what_sources_do_to_late_builtins_is_done_again_in_each_session() {
    for (code, question, expected) in [
        ("Promise.try = () => 'mine'", "Promise.try()", "mine"),
        ("delete globalThis.Atomics", "typeof Atomics", "undefined"),
        ("globalThis.Uint8Array = class { mine = 1 }", "new Uint8Array().mine", "1"),
        ("globalThis.WebAssembly = { mine: 1 }", "WebAssembly.mine", "1"),
        ("Math.sumPrecise = () => 7", "Math.sumPrecise()", "7"),
        ("Map.prototype.getOrInsert = () => 8", "new Map().getOrInsert()", "8"),
        ("Uint8Array.fromHex = () => 9", "Uint8Array.fromHex()", "9"),
        ("Object.defineProperty(Error, 'stackTraceLimit', { get: () => 5 })", "Error.stackTraceLimit", "5"),
    ] {
        let snapshot = build(code);
        assert_eq!(Session::open(Some(&snapshot)).eval(question), expected, "{code}");
    }
}

#[test]
fn a_live_intl_object_is_made_again_in_each_session() {
    let snapshot = build(
        "const hidden = new Intl.NumberFormat('de'); globalThis.read = (value) => hidden.format(value)",
    );
    assert_eq!(Session::open(Some(&snapshot)).eval("read(1234.5)"), "1.234,5");
    let rules: Vec<_> = snapshot.info().warnings.iter().map(|warning| warning.rule.as_str()).collect();
    assert_eq!(rules, ["lazy-intl"]);
}

#[test]
fn a_source_that_throws_is_told_with_file_line_and_stack() {
    let mut request = request("function deep() { throw new TypeError('broken') }\n\ndeep()");
    request.bridge = Some(source("globalThis.ready = true", "bridge.js"));
    let error = try_build(request, LIMITS).expect_err("it throws");
    let EngineError::SnapshotBuild { message, cause: Some(cause) } = error else { panic!("{error:?}") };
    assert_eq!(message, "the bundle (bundle.js) threw while the snapshot was built: TypeError: broken");
    let EngineError::Guest(exception) = *cause else { panic!("{cause:?}") };
    assert!(
        exception.stack.contains("at deep (bundle.js:1:25)\n    at bundle.js:3:1"),
        "{}",
        exception.stack
    );
}

#[test]
fn a_syntax_error_shows_the_line_and_a_caret() {
    let error = try_build(request("let fine = 1\nlet = 5 5"), LIMITS).expect_err("it does not parse");
    let EngineError::SnapshotBuild { cause: Some(cause), .. } = error else { panic!("{error:?}") };
    let EngineError::Guest(exception) = *cause else { panic!("{cause:?}") };
    assert!(exception.stack.starts_with("bundle.js:2:9\nlet = 5 5\n        ^\n"), "{}", exception.stack);
}

#[test]
fn a_build_that_hangs_or_fills_its_memory_is_ended() {
    let hangs = BuildLimits { timeout: Duration::from_millis(800), memory_limit_mb: 512 };
    let error = try_build(request("for (;;);"), hangs).expect_err("it hangs");
    assert_eq!(error.to_string(), "the build passed its timeoutMs of 800 while bundle.js ran (rehearse)");
    let small = BuildLimits { timeout: PATIENCE, memory_limit_mb: 64 };
    for bomb in [
        "const all = []; for (;;) all.push(new Array(1e5).fill(1.5))",
        "const all = []; for (;;) all.push(new Uint8Array(1e6))",
    ] {
        let error = try_build(request(bomb), small).expect_err("it grows");
        assert_eq!(error.to_string(), "the build passed its memoryLimitMb of 64", "{bomb}");
    }
}

#[test]
fn a_helper_that_is_none_is_an_error() {
    for program in ["/nonexistent/helper", "/bin/true"] {
        let mut helper = helper();
        helper.program = program.into();
        let (sender, built) = mpsc::channel();
        cache::build(helper, order(request("1")), Keep::Nowhere, None, move |outcome| {
            sender.send(outcome).expect("the test waits");
        });
        let error = built.recv().expect("answered").expect_err("no helper");
        assert_eq!(error.code(), "ERR_SNAPSHOT_BUILD", "{program}: {error}");
    }
}

#[test]
fn builds_of_one_key_are_shared_and_the_last_to_leave_ends_them() {
    let (sender, built) = mpsc::channel();
    let start = |request| {
        let sender = sender.clone();
        cache::build(helper(), order(request), Keep::Memory, None, move |outcome| {
            drop(sender.send(outcome.map(|built| built.snapshot)));
        })
    };
    let shared = request("globalThis.shared = 1");
    for _ in 0..3 {
        start(shared.clone());
    }
    let snapshots: Vec<Arc<Snapshot>> =
        built.iter().take(3).map(|outcome| outcome.expect("it builds")).collect();
    assert!(snapshots.iter().all(|snapshot| Arc::ptr_eq(snapshot, &snapshots[0])));
    start(shared);
    assert!(Arc::ptr_eq(&built.recv().expect("answered").expect("cached"), &snapshots[0]));

    let endless = request("for (;;);");
    let tickets = [start(endless.clone()), start(endless)];
    tickets.into_iter().for_each(cache::Ticket::cancel);
    drop(sender);
    // The flight is gone, and with it the last sender.
    assert!(built.recv_timeout(PATIENCE).is_err());
}
