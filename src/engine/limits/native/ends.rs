//! Where V8, its C++ library or Rust would end the process.
//!
//! V8 tells its embedder of most fatal errors, but prints what it knows first, and of some it tells nobody.
//! Here the thread of an isolate is parked before any of that (`limits::fatal`). A thread that is no
//! isolate's ends the process as ever, and so does a snapshot's builder.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::uncharged;
use crate::engine::limits::fatal;

unsafe extern "C" {
    fn __real_abort() -> !;
    #[link_name = "__real__ZN2v84base2OS5AbortEv"]
    fn real_v8_abort() -> !;
    #[link_name = "__real__ZN2v84base8FatalOOMENS0_7OOMTypeEPKc"]
    fn real_v8_fatal_oom(kind: c_int, location: *const c_char) -> !;
    #[link_name = "__real__ZN2v88internal2V823FatalProcessOutOfMemoryEPNS0_7IsolateEPKcRKNS_10OOMDetailsE"]
    fn real_v8_out_of_memory(
        isolate: *mut c_void,
        location: *const c_char,
        details: *const v8::OomDetails,
    ) -> !;
}

/// Parks the thread when it is an isolate's in a host.
fn park(words: &str, is_heap: bool) {
    if fatal::is_watched() && !fatal::process_may_end() {
        uncharged(|| fatal::lose_thread(words, is_heap));
    }
}

/// As `park`, in words that name a place in V8.
fn park_out_of_memory(location: *const c_char, is_heap: bool) {
    // SAFETY: V8 passes static, NUL-terminated strings.
    let location = unsafe { CStr::from_ptr(location) };
    park(&format!("out of memory in {}", location.to_string_lossy()), is_heap);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_abort() -> ! {
    park("a library aborted", false);
    // SAFETY: nothing of this function is to happen afterwards.
    unsafe { __real_abort() }
}

/// `v8::base::OS::Abort()`
#[unsafe(export_name = "__wrap__ZN2v84base2OS5AbortEv")]
unsafe extern "C" fn v8_abort() -> ! {
    park("V8 aborted", false);
    // SAFETY: nothing of this function is to happen afterwards.
    unsafe { real_v8_abort() }
}

/// `v8::base::FatalOOM(OOMType, const char*)`
#[unsafe(export_name = "__wrap__ZN2v84base8FatalOOMENS0_7OOMTypeEPKc")]
unsafe extern "C" fn v8_fatal_oom(kind: c_int, location: *const c_char) -> ! {
    park_out_of_memory(location, false);
    // SAFETY: the caller's own arguments.
    unsafe { real_v8_fatal_oom(kind, location) }
}

/// `v8::internal::V8::FatalProcessOutOfMemory(Isolate*, const char*, const OOMDetails&)`
#[unsafe(export_name = "__wrap__ZN2v88internal2V823FatalProcessOutOfMemoryEPNS0_7IsolateEPKcRKNS_10OOMDetailsE")]
unsafe extern "C" fn v8_out_of_memory(
    isolate: *mut c_void,
    location: *const c_char,
    details: *const v8::OomDetails,
) -> ! {
    // SAFETY: V8 passes the details by reference.
    let is_heap = unsafe { (*details).is_heap_oom };
    park_out_of_memory(location, is_heap);
    // SAFETY: the caller's own arguments.
    unsafe { real_v8_out_of_memory(isolate, location, details) }
}
