//! What runs in the snapshot helper: evaluates the sources and lets V8 write the heap image.
//!
//! V8 reports most of what it can't capture by aborting, and so does a restore of a heap it should
//! not have captured. Here that is harmless: this process is made for it. The parent learns the
//! phase from the frames sent before, and V8's words from the standard error.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Instant;

use crate::engine::error::{EngineError, Result};
use crate::engine::exception::describe;
use crate::engine::host_call;
use crate::engine::isolate::{USER_CONTEXT, create_params};
use crate::engine::lifecycle::{Lifecycle, Stop};
use crate::engine::limits::fatal;
use crate::engine::limits::memory::MemoryLimit;
use crate::engine::platform;
use crate::engine::snapshot::preflight::{Preflight, Report};
use crate::engine::snapshot::protocol::{Built, Frame, Order, Phase};
use crate::engine::snapshot::request::BuildRequest;
use crate::engine::source::{Source, evaluate};
use crate::engine::value::Encoder;

/// Collections before the blob: weak callbacks of one may free what the next one finds.
const COLLECTIONS: usize = 2;

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
    let (Some(frames), Some(Order { request, memory_limit_mb })) = (frames, order) else {
        eprintln!("isoseed's snapshot helper is started by isoseed, with an order on its standard input");
        std::process::exit(2);
    };
    let output = OUTPUT.get_or_init(|| Output { frames: Mutex::new(frames), memory_limit_mb });
    std::thread::spawn(end_with_parent);
    send(&Frame::Phase(Phase::Start));
    let (done, ended) = mpsc::channel();
    let refused = done.clone();
    platform::spawn_isolate_thread(
        "isoseed-build".to_owned(),
        move || {
            // The parent thread waits for this and nothing else.
            let _ = done.send(build(&request, output.memory_limit_mb));
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

/// Ends at once: V8's threads may be anywhere, and nothing of this process is needed any more.
fn end_process() -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(0) }
}

fn send(frame: &Frame) {
    let (Some(output), Ok(bytes)) = (OUTPUT.get(), frame.to_bytes()) else { return };
    let mut frames = output.frames.lock().unwrap_or_else(PoisonError::into_inner);
    // A parent that is gone needs no answer.
    let _ = frames.write_all(&bytes).and_then(|()| frames.flush());
}

/// The standard output as a file of its own; what V8 prints goes to the standard error from now on.
#[cfg(unix)]
fn private_stdout() -> Option<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: descriptor 1 may be duplicated in any state; a failure is reported as -1.
    let copy = unsafe { libc::dup(1) };
    // SAFETY: as above, for both descriptors.
    let redirected = unsafe { libc::dup2(2, 1) };
    if copy < 0 || redirected < 0 {
        return None;
    }
    // SAFETY: `copy` was just made and belongs to nobody else.
    Some(unsafe { File::from_raw_fd(copy) })
}

/// The standard output as a file of its own. V8 writes to the C runtime's handles, which are not
/// this one.
#[cfg(windows)]
fn private_stdout() -> Option<File> {
    use std::os::windows::io::AsHandle;
    let copy = std::io::stdout().as_handle().try_clone_to_owned().ok()?;
    // SAFETY: descriptors 1 and 2 may be duplicated in any state; a failure is reported as -1.
    let redirected = unsafe { libc::dup2(2, 1) };
    (redirected >= 0).then(|| File::from(copy))
}

fn build(request: &BuildRequest, memory_limit_mb: u64) -> Result<(Built, Vec<u8>)> {
    let started = Instant::now();
    let lifecycle = Lifecycle::new(memory_limit_mb);
    let memory = MemoryLimit::new(Arc::clone(&lifecycle));
    let (blob, report) = create_blob(request, &memory, &lifecycle)?;
    send(&Frame::Phase(Phase::Probe));
    // The blob lives as long as this process.
    let blob: &'static [u8] = Box::leak(blob.into_boxed_slice());
    let (heap_bytes, buffer_bytes) = probe(blob, memory_limit_mb)?;
    let built = Built {
        version_tag: platform::version_tag(),
        heap_bytes,
        buffer_bytes,
        build_ms: started.elapsed().as_secs_f64() * 1e3,
        stack_trace_limit: report.stack_trace_limit,
        warnings: Vec::new(),
    };
    Ok((built, blob.to_vec()))
}

fn create_blob(
    request: &BuildRequest,
    memory: &Arc<MemoryLimit>,
    lifecycle: &Arc<Lifecycle>,
) -> Result<(Vec<u8>, Report)> {
    let mut creator = v8::Isolate::snapshot_creator(None, Some(create_params(memory)));
    creator.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    let encoder = Encoder { limit: memory.bytes(), host_has_float16: false };
    memory.enforce(&mut creator);
    lifecycle.isolate_created(creator.thread_safe_handle());
    lifecycle.begin_turn(None);
    let outcome = {
        v8::scope!(let scope, &mut creator);
        let untouched = v8::Context::new(scope, v8::ContextOptions::default());
        scope.set_default_context(untouched);
        let context = v8::Context::new(scope, v8::ContextOptions::default());
        let outcome = {
            let scope = &mut v8::ContextScope::new(scope, context);
            run_sources(scope, request, &encoder)
        };
        let index = scope.add_context(context);
        debug_assert_eq!(index, USER_CONTEXT);
        outcome
    };
    let stop = lifecycle.end_turn();
    // A creator must not be dropped without its blob; this process ends without unwinding it.
    let report = match (outcome, stop) {
        (_, Some(Stop::MemoryLimit)) => {
            std::mem::forget(creator);
            return Err(out_of_memory((memory.bytes() >> 20) as u64));
        }
        (Err(error), _) => {
            std::mem::forget(creator);
            return Err(error);
        }
        (Ok(report), _) => report,
    };
    for _ in 0..COLLECTIONS {
        creator.clear_kept_objects();
        creator.low_memory_notification();
    }
    send(&Frame::Phase(Phase::Serialize));
    let blob = creator.create_blob(v8::FunctionCodeHandling::Keep);
    let blob = blob.ok_or_else(|| EngineError::build("V8 made no heap image"))?;
    Ok((blob.to_vec(), report))
}

fn run_sources(scope: &mut v8::PinScope, request: &BuildRequest, encoder: &Encoder) -> Result<Report> {
    let no_memory = || EngineError::build("V8 found no memory to begin with");
    let preflight = Preflight::prepare(scope).ok_or_else(no_memory)?;
    host_call::install(scope, &request.bindings).map_err(|_| no_memory())?;
    for (role, source) in request.sources() {
        send(&Frame::Phase(Phase::Evaluate));
        v8::tc_scope!(let scope, scope);
        let is_done = evaluate(scope, source).is_some();
        scope.perform_microtask_checkpoint();
        if is_done {
            continue;
        }
        let Some(exception) = scope.exception().filter(|_| scope.can_continue()) else {
            return Err(EngineError::build(format!("the {role} was stopped")));
        };
        let message = scope.message();
        scope.reset();
        let cause = describe(scope, exception, message, encoder);
        let at = if source.name.is_empty() { String::new() } else { format!(" ({})", source.name) };
        return Err(EngineError::SnapshotBuild {
            message: format!("the {role}{at} threw while the snapshot was built: {cause}"),
            cause: Some(Box::new(cause)),
        });
    }
    v8::tc_scope!(let scope, scope);
    let report = preflight.check(scope).ok_or_else(no_memory)?;
    if report.findings.is_empty() {
        Ok(report)
    } else {
        Err(EngineError::SnapshotUnsafe { findings: report.findings })
    }
}

/// Restores the blob once and runs a script in it: a blob that traps does so here.
fn probe(blob: &'static [u8], memory_limit_mb: u64) -> Result<(u64, u64)> {
    let memory = MemoryLimit::new(Lifecycle::new(memory_limit_mb));
    let params = create_params(&memory).snapshot_blob(v8::StartupData::from(Cow::Borrowed(blob)));
    let mut isolate = v8::Isolate::new(params);
    {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::from_snapshot(scope, USER_CONTEXT, v8::ContextOptions::default());
        let context = context.ok_or_else(|| EngineError::build("the heap image holds no context"))?;
        let scope = &mut v8::ContextScope::new(scope, context);
        v8::tc_scope!(let scope, scope);
        let script = Source { code: "1 + 1".to_owned(), name: "probe".to_owned() };
        let answer = evaluate(scope, &script).and_then(|answer| answer.int32_value(scope));
        if answer != Some(2) {
            return Err(EngineError::build("a script in the restored heap image does not answer right"));
        }
    }
    let heap = isolate.get_heap_statistics().used_heap_size() as u64;
    Ok((heap, memory.buffer_bytes() as u64))
}
