//! The figures of the isolate, as its own thread finds them.

use crate::engine::limits::memory::external_bytes;
use crate::engine::session::Ground;
use crate::engine::stats::{IsolateStats, milliseconds, nanoseconds};
use crate::engine::worker::Worker;

impl<G: Ground> Worker<'_, G> {
    pub(super) fn stats(&mut self) -> IsolateStats {
        let (heap, external_bytes) =
            self.ground.enter(|scope| (scope.get_heap_statistics(), external_bytes(scope)));
        let cpu_ns = nanoseconds(self.lifecycle.cpu());
        let (guest_references, host_references) = self.guest.remote.counts();
        IsolateStats {
            heap_used_bytes: heap.used_heap_size() as u64,
            heap_total_bytes: heap.total_heap_size() as u64,
            heap_limit_bytes: self.memory.bytes() as u64,
            buffer_bytes: self.memory.buffer_bytes() as u64,
            cpu_ms: milliseconds(cpu_ns),
            calls: self.calls.get(),
            host_calls: self.guest.host_calls(),
            guest_references: guest_references as u64,
            host_references: host_references as u64,
            start_ms: self.start_ms.get(),
            pid: std::process::id(),
            external_bytes: external_bytes as u64,
            cpu_ns,
            wall_ns: nanoseconds(self.observer.ran.get()),
            restore_us: nanoseconds(self.restore) / 1000,
            pending_calls: self.lifecycle.pending_requests().saturating_sub(1) as u64,
            pending_host_calls: self.guest.waiting_calls() as u64,
            uncaught_errors: self.observer.uncaught.get(),
            console_entries: self.observer.console_entries(),
        }
    }
}
