//! The tokio runtime for what waits: helper processes, deadlines, file reads. Never for guest code.
//!
//! One worker thread, started on first use, never stopped: what it runs are short reactions.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// The runtime, started on first use.
///
/// # Panics
/// When the system refuses the runtime's first thread or event queue: without them nothing works.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("isoseed-wait")
            .enable_all()
            .build()
            .expect("invariant: the system grants one thread and one event queue")
    })
}
