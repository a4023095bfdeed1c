//! The floor: what V8 itself needs for what the bench measures, without Node.js, without threads of ours,
//! without limits. Same V8, same flags, same blob.
//!
//! `floor WORK_FILE` speaks the protocol of `bench/protocol.ts`: lines of JSON on standard input and output.
//! Without arguments (`cargo bench` passes `--bench` only) it says how to use it.

use std::borrow::Cow;
use std::io::{BufRead, Write};
use std::time::Instant;

use isoseed::engine::isolate::USER_CONTEXT;
use isoseed::engine::platform::FLAGS;
use isoseed::engine::snapshot::container;
use isoseed::engine::snapshot::texts::{self, Texts};
use serde::Deserialize;
use serde_json::{Value, json};

/// More sessions than these say nothing more about a turn.
const MOST_SESSIONS_A_TURN: usize = 20;

/// What all contenders do; see `Work` in `bench/protocol.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Work {
    snapshot_file: Option<String>,
    call: String,
    expected: String,
}

#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "camelCase")]
enum Request {
    #[serde(rename_all = "camelCase")]
    First {
        budget_ms: f64,
    },
    #[serde(rename_all = "camelCase")]
    Call {
        size: usize,
        budget_ms: f64,
    },
    Jit,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file] = arguments.as_slice() else {
        eprintln!("usage: floor WORK_FILE");
        return;
    };
    let work: Work =
        serde_json::from_slice(&std::fs::read(file).expect("a readable work file")).expect("a work file");
    let image = work.snapshot_file.as_deref().map(image_of);
    let blob = image.as_ref();

    v8::V8::set_flags_from_string(FLAGS);
    v8::V8::initialize_platform(v8::new_unprotected_default_platform(0, false).make_shared());
    v8::V8::initialize();
    // As in the product: the shared read-only heap is there before the first session.
    let _keeper = v8::Isolate::new(v8::CreateParams::default());

    reply(&json!({ "kind": "ready", "version": format!("V8 {}", v8::V8::get_version()) }));
    for line in std::io::stdin().lock().lines() {
        let turn = match serde_json::from_str(&line.expect("readable requests")) {
            Ok(request) => turn(blob, &work, &request),
            Err(error) => Err(format!("it takes no part in this: {error}")),
        };
        match turn {
            Ok(turn) => reply(&json!({ "kind": "turn", "turn": turn })),
            Err(reason) => return reply(&json!({ "kind": "failed", "reason": reason })),
        }
    }
}

#[expect(clippy::print_stdout, reason = "its output is its result")]
fn reply(message: &Value) {
    println!("{message}");
    std::io::stdout().flush().expect("somebody who reads");
}

/// What a session is restored from.
struct Image {
    blob: &'static [u8],
    texts: Texts,
}

fn image_of(file: &str) -> Image {
    let bytes: &'static [u8] = std::fs::read(file).expect("a readable snapshot file").leak();
    let opened = container::open(bytes).expect("a sound snapshot");
    assert!(opened.unpacked.is_none(), "the snapshot must not be compressed");
    let texts = texts::cut(&bytes[opened.texts], &opened.inspected.info.texts).expect("a sound snapshot");
    // SAFETY: the file's bytes are leaked.
    let texts = unsafe { Texts::new(&texts) };
    Image { blob: &bytes[opened.blob], texts }
}

fn turn(blob: Option<&Image>, work: &Work, request: &Request) -> Result<Value, String> {
    match request {
        Request::First { budget_ms } => first(blob, work, *budget_ms),
        Request::Call { size: 0, budget_ms } => call(blob, *budget_ms),
        Request::Call { .. } => Err("it has nobody to send values to".to_owned()),
        Request::Jit => jit(blob, work),
    }
}

/// From nothing to the first answer; the first session of a turn is not counted.
fn first(blob: Option<&Image>, work: &Work, budget_ms: f64) -> Result<Value, String> {
    let (mut samples, mut opened, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let begun = Instant::now();
    for count in 0..=MOST_SESSIONS_A_TURN {
        let started = Instant::now();
        let mut isolate = isolate(blob);
        let (there, ended, answer) = {
            v8::scope!(let scope, &mut isolate);
            let context = context(scope, blob);
            let scope = &mut v8::ContextScope::new(scope, context);
            let there = started.elapsed();
            let answer = evaluate(scope, &work.call).to_rust_string_lossy(scope);
            (there, started.elapsed(), answer)
        };
        check(&answer, &work.expected)?;
        drop(isolate);
        if count == 0 {
            continue;
        }
        let [there, ended] = [there, ended].map(|time| time.as_secs_f64() * 1e3);
        samples.push(ended);
        opened.push(there);
        calls.push(ended - there);
        if count >= 2 && begun.elapsed().as_secs_f64() * 1e3 > budget_ms {
            break;
        }
    }
    Ok(
        json!({ "samples": samples, "figures": { "openMs": median(&mut opened), "callMs": median(&mut calls) } }),
    )
}

/// A call of a function that is there, in µs: V8's own share of a round trip.
fn call(blob: Option<&Image>, budget_ms: f64) -> Result<Value, String> {
    let mut isolate = isolate(blob);
    v8::scope!(let scope, &mut isolate);
    let context = context(scope, blob);
    let scope = &mut v8::ContextScope::new(scope, context);
    let visit = evaluate(scope, "var visits = 0; (() => ++visits)");
    let visit: v8::Local<v8::Function> = visit.try_into().map_err(|_| "not a function".to_owned())?;
    let receiver = v8::undefined(scope).into();
    let mut calls = 0_u32;
    let mut visits = 0.0;
    let mut us = 0.0;
    // The first time is for the compiler.
    for share in [0.1, 1.0] {
        let before = calls;
        let started = Instant::now();
        while calls == before || started.elapsed().as_secs_f64() * 1e3 < budget_ms * share {
            v8::scope!(let scope, scope);
            let answer = visit.call(scope, receiver, &[]).ok_or("it threw")?;
            visits = answer.number_value(scope).ok_or("no number")?;
            calls += 1;
        }
        us = started.elapsed().as_secs_f64() * 1e6 / f64::from(calls - before);
    }
    check(&visits.to_string(), &f64::from(calls).to_string())?;
    Ok(json!({ "samples": [us] }))
}

/// The program once it is compiled, in ms.
fn jit(blob: Option<&Image>, work: &Work) -> Result<Value, String> {
    let mut isolate = isolate(blob);
    v8::scope!(let scope, &mut isolate);
    let context = context(scope, blob);
    let scope = &mut v8::ContextScope::new(scope, context);
    let mut samples = Vec::new();
    for run in -2..3 {
        let started = Instant::now();
        let answer = evaluate(scope, &work.call).to_rust_string_lossy(scope);
        if run >= 0 {
            samples.push(started.elapsed().as_secs_f64() * 1e3);
        }
        check(&answer, &work.expected)?;
    }
    Ok(json!({ "samples": samples }))
}

fn isolate(image: Option<&Image>) -> v8::OwnedIsolate {
    let params = v8::CreateParams::default();
    v8::Isolate::new(match image {
        Some(Image { blob, texts }) => params
            .external_references(texts.references())
            .snapshot_blob(v8::StartupData::from(Cow::Borrowed(*blob))),
        None => params.external_references(Texts::default().references()),
    })
}

fn context<'s>(scope: &v8::PinScope<'s, '_, ()>, blob: Option<&Image>) -> v8::Local<'s, v8::Context> {
    match blob {
        Some(_) => v8::Context::from_snapshot(scope, USER_CONTEXT, v8::ContextOptions::default())
            .expect("the snapshot has a context"),
        None => v8::Context::new(scope, v8::ContextOptions::default()),
    }
}

fn evaluate<'s>(scope: &v8::PinScope<'s, '_>, script: &str) -> v8::Local<'s, v8::Value> {
    let code = v8::String::new(scope, script).expect("a short script");
    let script = v8::Script::compile(scope, code, None).expect("a script that compiles");
    script.run(scope).expect("a script that does not throw")
}

fn check(actual: &str, expected: &str) -> Result<(), String> {
    if actual == expected {
        return Ok(());
    }
    let start = |text: &str| text.chars().take(100).collect::<String>();
    Err(format!("wrong answer: {}, expected {}", start(actual), start(expected)))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
