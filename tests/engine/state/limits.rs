//! Limits hold on the way out and on the way in.

use isoseed::engine::error::EngineError;
use isoseed::engine::state::{StateLimits, StateRequest};

use super::support::{keeping_globals, open, request};

fn limited(change: impl Fn(&mut StateLimits)) -> StateRequest {
    let mut limited = keeping_globals();
    change(&mut limited.limits);
    limited
}

#[test]
fn each_limit_is_named_with_what_was_found() {
    let session = open(None);
    session.run(
        "globalThis.state = { list: Array.from({ length: 100 }, () => ({})), text: 'x'.repeat(5000), buffer: new Uint8Array(5000) }; \
         let o = state; for (let i = 0; i < 50; i++) o = o.next = {}; \
         for (let i = 0; i < 10; i++) globalThis['v' + i] = i",
    );
    let full = session.try_export(&keeping_globals()).expect("it fits");
    let limits: [(&str, StateRequest); 5] = [
        ("payloadBytes", limited(|limits| limits.payload_bytes = 10_000)),
        ("stateBytes", limited(|limits| limits.state_bytes = 10_000)),
        ("variables", limited(|limits| limits.variables = 10)),
        ("nodes", limited(|limits| limits.nodes = 100)),
        ("depth", limited(|limits| limits.depth = 20)),
    ];
    for (name, request) in limits {
        for error in [
            session.try_export(&request).expect_err("too much"),
            session.try_import(&full.bytes, &request).expect_err("too much"),
        ] {
            assert_eq!(error.code(), "ERR_STATE_LIMIT");
            match error {
                EngineError::StateLimit { name: found, actual, max } => {
                    assert_eq!(found, name);
                    assert!(actual > max, "{name}: {actual} of {max}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
    assert_eq!(session.eval("state.text.length"), "5000");
}

#[test]
fn a_state_that_is_small_in_the_heap_and_huge_when_written_is_stopped_in_time() {
    let session = open(None);
    session.run("const t = 'x'.repeat(1 << 20); globalThis.state = new Array(100_000).fill(t)");
    assert_eq!(session.try_export(&request()).expect_err("100 GB").code(), "ERR_STATE_LIMIT");
    session.run("globalThis.state = new Array(4294967295); state[4294967294] = 1");
    session.export();
}

#[test]
fn what_just_fits_is_taken_in_both_directions() {
    type Case<'a> = (&'a str, usize, &'a dyn Fn(usize) -> StateRequest);
    let session = open(None);
    session.run("globalThis.state = { text: 'x'.repeat(5000), more: [1, 2, {}] }");
    let full = session.export();
    // Without mark, version and digest.
    let content = full.bytes.len() - 9 - 1 - 32;
    let limits: [Case; 5] = [
        ("payloadBytes", full.bytes.len(), &|most| limited(|limits| limits.payload_bytes = most)),
        ("stateBytes", content, &|most| limited(|limits| limits.state_bytes = most)),
        ("nodes", full.objects, &|most| limited(|limits| limits.nodes = most)),
        ("depth", 3, &|most| limited(|limits| limits.depth = most)),
        ("variables", 1, &|most| limited(|limits| limits.variables = most)),
    ];
    for (name, most, request) in limits {
        assert_eq!(session.try_export(&request(most)).expect("it fits").bytes, full.bytes, "{name}");
        session.try_import(&full.bytes, &request(most)).expect("it fits");
        for error in [
            session.try_export(&request(most - 1)).expect_err("one too many"),
            session.try_import(&full.bytes, &request(most - 1)).expect_err("one too many"),
        ] {
            assert!(error.to_string().contains(name), "{name}: {error}");
            assert_eq!(error.code(), "ERR_STATE_LIMIT");
        }
    }
}

#[test]
fn nothing_is_copied_that_does_not_fit() {
    let session = open(None);
    // What is found is the length that it would take, and not how far the writer had come.
    for (value, least) in [
        ("'\u{100}'.repeat(20_000_000)", 40_000_000_u64),
        ("{ ['\u{100}'.repeat(15_000_000)]: 1 }", 30_000_000),
        ("1n << 500_000_000n", 62_500_000),
        ("new ArrayBuffer(50_000_000)", 50_000_000),
        ("/x/", 0),
    ] {
        session.run(&format!("globalThis.state = [{value}]"));
        match session.try_export(&request()) {
            Err(EngineError::StateLimit { name, actual, .. }) => {
                assert!(name == "stateBytes" && actual >= least, "{value}: {actual}");
            }
            Ok(_) => assert_eq!(least, 0, "{value}"),
            Err(error) => panic!("{value}: {error}"),
        }
    }
}

#[test]
fn a_form_counts_with_what_is_around_it() {
    let session = open(Some(&super::support::classes()));
    session.run("globalThis.state = [new Money('x'.repeat(600)), new Wallet(new Money('x'.repeat(600)))]");
    let limits = |most| StateRequest {
        limits: StateLimits { state_bytes: most, ..StateLimits::default() },
        ..request()
    };
    match session.try_export(&limits(1000)) {
        Err(EngineError::StateLimit { name, actual, max }) => {
            assert_eq!((name.as_str(), max), ("stateBytes", 1000));
            assert!(actual > 1200, "{actual}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn depth_costs_no_stack() {
    let (first, second) = (open(None), open(None));
    let deep = limited(|limits| limits.depth = 300_000);
    first.run("globalThis.state = []; let o = state; for (let i = 0; i < 200_000; i++) { const n = []; o.push(n); o = n }");
    let exported = first.try_export(&deep).expect("deep, but allowed");
    second.try_import(&exported.bytes, &deep).expect("deep, but allowed");
    assert_eq!(second.try_export(&deep).expect("as before").hash, exported.hash);
    assert_eq!(first.try_export(&request()).expect_err("too deep").code(), "ERR_STATE_LIMIT");
}

#[test]
fn a_long_export_is_stopped_by_its_deadline() {
    use crate::support::{PATIENCE, channel};
    let session = open(None);
    session.run("globalThis.state = Array.from({ length: 300_000 }, (_, i) => ({ i }))");
    let (settle, done) = channel();
    let soon = Some(std::time::Duration::from_millis(2));
    session.handle.export_state(session.number(), request(), false, soon, settle);
    let outcome = done.recv_timeout(PATIENCE).expect("answered");
    assert_eq!(outcome.expect_err("it takes longer").code(), "ERR_TIMEOUT");
    assert_eq!(session.eval("state.length"), "300000");
}
