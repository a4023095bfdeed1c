//! What runs in the snapshot helper: evaluates the sources and lets V8 write the heap image.
//!
//! V8 reports most of what it can't capture by aborting, and so does a restore of a heap it should
//! not have captured. Here that is harmless: this process is made for it. The parent learns the
//! phase from the frames sent before, and V8's words from the standard error.

mod creator;
pub(in crate::engine) mod graph;
mod native_objects;
mod parts;
mod promises;
mod rehearsal;
pub(crate) mod script_scopes;
mod surroundings;
mod wasm;

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Instant;

use crate::engine::error::{EngineError, Result};
use crate::engine::inbox::inbox;
use crate::engine::isolate::{self, USER_CONTEXT, create_params};
use crate::engine::lifecycle::Lifecycle;
use crate::engine::limits::fatal;
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::position::Positions;
use crate::engine::process::stdio::{end_process, private_stdout};
use crate::engine::snapshot::ContextData;
use crate::engine::snapshot::build::creator::Image;
use crate::engine::snapshot::build::rehearsal::Surroundings;
use crate::engine::snapshot::build::surroundings::Heap;
use crate::engine::snapshot::protocol::{Base, Built, Frame, Order, Phase};
use crate::engine::snapshot::texts::{self, Texts};
use crate::engine::source::{Source, evaluate};
use crate::engine::{modules, platform, threads};

struct Output {
    frames: Mutex<File>,
    memory_limit_mb: u64,
}

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// The helper's whole life: reads an order from the standard input, builds, answers, ends.
///
/// Never returns: the process ends with status 0 whenever an answer was given.
pub fn run_helper() -> ! {
    fatal::let_process_end();
    let frames = private_stdout();
    let order = Order::read(std::io::stdin());
    let (Some(frames), Some(order)) = (frames, order) else {
        eprintln!("isoseed's snapshot helper is started by isoseed, with an order on its standard input");
        std::process::exit(2);
    };
    OUTPUT.get_or_init(|| Output { frames: Mutex::new(frames), memory_limit_mb: order.memory_limit_mb });
    std::thread::spawn(end_with_parent);
    send_phase(Phase::Start, None);
    let (done, ended) = mpsc::channel();
    let refused = done.clone();
    threads::spawn_isolate_thread(
        "isoseed-build".to_owned(),
        move || {
            // The parent thread waits for this and nothing else.
            let _ = done.send(build(order));
        },
        move |error| {
            let _ = refused.send(Err(EngineError::build(format!("the system refuses a thread: {error}"))));
        },
    );
    match ended.recv() {
        Ok(Ok((built, blob))) => {
            send(&Frame::Built(built));
            send(&Frame::Blob(blob));
        }
        Ok(Err(error)) => send(&Frame::Failed(error)),
        Err(mpsc::RecvError) => send(&Frame::Failed(EngineError::build("the build thread panicked"))),
    }
    end_process()
}

/// Waits for the end of the standard input, which the parent keeps open for as long as it lives.
fn end_with_parent() {
    // Nothing more is sent; whatever comes, the pipe's end or an error, nobody waits for an answer.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    end_process()
}

/// Ends the helper when V8 finds no memory and does not go on.
pub(crate) fn end_out_of_memory() -> ! {
    let limit_mb = OUTPUT.get().map_or(0, |output| output.memory_limit_mb);
    send(&Frame::Failed(out_of_memory(limit_mb)));
    end_process()
}

fn out_of_memory(limit_mb: u64) -> EngineError {
    EngineError::build(format!("the build passed its memoryLimitMb of {limit_mb}"))
}

fn send(frame: &Frame) {
    let (Some(output), Ok(bytes)) = (OUTPUT.get(), frame.to_bytes()) else { return };
    let mut frames = output.frames.lock().unwrap_or_else(PoisonError::into_inner);
    // A parent that is gone needs no answer.
    let _ = frames.write_all(&bytes).and_then(|()| frames.flush());
}

/// Tells the parent what comes next: it reports that to the user, and knows what killed the helper.
fn send_phase(phase: Phase, source: Option<&str>) {
    send(&Frame::Phase(phase, source.map(ToOwned::to_owned)));
}

/// What a build works with.
struct Site {
    order: Order,
    base: Option<&'static [u8]>,
    /// V8's description of the built-ins that it adds late.
    manifest: String,
    positions: Rc<Positions>,
    /// What stays outside of the image, the base's first.
    texts: &'static Texts,
}

impl Site {
    /// The memory that one isolate of the build may use.
    fn limits(&self) -> (Arc<MemoryLimit>, Arc<Lifecycle>) {
        let lifecycle = Lifecycle::new(self.order.memory_limit_mb, inbox().0);
        lifecycle.thread_began();
        (MemoryLimit::new(Arc::clone(&lifecycle)), lifecycle)
    }
}

fn build(mut order: Order) -> Result<(Built, Vec<u8>)> {
    let started = Instant::now();
    // Read by isolates to the end of this process.
    let base = order.base.as_mut().map(|base| &*Box::leak(std::mem::take(&mut base.blob).into_boxed_slice()));
    let texts = texts_of(&order)?;
    let manifest = parts::manifest().ok_or_else(|| EngineError::build("V8 found no memory to begin with"))?;
    let positions = Positions::of_build(std::mem::take(&mut order.maps));
    let site = Site { order, base, manifest, positions, texts };
    let elsewhere = Surroundings::elsewhere();
    let rehearsal = rehearsal::rehearse(&site, elsewhere)?;
    let Image { blob, stack_trace_limit, data, mut warnings, graph, global } =
        creator::create(&site, &rehearsal)?;
    let kept = Heap { graph: &graph, global };
    let again = |surroundings| rehearsal::rehearse(&site, surroundings);
    warnings.extend(surroundings::captured(&rehearsal, kept, elsewhere, again)?);
    warnings.extend(rehearsal.warnings);
    send_phase(Phase::Probe, None);
    let blob: &'static [u8] = Box::leak(blob.into_boxed_slice());
    let (heap_bytes, buffer_bytes) = probe(blob, &site, &data)?;
    let built = Built {
        version_tag: platform::version_tag(),
        heap_bytes,
        buffer_bytes,
        build_ms: started.elapsed().as_secs_f64() * 1e3,
        stack_trace_limit,
        data,
        warnings,
    };
    Ok((built, blob.to_vec()))
}

/// The texts that the image does not hold, for the rest of this process.
fn texts_of(order: &Order) -> Result<&'static Texts> {
    let of_base = match &order.base {
        Some(Base { texts, text_bytes, .. }) => texts::cut(texts, text_bytes),
        None => Some(Vec::new()),
    };
    let mut all =
        of_base.ok_or_else(|| EngineError::build("the base snapshot's texts don't fit its header"))?;
    all.extend(texts::of_request(&order.request));
    let kept: Vec<&'static [u8]> = all.iter().map(|text| &*text.to_vec().leak()).collect();
    // SAFETY: they are leaked, so nothing changes or frees them.
    Ok(Box::leak(Box::new(unsafe { Texts::new(&kept) })))
}

/// Restores the blob once and runs a script in it: a blob that traps does so here.
fn probe(blob: &'static [u8], site: &Site, data: &ContextData) -> Result<(u64, u64)> {
    let (memory, _) = site.limits();
    let params = create_params(&memory, site.texts).snapshot_blob(v8::StartupData::from(Cow::Borrowed(blob)));
    let mut isolate = v8::Isolate::new(params);
    modules::reset(&mut isolate);
    {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::from_snapshot(scope, USER_CONTEXT, v8::ContextOptions::default());
        let context = context.ok_or_else(|| EngineError::build("the heap image holds no context"))?;
        let scope = &mut v8::ContextScope::new(scope, context);
        v8::tc_scope!(let scope, scope);
        isolate::restore_data(scope, data)?;
        let answer = evaluate(scope, &Source::script("1 + 1", "probe"));
        if answer.and_then(|answer| answer.int32_value(scope)) != Some(2) {
            return Err(EngineError::build("a script in the restored heap image does not answer right"));
        }
    }
    modules::clear(&mut isolate);
    let heap = isolate.get_heap_statistics().used_heap_size() as u64;
    Ok((heap, memory.buffer_bytes() as u64))
}
