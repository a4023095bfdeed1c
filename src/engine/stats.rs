//! The figures of one isolate, as `stats()` reports them.

use serde::Serialize;

/// What one isolate uses and has done.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolateStats {
    /// Bytes of living and not yet collected objects in V8's heap.
    pub heap_used_bytes: u64,
    /// Bytes that V8's heap has taken from the system.
    pub heap_total_bytes: u64,
    /// The limit for heap and buffers together, in bytes.
    pub heap_limit_bytes: u64,
    /// Bytes of all living `ArrayBuffer`s.
    pub buffer_bytes: u64,
    /// CPU time of the isolate's thread since it started, in milliseconds.
    pub cpu_ms: f64,
    /// Evaluations and calls that were begun.
    pub calls: u64,
    /// Calls that the guest made to host functions.
    pub host_calls: u64,
    /// How long the session waited for its isolate: from the request until it was ready, in milliseconds.
    pub start_ms: f64,
    /// The process that the isolate lives in.
    pub pid: u32,
}

/// CPU time of the calling thread in milliseconds.
#[cfg(unix)]
pub(crate) fn thread_cpu_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result; the clock exists on every supported Unix.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if status != 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a thread's seconds are far below 2^52")]
    let milliseconds = time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6;
    milliseconds
}

/// CPU time of the calling thread in milliseconds.
#[cfg(windows)]
pub(crate) fn thread_cpu_ms() -> f64 {
    #[repr(C)]
    #[derive(Default)]
    struct FileTime {
        low: u32,
        high: u32,
    }
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentThread() -> *mut std::ffi::c_void;
        fn GetThreadTimes(
            thread: *mut std::ffi::c_void,
            created: *mut FileTime,
            exited: *mut FileTime,
            kernel: *mut FileTime,
            user: *mut FileTime,
        ) -> i32;
    }
    let (mut created, mut exited) = (FileTime::default(), FileTime::default());
    let (mut kernel, mut user) = (FileTime::default(), FileTime::default());
    // SAFETY: takes no argument and returns a pseudo handle that needs no closing.
    let thread = unsafe { GetCurrentThread() };
    // SAFETY: all four places are valid for writes.
    unsafe { GetThreadTimes(thread, &raw mut created, &raw mut exited, &raw mut kernel, &raw mut user) };
    let ticks = |time: &FileTime| (u64::from(time.high) << 32 | u64::from(time.low)) as f64;
    (ticks(&kernel) + ticks(&user)) / 10_000.0
}
