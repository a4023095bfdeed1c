//! States against `v8.serialize` with gzip and against JSON: size, and MB of each's own bytes in a second.
//!
//! ```sh
//! cargo bench --no-default-features --bench state
//! ```
//!
//! States are measured through the engine, the others in a `node` of the `PATH`, on the same values. The
//! least of some runs counts: whatever else the machine does only adds.

use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use isoseed::engine::handle::{Codegen, IsolateHandle, Seed, SessionOptions};
use isoseed::engine::host_call::{Host, HostCall};
use isoseed::engine::lifecycle::{Reply, Settle};
use isoseed::engine::modules::SessionModules;
use isoseed::engine::source::Source;
use isoseed::engine::state::{Exported, StateLimits, StateRequest};
use isoseed::engine::value::ValueLimits;

const RUNS: usize = 7;
const LIMIT: Duration = Duration::from_secs(120);

/// What is kept, as JavaScript. All of it is JSON, too, but for the last two.
const VALUES: [(&str, &str); 5] = [
    (
        "records",
        "Array.from({ length: 20000 }, (_, i) => ({ id: i, name: 'customer ' + i, email: `c${i}@example.com`, active: i % 3 > 0, \
         score: i / 7, tags: ['a' + i % 9, 'b'], address: { city: 'city ' + i % 100, zip: String(10000 + i) } }))",
    ),
    ("numbers", "Array.from({ length: 300000 }, (_, i) => i * 1.5)"),
    ("text", "Array.from({ length: 2000 }, (_, i) => ('paragraph ' + i + ' ').repeat(60))"),
    (
        "maps",
        "new Map(Array.from({ length: 30000 }, (_, i) => ['key' + i, { at: new Date(i * 1e6), set: new Set([i, i + 1]) }]))",
    ),
    ("bytes", "new Uint8Array(8 << 20).map((_, i) => i * 7)"),
];

/// Prints size and milliseconds of writing and reading, for `v8.serialize` with gzip and for JSON.
const NODE: &str = "
const v8 = require('node:v8'), zlib = require('node:zlib');
const value = eval(process.argv[1]);
const least = (work) => { let least = Infinity; for (let i = 0; i < 7; i++) { const began = performance.now(); work(); least = Math.min(least, performance.now() - began) } return least };
const packed = zlib.gzipSync(v8.serialize(value));
console.log(packed.length, least(() => zlib.gzipSync(v8.serialize(value))), least(() => v8.deserialize(zlib.gunzipSync(packed))));
const plain = v8.serialize(value);
console.log(plain.length, least(() => v8.serialize(value)), least(() => v8.deserialize(plain)));
const text = JSON.stringify(value) ?? '';
console.log(text.length, least(() => JSON.stringify(value)), least(() => text && JSON.parse(text)));
";

struct Nobody;

impl Host for Nobody {
    fn call(&self, _: HostCall) {}
    fn release(&self, _: Vec<(u32, u32)>) {}
}

fn session() -> SessionOptions {
    SessionOptions {
        sources: Vec::new(),
        timeout: Some(LIMIT),
        globals: b"\xff\x0fo{\0\0".to_vec(),
        bindings: Vec::new(),
        sync_bindings: Vec::new(),
        host_has_float16: false,
        host: Arc::new(Nobody),
        cpu_limit: None,
        codegen: Codegen::default(),
        modules: SessionModules::default(),
        listener: None,
        value_limits: ValueLimits::default(),
        keeps_state: true,
    }
}

fn answer(request: impl FnOnce(Settle)) -> Reply {
    let (sender, receiver) = mpsc::channel();
    request(Box::new(move |reply| drop(sender.send(reply))));
    receiver.recv().expect("every request is answered").expect("it succeeds")
}

fn open() -> IsolateHandle {
    let mut opened = None;
    let seed = Seed { snapshot: None, memory_limit_mb: 1024 };
    answer(|settle| {
        opened = Some(IsolateHandle::start(seed, session(), 1, settle).expect("a limit that fits"));
    });
    opened.expect("it is there")
}

fn request() -> StateRequest {
    StateRequest { state: "state".to_owned(), keep_globals: false, limits: StateLimits::default() }
}

fn export(isolate: &IsolateHandle) -> Exported {
    match answer(|settle| isolate.export_state(2, request(), false, Some(LIMIT), settle)) {
        Reply::State(exported) => *exported,
        reply => panic!("a state was asked for, not {reply:?}"),
    }
}

fn least(mut work: impl FnMut()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e3
    });
    times.fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "that is what it is for")]
fn print(value: &str, form: &str, bytes: usize, write_ms: f64, read_ms: f64) {
    let speed = |ms: f64| bytes as f64 / 1e6 / (ms / 1e3);
    println!(
        "{value:<9} {form:<18} {:>10.3} MB {:>9.2} ms {:>7.0} MB/s {:>9.2} ms {:>7.0} MB/s",
        bytes as f64 / 1e6,
        write_ms,
        speed(write_ms),
        read_ms,
        speed(read_ms)
    );
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    println!("{:<9} {:<18} {:>13} {:>25} {:>25}", "value", "form", "size", "writing", "reading");
    for (name, value) in VALUES {
        let (writer, reader) = (open(), open());
        let code = format!("globalThis.state = {value}; 0");
        answer(|settle| writer.eval(3, Source::script(code, "value.js"), Some(LIMIT), settle));
        let exported = export(&writer);
        let write_ms = least(|| drop(export(&writer)));
        let read_ms = least(|| {
            let bytes = exported.bytes.clone();
            answer(|settle| reader.import_state(4, bytes, request(), Some(LIMIT), settle));
        });
        let mut packed = 0;
        let pack_ms =
            least(|| packed = zstd::bulk::compress(&exported.bytes, 3).map_or(0, |packed| packed.len()));
        print(name, "state", exported.bytes.len(), write_ms, read_ms);
        print(name, "state + zstd", packed, write_ms + pack_ms, read_ms);
        let output =
            Command::new("node").args(["-e", NODE, "--", value]).output().expect("node is in the PATH");
        let lines = String::from_utf8_lossy(&output.stdout);
        for (form, line) in ["v8.serialize + gzip", "v8.serialize", "JSON"].iter().zip(lines.lines()) {
            let figures: Vec<f64> = line.split(' ').filter_map(|figure| figure.parse().ok()).collect();
            if let [bytes, write_ms, read_ms] = figures[..] {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
                print(name, form, bytes as usize, write_ms, read_ms);
            }
        }
    }
}
