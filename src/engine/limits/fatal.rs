//! What happens when V8 gives up: it calls one of these handlers and would then end the process.
//!
//! In a host the thread is parked for good instead, and its isolate is reported lost: the heap may
//! be half-changed and locks held, so nothing of it may run again, but the rest of the process goes
//! on. In a snapshot helper the process is meant to end, with V8's words on its standard error.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::engine::lifecycle::Lifecycle;

static PROCESS_MAY_END: AtomicBool = AtomicBool::new(false);
static PROCESS_IS_BOUNDED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static CURRENT: RefCell<Option<Arc<Lifecycle>>> = const { RefCell::new(None) };
}

/// From now on a fatal error of V8 ends this process: it is a snapshot helper.
pub(crate) fn let_process_end() {
    PROCESS_MAY_END.store(true, Ordering::Relaxed);
}

/// From now on this process has, or has not, a bound to its memory that is made for its one isolate:
/// when the system refuses V8 memory, the isolate has passed its limit.
pub(crate) fn process_is_bounded(is_bounded: bool) {
    PROCESS_IS_BOUNDED.store(is_bounded, Ordering::Relaxed);
}

/// Whether this is a snapshot helper.
pub(crate) fn process_may_end() -> bool {
    PROCESS_MAY_END.load(Ordering::Relaxed)
}

/// Whether this thread is an isolate's.
#[cfg(target_os = "linux")]
pub(crate) fn is_watched() -> bool {
    CURRENT
        .try_with(|current| current.try_borrow().is_ok_and(|current| current.is_some()))
        .unwrap_or_default()
}

/// While it lives, a fatal error on its thread belongs to an isolate.
pub(crate) struct Watched;

/// Names the isolate that a fatal error on this thread belongs to.
pub(crate) fn watch_thread(lifecycle: Arc<Lifecycle>) -> Watched {
    CURRENT.set(Some(lifecycle));
    Watched
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(CURRENT.take());
    }
}

/// For `v8::V8::set_fatal_error_handler`: a failed check inside V8.
pub(crate) fn on_fatal_error(_file: &str, _line: i32, message: &str) {
    if !PROCESS_MAY_END.load(Ordering::Relaxed) {
        lose_thread(message, false);
    }
}

/// For `Isolate::set_oom_error_handler`: V8 found no memory and does not go on.
pub(crate) unsafe extern "C" fn on_out_of_memory(location: *const c_char, details: &v8::OomDetails) {
    if PROCESS_MAY_END.load(Ordering::Relaxed) {
        // The helper's memory limit was passed in one allocation too large for its callback.
        crate::engine::snapshot::build::end_out_of_memory();
    }
    // SAFETY: V8 passes a static, NUL-terminated string.
    let location = unsafe { CStr::from_ptr(location) };
    let is_limit = details.is_heap_oom || PROCESS_IS_BOUNDED.load(Ordering::Relaxed);
    lose_thread(&format!("out of memory in {}", location.to_string_lossy()), is_limit);
}

/// Parks the calling thread for good, and reports its isolate lost.
pub(crate) fn lose_thread(words: &str, heap_is_full: bool) -> ! {
    let lifecycle = CURRENT.with(|current| current.try_borrow().ok().and_then(|current| current.clone()));
    if let Some(lifecycle) = lifecycle {
        lifecycle.lost(words, heap_is_full);
    }
    loop {
        thread::park();
    }
}
