//! The tokio runtime for what waits: helper processes, deadlines, file reads. Never for guest code.
//!
//! One worker thread, started on first use, never stopped: what it runs are short reactions. Beside it at
//! least one thread for what blocks: a process at its limit of threads has to wait for it, and nothing else.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Files are read and hashed on so many threads at once. They stay, so they are few.
const MOST_BLOCKING: usize = 8;

/// The runtime, started on first use.
///
/// # Panics
/// When the system refuses the runtime's first thread or event queue: without them nothing works.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("isoseed-wait")
            .max_blocking_threads(MOST_BLOCKING)
            .thread_keep_alive(Duration::MAX)
            .enable_all()
            .build()
            .expect("invariant: the system grants one thread and one event queue");
        // Work that blocks has a thread from now on: to ask for the first one when there is none is a panic.
        drop(runtime.spawn_blocking(|| ()));
        runtime
    })
}
