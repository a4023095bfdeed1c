//! One isolate: limits, ends, and that every request is answered.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use isoseed::engine::error::EngineError;
use isoseed::engine::handle::{IsolateHandle, Seed};
use isoseed::engine::host_call::Host;
use isoseed::engine::lifecycle::Reply;

use crate::support::{Calls, PATIENCE, Session, build, channel, session_options, source, text};

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_call_that_passes_its_time_is_stopped_and_the_isolate_goes_on() {
    let session = Session::open(None);
    let endless = [
        "for (;;);",
        "(async () => { for (;;) await null })()",
        "Promise.resolve().then(function again() { return Promise.resolve().then(again) })",
        "new Promise(() => {})",
        "({ get value() { for (;;); } })",
        "({ then() { for (;;); } })",
    ];
    for code in endless {
        assert_eq!(session.code_of(code, SHORT), "ERR_TIMEOUT", "{code}");
        assert_eq!(session.eval("40 + 2"), "42", "after {code}");
    }
}

#[test]
fn a_call_that_waits_behind_another_one_times_out_by_itself() {
    let session = Session::open(None);
    let long = session.start_eval("for (;;);", Some(PATIENCE));
    let waiting = session.start_eval("1", Some(SHORT));
    let error = waiting.recv_timeout(PATIENCE).expect("answered").expect_err("it never ran");
    assert_eq!(error.code(), "ERR_TIMEOUT");
    session.dispose();
    assert_eq!(long.recv().expect("answered").expect_err("stopped").code(), "ERR_DISPOSED");
}

#[test]
fn what_a_call_leaves_behind_is_stopped_too_and_harms_no_later_call() {
    let session = Session::open(None);
    session.eval("host.call().then(() => { for (;;); }), 1");
    session.handle.answer(1, Ok(b"\xff\x0f_\0".to_vec()));
    assert_eq!(session.eval("'after'"), "after");
}

#[test]
fn memory_bombs_end_the_isolate_with_its_code_and_no_other() {
    let other = Session::open(None);
    let bombs = [
        "const all = []; for (;;) all.push(new Array(1e5).fill(1.5))",
        "let text = 'x'; for (;;) text += text + Math.random()",
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20))",
        "new ArrayBuffer(2 ** 36)",
        "const map = new Map(); for (let i = 0;; i++) map.set(i, { i })",
    ];
    for bomb in bombs {
        let session = Session::with_limit(None, 32);
        let first = session.try_eval(bomb, Some(PATIENCE)).expect_err("it can't end well");
        // A string that grows may reach V8's longest string before the limit: an ordinary exception.
        let is_expected = matches!(first, EngineError::MemoryLimit { limit_mb: 32 })
            || matches!(&first, EngineError::Guest(exception) if exception.message == "Invalid string length");
        assert!(is_expected, "{bomb}: {first}");
        if let EngineError::MemoryLimit { .. } = first {
            let next = session.try_eval("1", None).expect_err("it is finished");
            assert_eq!(
                next.to_string(),
                "the isolate is finished: the isolate passed its memoryLimitMb of 32"
            );
        }
        assert_eq!(other.eval("1 + 1"), "2", "beside {bomb}");
    }
}

#[test]
fn memory_that_v8_maps_without_asking_counts_too() {
    let growths = [
        "const all = []; for (;;) { const buffer = new ArrayBuffer(0, { maxByteLength: 2 ** 30 }); \
         for (let size = 2 ** 20; size <= 2 ** 30; size += 2 ** 20) buffer.resize(size); all.push(buffer) }",
        "const all = []; for (;;) { const memory = new WebAssembly.Memory({ initial: 0 }); \
         for (let i = 0; i < 1000; i++) memory.grow(16); all.push(memory) }",
        "const all = []; for (;;) all.push(new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true }))",
    ];
    for growth in growths {
        let session = Session::with_limit(None, 64);
        assert_eq!(session.code_of(growth, PATIENCE), "ERR_MEMORY_LIMIT", "{growth}");
    }
}

#[test]
fn no_way_leads_to_a_shared_array_buffer_of_the_guests_own() {
    let session = Session::open(None);
    let shared = "new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer";
    assert_eq!(session.eval("typeof SharedArrayBuffer"), "undefined");
    assert_eq!(
        session.eval(&format!("Object.prototype.toString.call({shared})")),
        "[object SharedArrayBuffer]"
    );
    assert_eq!(
        session.eval(&format!("({shared}).constructor === Object && typeof ({shared}).grow")),
        "undefined"
    );
}

#[test]
fn garbage_buffers_are_no_reason_to_end_an_isolate() {
    let session = Session::with_limit(None, 32);
    assert_eq!(
        session.eval(
            "(() => { for (let i = 0; i < 200; i++) new Uint8Array(8 << 20).fill(1); return 'fine' })()"
        ),
        "fine"
    );
}

#[test]
fn dispose_answers_every_pending_request_and_itself() {
    let session = Session::open(None);
    let running = session.start_eval("for (;;);", None);
    let queued = session.start_eval("1", None);
    let (sender, disposed) = mpsc::channel();
    for _ in 0..2 {
        let sender = sender.clone();
        session.handle.dispose(move || sender.send(()).expect("the test waits"));
    }
    for pending in [running, queued] {
        let error = pending.recv_timeout(PATIENCE).expect("answered").expect_err("disposed");
        assert_eq!(error.to_string(), "the isolate is disposed");
    }
    for _ in 0..2 {
        disposed.recv_timeout(PATIENCE).expect("each dispose is answered");
    }
    assert_eq!(session.code_of("1", PATIENCE), "ERR_DISPOSED");
}

#[test]
fn an_aborted_request_is_stopped_and_not_answered() {
    let session = Session::open(None);
    let (settle, evaluated) = channel();
    session.handle.eval(1000, source("for (;;);", "test.js"), None, settle);
    session.handle.abort(1000);
    assert_eq!(session.eval("'after'"), "after");
    assert!(evaluated.recv().is_err(), "the request was forgotten");
}

#[test]
fn a_guest_that_never_awaits_its_host_calls_is_refused_more_of_them() {
    let session = Session::open(None);
    let code = "(async () => { let last; for (let i = 0; i <= 10_000; i++) last = host.call(); \
                return last.then(() => 'taken', (error) => error.message) })()";
    assert_eq!(
        session.try_eval(code, Some(PATIENCE)).expect("answered"),
        "too many host calls, or too large ones, wait for the host"
    );
}

#[test]
fn a_guest_that_waits_for_its_host_runs_what_the_host_asks_meanwhile_and_stops_when_it_is_told_to() {
    let (mut options, calls) = (session_options(), Arc::new(Calls::default()));
    options.sync_bindings = options.bindings.clone();
    options.host = Arc::clone(&calls) as Arc<dyn Host>;
    let seed = Seed { snapshot: None, memory_limit_mb: 32 };
    let session = Session::started(|settle| IsolateHandle::start(seed, options, 1, settle));
    let asked = || loop {
        if let Some(call) = calls.0.lock().expect("no test panics with it").pop() {
            return call;
        }
        std::thread::yield_now();
    };

    let outer = session.start_eval("const got = host.call(); got + seen", Some(PATIENCE));
    let call = asked();
    session.handle.nest(1000, vec![call.id]);
    let (settle, inner) = channel();
    session.handle.eval(1000, source("globalThis.seen = ' and seen'; 'inner'", "test.js"), None, settle);
    assert!(inner.recv_timeout(PATIENCE).expect("answered while the guest waits").is_ok());
    let queued = session.start_eval("seen", Some(PATIENCE));
    session.handle.answer(call.id, Ok(b"\xff\x0f\"\x03got\0".to_vec()));
    let value = |reply| match reply {
        Ok(Reply::Value(bytes)) => text(&bytes),
        reply => panic!("a value was asked for, not {reply:?}"),
    };
    assert_eq!(value(outer.recv_timeout(PATIENCE).expect("answered")), "got and seen");
    assert_eq!(value(queued.recv_timeout(PATIENCE).expect("answered")), " and seen");

    let stopped = session.start_eval("host.call(); for (;;);", Some(Duration::from_millis(50)));
    asked();
    let error = stopped.recv_timeout(PATIENCE).expect("answered").expect_err("past its time limit");
    assert_eq!(error.code(), "ERR_TIMEOUT");
    assert_eq!(session.eval("'after'"), "after");
}

#[test]
fn a_result_that_is_larger_encoded_than_the_limit_is_refused_not_built() {
    let session = Session::with_limit(None, 64);
    let error = session
        .try_eval(
            "(() => { const text = 'x'.repeat(1 << 20); return new Array(1e6).fill(text) })()",
            Some(PATIENCE),
        )
        .expect_err("a terabyte");
    assert_eq!(error.to_string(), "result can't be cloned: encoded it is larger than 67108864 bytes");
    for (kilobytes, fits) in [(100, true), (32 << 10, true), (60 << 10, true), (70 << 10, false)] {
        let code = format!(
            "(() => {{ const text = 'x'.repeat(1024); return new Array({kilobytes}).fill(text) }})()"
        );
        let result = session.start_eval(&code, Some(PATIENCE)).recv_timeout(PATIENCE).expect("answered");
        assert_eq!(result.is_ok(), fits, "{kilobytes} KiB");
    }
}

#[test]
fn two_hundred_isolates_live_at_once_and_each_keeps_its_own_state() {
    let snapshot = build("globalThis.mine = (n) => { globalThis.kept = n }");
    let sessions: Vec<Session> = (0..200).map(|_| Session::open(Some(&snapshot))).collect();
    for (number, session) in sessions.iter().enumerate() {
        session.eval(&format!("mine({number})"));
    }
    for (number, session) in sessions.iter().enumerate() {
        assert_eq!(session.eval("kept"), number.to_string());
    }
}

#[test]
fn asynchronous_webassembly_compilation_reaches_an_idle_isolate() {
    let session = Session::open(None);
    let code =
        "WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then((module) => String(module))";
    assert_eq!(session.try_eval(code, Some(PATIENCE)).expect("compiled"), "[object WebAssembly.Module]");
}
