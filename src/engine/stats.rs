//! The figures of one isolate, as `stats()` reports them.

use serde::Serialize;

use crate::engine::limits::cpu::ThreadClock;

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
    /// Functions and streams of the guest that the host refers to.
    pub guest_references: u64,
    /// Functions and streams of the host that the guest refers to.
    pub host_references: u64,
    /// How long the session waited for its isolate: from the request until it was ready, in milliseconds.
    pub start_ms: f64,
}

/// CPU time of the calling thread in milliseconds.
pub(crate) fn thread_cpu_ms() -> f64 {
    let used = ThreadClock::of_this_thread().and_then(|clock| clock.read());
    used.map_or(0.0, |used| used.as_secs_f64() * 1e3)
}
