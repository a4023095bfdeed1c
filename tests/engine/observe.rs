//! What a session tells beside its answers.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use isoseed::engine::error::EngineError;
use isoseed::engine::handle::{IsolateHandle, Seed, SessionOptions};
use isoseed::engine::observe::Listener;
use isoseed::engine::observe::outbox::{Outbox, Report, Uncaught};
use isoseed::engine::snapshot::Snapshot;

use crate::support::{PATIENCE, Session, build, session_options};

/// A session, and one message for each batch of its reports.
fn open(snapshot: Option<&Arc<Snapshot>>) -> (Session, Receiver<Arc<Outbox>>) {
    let (sender, told) = mpsc::channel();
    let outbox = Outbox::new(move |outbox| drop(sender.send(outbox)));
    let listener = Listener { outbox, console: true, uncaught: true };
    let options = SessionOptions { listener: Some(listener), ..session_options() };
    let seed = Seed { snapshot: snapshot.map(Arc::clone), memory_limit_mb: 64 };
    (Session::started(|settle| IsolateHandle::start(seed, options, 1, settle)), told)
}

/// What was told before the last answer.
fn reports(told: &Receiver<Arc<Outbox>>) -> Vec<Report> {
    let batches = told.try_iter().map(|outbox| {
        let (batch, bytes) = outbox.take();
        outbox.done(batch.len(), bytes);
        batch
    });
    batches.flatten().collect()
}

/// The entries without the time, which differs.
fn entries(told: &Receiver<Arc<Outbox>>) -> Vec<String> {
    let json = reports(told).into_iter().filter_map(|report| match report {
        Report::Console(json) => Some(json),
        _ => None,
    });
    json.map(|json| {
        let (before, rest) = json.split_once("\"time\":").expect("an entry has a time");
        let (_, after) = rest.split_once(',').expect("and more after it");
        format!("{before}{after}")
    })
    .collect()
}

#[test]
fn a_console_call_is_an_entry_that_describes_its_arguments() {
    let (session, told) = open(None);
    session.eval(
        "(console.log('a\\n', 1.5, -0, null, undefined, true), \
         console.group('g'), console.warn([1, , { a: [] }]), console.groupEnd(), console.count('c'))",
    );
    assert_eq!(
        entries(&told),
        [
            r#"{"method":"log","depth":0,"args":["a\n",1.5e0,["n","-0"],null,["u"],true]}"#,
            r#"{"method":"group","depth":0,"args":["g"]}"#,
            r#"{"method":"warn","depth":1,"args":[["a",[1,["h"],["o","Object",["a",["a",[],[]]]]],[]]]}"#,
            r#"{"method":"count","depth":0,"count":1,"label":"c"}"#,
        ]
    );
}

#[test]
fn objects_met_before_are_numbers() {
    let (session, told) = open(None);
    session.eval("(() => { const a = { self: null, map: new Map() }; a.self = a; a.map.set(a, a.map); console.log(a, a.map) })()");
    assert_eq!(
        entries(&told),
        [
            r#"{"method":"log","depth":0,"args":[["o","Object",["self",["^",0],"map",["m",[["^",0],["^",1]]]]],["^",1]]}"#
        ]
    );
}

#[test]
fn what_a_snapshot_captured_tells_each_session() {
    let snapshot =
        build("const { log } = console; log('while building'); globalThis.say = (text) => log(text)");
    for text in ["first", "second"] {
        let (session, told) = open(Some(&snapshot));
        session.eval(&format!("say('{text}')"));
        assert_eq!(entries(&told), [format!(r#"{{"method":"log","depth":0,"args":["{text}"]}}"#)]);
    }
}

#[test]
fn a_rejection_is_told_before_the_answer_with_its_cause() {
    let (session, told) = open(None);
    let failed = session.try_eval("Promise.reject(new TypeError('lost')); throw 1", Some(PATIENCE));
    assert!(matches!(failed, Err(EngineError::Guest(_))));
    let reports = reports(&told);
    let [Report::Uncaught(Uncaught { kind: "rejection", error, origin: "eval", name, more: 0 })] =
        &reports[..]
    else {
        panic!("one rejection was expected, not {reports:?}")
    };
    assert_eq!(error.to_string(), "TypeError: lost");
    assert_eq!(name.as_deref(), Some("test.js"));
}

#[test]
fn nothing_of_a_stopped_call_reaches_the_next_one() {
    let (session, told) = open(None);
    let endless = "Promise.resolve().then(() => { globalThis.ran = true; console.log('late') }); for (;;);";
    assert_eq!(session.code_of(endless, std::time::Duration::from_millis(50)), "ERR_TIMEOUT");
    assert_eq!(session.eval("typeof ran"), "undefined");
    assert!(reports(&told).is_empty());
}
