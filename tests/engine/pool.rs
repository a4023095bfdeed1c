//! Isolates that are held ready: whom they are given to, when others are made, when they go.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use isoseed::engine::error::{EngineError, Result};
use isoseed::engine::handle::{IsolateHandle, SessionOptions};
use isoseed::engine::lifecycle::{Reply, Settle};
use isoseed::engine::pool::Pool;
use isoseed::engine::snapshot::Snapshot;

use crate::support::{PATIENCE, Session, build, channel, session_options, source, text};

const LIMIT_MB: u64 = 128;

fn snapshot() -> Arc<Snapshot> {
    build("globalThis.library = { list: [1, 2] }; globalThis.call = () => host.call()")
}

fn hold(pool: &Pool, count: usize) -> Receiver<Result<()>> {
    let (sender, held) = mpsc::channel();
    pool.hold(count, LIMIT_MB, Box::new(move |outcome| drop(sender.send(outcome))))
        .expect("a large enough limit");
    held
}

fn held(snapshot: &Arc<Snapshot>, count: usize) -> Arc<Pool> {
    let pool = Pool::new(Some(Arc::clone(snapshot)));
    let told = hold(&pool, count);
    told.recv_timeout(PATIENCE).expect("told").expect("held");
    assert_eq!(pool.ready(), count);
    pool
}

fn start(pool: &Pool) -> impl FnOnce(Settle) -> Result<IsolateHandle> + '_ {
    |settle| pool.start(LIMIT_MB, session_options(), 1, settle)
}

/// Waits for what other threads do; there is nothing to be told by.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_session_takes_an_isolate_and_another_one_is_made_for_it() {
    let snapshot = snapshot();
    let pool = held(&snapshot, 3);
    for _ in 0..10 {
        let session = Session::started(start(&pool));
        assert_eq!(session.eval("library.list.push(3)"), "3");
        assert_eq!(session.eval("typeof host.call"), "function");
    }
    until("the pool fills up again", || pool.ready() == 3);
}

#[test]
fn a_session_that_brings_nothing_is_told_at_once_and_only_once() {
    let pool = held(&snapshot(), 1);
    let (settle, told) = channel();
    let plain = SessionOptions { bindings: Vec::new(), ..session_options() };
    let isolate = pool.start(LIMIT_MB, plain, 1, settle).expect("a large enough limit");
    assert!(matches!(told.try_recv(), Ok(Ok(Reply::Started))));
    let (settle, answered) = channel();
    isolate.eval(2, source("`${library.list}`", "test.js"), None, settle);
    let Ok(Ok(Reply::Value(value))) = answered.recv_timeout(PATIENCE) else { panic!("it has a value") };
    assert_eq!(text(&value), "1,2");
    assert!(told.try_recv().is_err());
}

#[test]
fn an_isolate_is_taken_only_for_the_limit_it_was_made_with() {
    let snapshot = snapshot();
    let pool = held(&snapshot, 1);
    let session = Session::started(|settle| pool.start(64, session_options(), 1, settle));
    assert_eq!(session.eval("library.list"), "1,2");
    assert_eq!(pool.ready(), 1);
    assert!(matches!(pool.start(1, session_options(), 1, channel().0), Err(EngineError::InvalidArg { .. })));
    assert!(matches!(pool.hold(1, 1, Box::new(|_| ())), Err(EngineError::InvalidArg { .. })));
}

#[test]
fn a_target_set_anew_is_met_and_everyone_who_waits_is_told() {
    let snapshot = snapshot();
    let pool = Pool::new(Some(Arc::clone(&snapshot)));
    let told: Vec<_> = [4, 2, 0, 3, 1, 2].into_iter().map(|count| hold(&pool, count)).collect();
    for told in told {
        told.recv_timeout(PATIENCE).expect("told").expect("held");
    }
    until("the last target counts", || pool.ready() == 2);
    let told = hold(&pool, 0);
    told.recv_timeout(PATIENCE).expect("told").expect("held");
    assert_eq!(pool.ready(), 0);
    until("every isolate lets go of the snapshot", || Arc::strong_count(&snapshot) == 2);
}

#[test]
fn the_end_of_a_pool_is_the_end_of_its_isolates() {
    let ends: [fn(Arc<Pool>); 2] = [drop, |pool| pool.close()];
    for end in ends {
        let snapshot = snapshot();
        let pool = held(&snapshot, 2);
        let session = Session::started(start(&pool));
        // Ends while others are made.
        let told = hold(&pool, 50);
        end(pool);
        assert_eq!(session.eval("library.list"), "1,2");
        session.dispose();
        until("every isolate lets go of the snapshot", || Arc::strong_count(&snapshot) == 1);
        assert!(!matches!(told.try_recv(), Ok(Ok(()))), "fifty were never ready");
    }
}

#[test]
fn isolates_that_wait_are_no_deadline_for_the_session() {
    let snapshot = snapshot();
    let pool = held(&snapshot, 1);
    std::thread::sleep(Duration::from_millis(150));
    let session = Session::started(start(&pool));
    let short = Duration::from_millis(100);
    assert_eq!(session.code_of("1", PATIENCE), "no error");
    assert_eq!(session.code_of("for (;;);", short), "ERR_TIMEOUT");
    assert_eq!(session.eval("40 + 2"), "42");
    // What a call leaves behind has the session's own limit.
    session.eval("call().then(() => { for (;;); }), 1");
    session.handle.answer(1, Ok(b"\xff\x0f_\0".to_vec()));
    assert_eq!(session.eval("'after'"), "after");
}

#[test]
fn a_session_that_can_not_be_prepared_takes_its_isolate_with_it() {
    let snapshot = build("const library = 1");
    let pool = held(&snapshot, 1);
    let mut options = session_options();
    options.bindings = vec!["library".to_owned()];
    let (settle, started) = channel();
    let refused = pool.start(LIMIT_MB, options, 1, settle).expect("a large enough limit");
    let error = started.recv_timeout(PATIENCE).expect("answered").expect_err("the const hides it");
    assert_eq!(error.code(), "ERR_INVALID_ARG");
    let (settle, after) = channel();
    refused.eval(2, source("1", "test.js"), None, settle);
    assert_eq!(after.recv_timeout(PATIENCE).expect("answered").expect_err("finished").code(), "ERR_DISPOSED");
    until("another one is made", || pool.ready() == 1);
    assert_eq!(Session::started(start(&pool)).eval("library"), "1");
}

#[test]
fn a_memory_death_leaves_the_others_as_they_are() {
    let snapshot = snapshot();
    let pool = Pool::new(Some(Arc::clone(&snapshot)));
    let (sender, told) = mpsc::channel();
    pool.hold(2, 32, Box::new(move |outcome| drop(sender.send(outcome)))).expect("a large enough limit");
    told.recv_timeout(PATIENCE).expect("told").expect("held");
    let small = || Session::started(|settle| pool.start(32, session_options(), 1, settle));
    let (victim, other) = (small(), small());
    assert_eq!(victim.code_of("const all = []; for (;;) all.push({})", PATIENCE), "ERR_MEMORY_LIMIT");
    assert_eq!(other.eval("library.list"), "1,2");
    until("others are made", || pool.ready() == 2);
    assert_eq!(small().eval("library.list"), "1,2");
}
