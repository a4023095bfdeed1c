//! The figures of one isolate, as `stats()` reports them.

use std::time::Duration;

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
    /// Functions and streams of the guest that the host refers to.
    pub guest_references: u64,
    /// Functions and streams of the host that the guest refers to.
    pub host_references: u64,
    /// How long the session waited for its isolate: from the request until it was ready, in milliseconds.
    pub start_ms: f64,
    /// The process that the isolate lives in.
    pub pid: u32,
    /// Bytes outside V8's heap: `ArrayBuffer`s and WebAssembly memories.
    pub external_bytes: u64,
    /// CPU time of the isolate's thread since it started, in nanoseconds.
    pub cpu_ns: u64,
    /// How long guest code ran, by the clock on the wall, in nanoseconds.
    pub wall_ns: u64,
    /// How long V8 took to make the isolate and its context, in microseconds.
    pub restore_us: u64,
    /// Requests that wait for an answer, this one apart.
    pub pending_calls: u64,
    /// Calls of host functions that wait for the host.
    pub pending_host_calls: u64,
    /// Errors that nobody caught.
    pub uncaught_errors: u64,
    /// Calls of `console` methods that made an entry.
    pub console_entries: u64,
}

/// A duration in nanoseconds; 2^64 of them are more than 500 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days, and only digits are lost")]
pub(crate) fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
