//! One build for each key however many ask at once, and the built snapshots in memory.
//!
//! Process-wide, so that the Worker threads of one host share it. The least recently used snapshots
//! are dropped when all together pass a bound; a snapshot lives on as long as anyone holds it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::oneshot;

use crate::engine::error::{EngineError, Result};
use crate::engine::runtime::runtime;
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::helper::{self, BuildOrder, HelperProgram, Progress};

/// The cached snapshots together may take this much memory.
const LARGEST_CACHE_BYTES: usize = 256 * 1024 * 1024;

type Settle = Box<dyn FnOnce(Result<Arc<Snapshot>>) + Send>;
/// Hears what a build is doing, on another thread.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Who waits for a build.
struct Waiter {
    id: u64,
    settle: Settle,
    on_progress: Option<OnProgress>,
}

/// A build that runs, and who waits for it.
struct Flight {
    key: String,
    waiters: Vec<Waiter>,
    /// Dropped with the flight: then the build ends, if it runs still.
    _cancel: oneshot::Sender<()>,
}

#[derive(Default)]
struct Cache {
    /// The most recently used last.
    built: Vec<Arc<Snapshot>>,
    flights: HashMap<u64, Flight>,
    next: u64,
}

fn cache() -> MutexGuard<'static, Cache> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place among those who wait for a build. Dropping it does nothing; `cancel` leaves.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    flight: u64,
    waiter: u64,
}

impl Ticket {
    /// Leaves: `settle` is not called any more. The last one to leave ends the build.
    pub fn cancel(self) {
        let mut cache = cache();
        let Some(flight) = cache.flights.get_mut(&self.flight) else { return };
        let waiters = std::mem::take(&mut flight.waiters);
        let (left, stays): (Vec<_>, Vec<_>) =
            waiters.into_iter().partition(|waiter| waiter.id == self.waiter);
        flight.waiters = stays;
        if flight.waiters.is_empty() {
            cache.flights.remove(&self.flight);
        }
        drop(cache);
        drop(left);
    }
}

/// Builds a snapshot, or joins the build of the same key, or takes it from the cache. `settle` is
/// called once, on another thread. With `use_cache` off a build of its own is made, and not kept.
///
/// Who joins a running build shares its limits.
pub fn build(
    helper: HelperProgram,
    order: BuildOrder,
    use_cache: bool,
    on_progress: Option<OnProgress>,
    settle: impl FnOnce(Result<Arc<Snapshot>>) + Send + 'static,
) -> Ticket {
    let key = order.request.key();
    let mut cache = cache();
    cache.next += 1;
    let waiter = cache.next;
    if use_cache {
        if let Some(at) = cache.built.iter().position(|snapshot| snapshot.info().key == key) {
            let snapshot = cache.built.remove(at);
            cache.built.push(Arc::clone(&snapshot));
            runtime().spawn(async move { settle(Ok(snapshot)) });
            return Ticket { flight: waiter, waiter };
        }
        if let Some((id, flight)) = cache.flights.iter_mut().find(|(_, flight)| flight.key == key) {
            flight.waiters.push(Waiter { id: waiter, settle: Box::new(settle), on_progress });
            return Ticket { flight: *id, waiter };
        }
    }
    let flight = waiter;
    // A build that is not shared has no key to be found by.
    let shared_key = if use_cache { key.clone() } else { String::new() };
    let waiters = vec![Waiter { id: waiter, settle: Box::new(settle), on_progress }];
    let (cancel, cancelled) = oneshot::channel();
    cache.flights.insert(flight, Flight { key: shared_key, waiters, _cancel: cancel });
    drop(cache);
    runtime().spawn(async move {
        // In a task of its own, so that a panic reaches the waiters.
        let built = tokio::spawn(async move {
            let bytes =
                helper::build(&helper, order, key, cancelled, |progress| tell(flight, &progress)).await?;
            // Hashing megabytes would hold up the deadlines that share this thread.
            let checked = tokio::task::spawn_blocking(|| Snapshot::from_bytes(bytes)).await;
            checked.unwrap_or_else(|error| Err(EngineError::build(format!("the check failed: {error}"))))
        });
        let outcome =
            built.await.unwrap_or_else(|error| Err(EngineError::build(format!("the build failed: {error}"))));
        land(flight, &outcome, use_cache);
    });
    Ticket { flight, waiter }
}

/// Tells all who wait what their build is doing.
fn tell(flight: u64, progress: &Progress) {
    let listeners: Vec<OnProgress> = {
        let cache = cache();
        let waiters = cache.flights.get(&flight).map_or(&[] as &[Waiter], |flight| &flight.waiters);
        waiters.iter().filter_map(|waiter| waiter.on_progress.clone()).collect()
    };
    for listener in listeners {
        listener(progress);
    }
}

fn land(flight: u64, outcome: &Result<Arc<Snapshot>>, use_cache: bool) {
    let waiters = {
        let mut cache = cache();
        if let Ok(snapshot) = outcome
            && use_cache
        {
            cache.built.push(Arc::clone(snapshot));
            shrink(&mut cache.built);
        }
        cache.flights.remove(&flight).map(|flight| flight.waiters).unwrap_or_default()
    };
    for waiter in waiters {
        (waiter.settle)(outcome.clone());
    }
}

fn shrink(built: &mut Vec<Arc<Snapshot>>) {
    let mut bytes: usize = built.iter().map(|snapshot| snapshot.bytes().len()).sum();
    while bytes > LARGEST_CACHE_BYTES && built.len() > 1 {
        bytes -= built.remove(0).bytes().len();
    }
}
