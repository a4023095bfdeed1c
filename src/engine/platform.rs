//! V8's process-wide state: flags, platform, the root thread and the keeper isolate.
//!
//! V8 starts once and never stops. One root thread initialises it and spawns every isolate thread,
//! so that all of them descend from it (V8 may protect its code memory by thread ancestry). The
//! keeper isolate, parked on the root thread, keeps the shared read-only heap of V8's default image
//! alive: every isolate of the process shares it, whichever blob it was restored from.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::limits::fatal;
use crate::engine::runtime::runtime;
use crate::engine::threads::{self, Work};

/// Flags that change what a heap image is. Builder and runner set the same ones.
///
/// Without `--no-extensible-ro-snapshot` every blob brings its own read-only heap, and two of them
/// in one process corrupt each other silently. `--enable-sharedarraybuffer-per-context` leaves the
/// global `SharedArrayBuffer` out: an isolate has no second thread to share memory with, and V8 neither
/// asks for a growable one's memory nor counts it (V8 `src/flags/flag-definitions.h`).
///
/// Without `--no-turboshaft-loop-unrolling` a guest can have a loop compiled that nothing ever stops:
/// `for (;;) all.push(new Array(1000))`. V8 leaves out the look at its interrupts in loops that are short, such
/// as the one that fills the new array. That one has none, so the next loop's is left out, the endless one's
/// (`LoopStackCheckElisionReducer`; WebAssembly's loops are looked at all the same).
///
/// `--max-optimized-bytecode-size`: the optimising compilers need memory in the square of a function's size,
/// on threads that serve all isolates and that no limit of an isolate covers: 480 MB for one of 30 KB. V8's own
/// bound is 60 KB; longer functions than ours run as baseline code.
///
/// Without `--no-minor-gc-task` V8 asks for a task with each collection of the young generation, thousands a
/// second where a guest allocates. They are done between turns, so a long turn would pile them up.
pub const FLAGS: &str = "--no-extensible-ro-snapshot --enable-sharedarraybuffer-per-context \
    --no-turboshaft-loop-unrolling --max-optimized-bytecode-size=16384 --no-minor-gc-task";

static VERSION_TAG: OnceLock<u32> = OnceLock::new();

/// Takes what threads are wanted for.
pub(super) fn root() -> &'static Sender<Work> {
    static ROOT: OnceLock<Sender<Work>> = OnceLock::new();
    ROOT.get_or_init(|| {
        let (sender, wanted) = mpsc::channel::<Work>();
        // When even this thread is refused the receiver is dropped, and whoever wants a thread is told.
        let _ = thread::Builder::new().name("isoseed-root".into()).stack_size(threads::STACK_BYTES).spawn(
            move || {
                initialize();
                let _keeper = v8::Isolate::new(v8::CreateParams::default());
                wanted.into_iter().for_each(threads::start);
            },
        );
        sender
    })
}

fn initialize() {
    v8::V8::set_flags_from_string(FLAGS);
    v8::V8::set_fatal_error_handler(fatal::on_fatal_error);
    // Its own way opens a file and reads a page of it, three times for each isolate.
    v8::V8::set_entropy_source(|bytes| getrandom::fill(bytes).is_ok());
    let platform = v8::new_custom_platform(0, false, true, ForegroundTasks).make_shared();
    v8::V8::initialize_platform(platform);
    v8::V8::initialize();
    // Set once: this runs once.
    let _ = VERSION_TAG.set(v8::script_compiler::cached_data_version_tag());
}

/// What identifies a heap image's maker: V8's own tag over its version and its flags
/// (`ScriptCompiler::CachedDataVersionTag`).
///
/// Starts V8 unless it runs, and waits until the flags are set: not for the host's thread.
pub(crate) fn version_tag() -> u32 {
    root();
    *VERSION_TAG.wait()
}

type TaskSink = Arc<dyn Fn(v8::Task) + Send + Sync>;

fn task_sinks() -> MutexGuard<'static, HashMap<usize, TaskSink>> {
    static SINKS: OnceLock<Mutex<HashMap<usize, TaskSink>>> = OnceLock::new();
    SINKS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers V8's foreground tasks of one isolate (asynchronous WebAssembly compilation,
/// finalization callbacks) to its thread. Dropped before the isolate is.
pub(crate) struct TaskRoute(usize);

impl TaskRoute {
    /// Routes the tasks of `isolate` into `sink`, which must hand them to the isolate's thread.
    pub(crate) fn new(isolate: &v8::Isolate, sink: impl Fn(v8::Task) + Send + Sync + 'static) -> Self {
        // SAFETY: `isolate` is a live reference; the pointer is only compared, never followed.
        let raw = unsafe { isolate.as_raw_isolate_ptr() };
        let key = raw_address(raw);
        task_sinks().insert(key, Arc::new(sink));
        Self(key)
    }
}

impl Drop for TaskRoute {
    fn drop(&mut self) {
        task_sinks().remove(&self.0);
    }
}

fn raw_address(pointer: v8::UnsafeRawIsolatePtr) -> usize {
    // SAFETY: `UnsafeRawIsolatePtr` is `repr(transparent)` over one raw pointer, so it has the size
    // of `usize`; the number is only compared.
    unsafe { std::mem::transmute::<v8::UnsafeRawIsolatePtr, usize>(pointer) }
}

struct ForegroundTasks;

impl ForegroundTasks {
    /// A task of an isolate without a route (one that is being created or torn down, or a snapshot
    /// creator) is dropped: V8 allows that, the work it stands for is optional there.
    fn deliver(isolate: usize, task: v8::Task) {
        let sink = task_sinks().get(&isolate).map(Arc::clone);
        if let Some(sink) = sink {
            sink(task);
        }
    }

    fn deliver_later(isolate: usize, task: v8::Task, delay_in_seconds: f64) {
        let delay = Duration::try_from_secs_f64(delay_in_seconds).unwrap_or(Duration::ZERO);
        runtime().spawn(async move {
            tokio::time::sleep(delay).await;
            Self::deliver(isolate, task);
        });
    }
}

impl v8::PlatformImpl for ForegroundTasks {
    fn post_task(&self, isolate: *mut c_void, task: v8::Task) {
        Self::deliver(isolate as usize, task);
    }

    fn post_non_nestable_task(&self, isolate: *mut c_void, task: v8::Task) {
        Self::deliver(isolate as usize, task);
    }

    fn post_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        Self::deliver_later(isolate as usize, task, delay_in_seconds);
    }

    fn post_non_nestable_delayed_task(&self, isolate: *mut c_void, task: v8::Task, delay_in_seconds: f64) {
        Self::deliver_later(isolate as usize, task, delay_in_seconds);
    }

    fn post_idle_task(&self, _isolate: *mut c_void, task: v8::IdleTask) {
        drop(task);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_turn_that_allocates_asks_for_no_tasks() {
        version_tag();
        let (tell, told) = mpsc::channel();
        let work = move || {
            let mut isolate = v8::Isolate::new(v8::CreateParams::default());
            let tasks = Arc::new(AtomicU32::new(0));
            let asked = Arc::clone(&tasks);
            let route = TaskRoute::new(&isolate, move |_task| {
                asked.fetch_add(1, Ordering::Relaxed);
            });
            {
                v8::scope!(let scope, &mut isolate);
                let context = v8::Context::new(scope, v8::ContextOptions::default());
                let scope = &mut v8::ContextScope::new(scope, context);
                let code = "for (let i = 0; i < 1e6; i++) globalThis.kept = [i, { i }]";
                let code = v8::String::new(scope, code).expect("it is short");
                let script = v8::Script::compile(scope, code, None).expect("it is right");
                script.run(scope).expect("it throws nothing");
            }
            drop(route);
            // The test waits for it.
            let _ = tell.send(tasks.load(Ordering::Relaxed));
        };
        threads::spawn_isolate_thread("isoseed-test".to_owned(), work, |error| panic!("{error}"));
        assert_eq!(told.recv().expect("it runs"), 0);
    }
}
