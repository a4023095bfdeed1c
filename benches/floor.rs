//! The floor: what V8 itself needs to go from a snapshot to a first result, without Node.js, without
//! threads of ours, without limits. Same V8, same flags, same blob.
//!
//! `floor SNAPSHOT_FILE SCRIPT ROUNDS` prints one line of JSON for each round, after one that is not
//! counted. Without arguments (`cargo bench` passes `--bench` only) it says how to use it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use isoseed::engine::host_call;
use isoseed::engine::isolate::USER_CONTEXT;
use isoseed::engine::platform::FLAGS;
use isoseed::engine::snapshot::container;

#[expect(clippy::print_stdout, reason = "its output is its result")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file, script, rounds] = arguments.as_slice() else {
        eprintln!("usage: floor SNAPSHOT_FILE SCRIPT ROUNDS");
        return;
    };
    let rounds: usize = rounds.parse().expect("ROUNDS is a whole number");
    let bytes: &'static [u8] = std::fs::read(file).expect("a readable snapshot file").leak();
    let opened = container::open(bytes).expect("a sound snapshot");
    assert!(opened.unpacked.is_none(), "the snapshot must not be compressed");
    let blob = &bytes[opened.blob];

    v8::V8::set_flags_from_string(FLAGS);
    v8::V8::initialize_platform(v8::new_unprotected_default_platform(0, false).make_shared());
    v8::V8::initialize();
    // As in the product: the shared read-only heap is there before the first session.
    let _keeper = v8::Isolate::new(v8::CreateParams::default());

    session(blob, script);
    for _ in 0..rounds {
        let [isolate, context, run, drop] = session(blob, script).map(|time| time.as_secs_f64() * 1e3);
        let total = isolate + context + run;
        println!(
            "{{\"isolateMs\":{isolate:.4},\"contextMs\":{context:.4},\"scriptMs\":{run:.4},\"dropMs\":{drop:.4},\"totalMs\":{total:.4}}}"
        );
    }
}

/// One session; how long isolate, context, script and drop took.
fn session(blob: &'static [u8], script: &str) -> [Duration; 4] {
    let params = v8::CreateParams::default()
        .snapshot_blob(v8::StartupData::from(Cow::Borrowed(blob)))
        .external_references(host_call::references());
    let started = Instant::now();
    let mut isolate = v8::Isolate::new(params);
    let isolate_time = started.elapsed();
    let (context_time, script_time) = {
        let started = Instant::now();
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::from_snapshot(scope, USER_CONTEXT, v8::ContextOptions::default());
        let scope = &mut v8::ContextScope::new(scope, context.expect("the snapshot has a context"));
        let context_time = started.elapsed();
        let started = Instant::now();
        let code = v8::String::new(scope, script).expect("a short script");
        let script = v8::Script::compile(scope, code, None).expect("a script that compiles");
        script.run(scope).expect("a script that does not throw");
        (context_time, started.elapsed())
    };
    let started = Instant::now();
    drop(isolate);
    [isolate_time, context_time, script_time, started.elapsed()]
}
