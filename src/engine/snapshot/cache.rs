//! One build for each key however many ask at once, and the built snapshots in memory and on disk.
//!
//! Process-wide, so that the Worker threads of one host share it. `lru` bounds what is kept in memory,
//! `failures` remembers what just failed, `disk` is a directory that processes share, `produce` makes
//! one snapshot. A snapshot lives on as long as anyone holds it.

mod disk;
mod failures;
mod lru;
mod produce;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::oneshot;

use self::disk::Directory;
use self::failures::Failures;
use self::lru::Lru;
pub use self::produce::Built;
use self::produce::{Production, Step};
use crate::engine::error::{EngineError, Result};
use crate::engine::runtime::runtime;
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::helper::{BuildLimits, BuildOrder, HelperProgram, Progress};

/// The snapshots in memory together may take this much, unless told otherwise.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;
/// The snapshots in a directory together may take this much, unless told otherwise.
const DIRECTORY_BYTES: u64 = 1024 * 1024 * 1024;

type Settle = Box<dyn FnOnce(Result<Built>) + Send>;
/// Hears what a build is doing, on another thread.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Where to look for a snapshot, and to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: a build of its own.
    Nowhere,
    /// In this process's memory.
    Memory,
    /// In memory, and in this directory.
    Directory(PathBuf),
}

/// Who waits for a build.
struct Waiter {
    id: u64,
    settle: Settle,
    on_progress: Option<OnProgress>,
    directory: Option<Directory>,
}

/// A build that runs, and who waits for it.
struct Flight {
    key: String,
    /// Where the build itself looks and writes.
    directory: Option<Directory>,
    waiters: Vec<Waiter>,
    /// Dropped with the flight: then the build ends, if it runs still.
    _cancel: oneshot::Sender<()>,
}

struct Cache {
    built: Lru<Arc<Snapshot>>,
    failures: Failures,
    flights: HashMap<u64, Flight>,
    next: u64,
    directory_limit: u64,
    counts: Counts,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            built: Lru::new(MEMORY_BYTES),
            failures: Failures::default(),
            flights: HashMap::new(),
            next: 0,
            directory_limit: DIRECTORY_BYTES,
            counts: Counts::default(),
        }
    }
}

/// What happened since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests answered from memory.
    pub hits: u64,
    /// Requests that joined a build that ran already.
    pub joins: u64,
    /// Requests answered from a directory.
    pub disk_hits: u64,
    /// Builds that a helper process was started for.
    pub builds: u64,
    /// Builds that failed, or were left by all who waited.
    pub failures: u64,
    /// Requests answered with a failure that was remembered.
    pub failure_hits: u64,
}

/// What the cache holds and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheStats {
    /// Snapshots in memory.
    pub entries: usize,
    /// Their size together.
    pub bytes: u64,
    /// How much they may take together.
    pub limit_bytes: u64,
    /// How much the snapshots in one directory may take together.
    pub directory_limit_bytes: u64,
    /// Builds that run, those that are not shared too.
    pub building: usize,
    /// What happened so far.
    #[serde(flatten)]
    pub counts: Counts,
}

fn cache() -> MutexGuard<'static, Cache> {
    static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the cache holds and does.
pub fn stats() -> CacheStats {
    let cache = cache();
    CacheStats {
        entries: cache.built.len(),
        bytes: cache.built.bytes(),
        limit_bytes: cache.built.limit(),
        directory_limit_bytes: cache.directory_limit,
        building: cache.flights.len(),
        counts: cache.counts,
    }
}

/// Forgets the snapshots in memory and the failures. Builds go on, and are kept when they are done.
pub fn clear() {
    let mut cache = cache();
    cache.built.clear();
    cache.failures.clear();
}

/// How much the snapshots in memory may take together, and those in each directory. A directory is
/// pruned when a snapshot is written to it.
pub fn set_limits(memory_bytes: Option<u64>, directory_bytes: Option<u64>) {
    let mut cache = cache();
    if let Some(bytes) = memory_bytes {
        cache.built.set_limit(bytes);
    }
    if let Some(bytes) = directory_bytes {
        cache.directory_limit = bytes;
    }
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

/// Builds a snapshot, or joins the build of the same key, or takes it from memory or the directory.
/// `settle` is called once, on another thread.
///
/// Who joins a running build shares its limits. A directory that can't be used does not fail a build:
/// it is a warning.
pub fn build(
    helper: HelperProgram,
    order: BuildOrder,
    keep: Keep,
    on_progress: Option<OnProgress>,
    settle: impl FnOnce(Result<Built>) + Send + 'static,
) -> Ticket {
    let key = order.request.key();
    let limits = order.limits;
    let shared = keep != Keep::Nowhere;
    let directory = match keep {
        Keep::Directory(path) => Some(Directory::new(path)),
        Keep::Memory | Keep::Nowhere => None,
    };
    let settle = Box::new(settle);
    let mut cache = cache();
    cache.next += 1;
    let id = cache.next;
    if shared {
        if let Some(snapshot) = cache.built.get(&key) {
            cache.counts.hits += 1;
            answer(settle, Ok(Built { snapshot, warning: None }), directory, cache.directory_limit);
            return Ticket { flight: id, waiter: id };
        }
        if let Some((flight, running)) = cache.flights.iter_mut().find(|(_, flight)| flight.key == key) {
            let flight = *flight;
            running.waiters.push(Waiter { id, settle, on_progress, directory });
            cache.counts.joins += 1;
            return Ticket { flight, waiter: id };
        }
        if let Some(error) = cache.failures.get(&key, limits, Instant::now()) {
            cache.counts.failure_hits += 1;
            answer(settle, Err(error), None, 0);
            return Ticket { flight: id, waiter: id };
        }
    }
    let (cancel, cancelled) = oneshot::channel();
    let flight = Flight {
        // A build that is not shared has no key to be found by.
        key: if shared { key.clone() } else { String::new() },
        directory: directory.clone(),
        waiters: vec![Waiter { id, settle, on_progress, directory: directory.clone() }],
        _cancel: cancel,
    };
    cache.flights.insert(id, flight);
    let directory_limit = cache.directory_limit;
    drop(cache);
    let production = Production { helper, order, key: key.clone(), directory, directory_limit };
    runtime().spawn(async move {
        // In a task of its own, so that a panic reaches the waiters.
        let built = tokio::spawn(produce::produce(production, cancelled, move |step| match step {
            Step::FoundInDirectory => self::cache().counts.disk_hits += 1,
            Step::BuildBegins => self::cache().counts.builds += 1,
            Step::Progress(progress) => tell(id, progress),
        }));
        let outcome =
            built.await.unwrap_or_else(|error| Err(EngineError::build(format!("the build failed: {error}"))));
        land(id, outcome, shared.then_some((&key, limits)));
    });
    Ticket { flight: id, waiter: id }
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

/// Keeps what a build came to, and answers all who wait for it.
fn land(flight: u64, outcome: Result<Built>, shared: Option<(&str, BuildLimits)>) {
    let (flight, directory_limit) = {
        let mut cache = cache();
        let flight = cache.flights.remove(&flight);
        match (&outcome, shared) {
            (Ok(built), Some((key, _))) => {
                let bytes = built.snapshot.bytes().len() as u64;
                cache.built.insert(key, bytes, Arc::clone(&built.snapshot));
            }
            (Err(error), Some((key, limits))) => {
                cache.failures.remember(key, limits, error, Instant::now());
            }
            (_, None) => {}
        }
        cache.counts.failures += u64::from(outcome.is_err());
        (flight, cache.directory_limit)
    };
    let Some(Flight { waiters, directory, .. }) = flight else { return };
    for waiter in waiters {
        let mut outcome = outcome.clone();
        // The build has seen to its own directory, and its warning is about that one.
        let other = waiter.directory != directory;
        if let (Ok(built), true) = (&mut outcome, other) {
            built.warning = None;
        }
        let other = waiter.directory.filter(|_| other);
        answer(waiter.settle, outcome, other, directory_limit);
    }
}

/// Settles on another thread, after the snapshot was put into the directory.
fn answer(settle: Settle, mut outcome: Result<Built>, directory: Option<Directory>, limit: u64) {
    runtime().spawn(async move {
        if let (Ok(built), Some(directory)) = (&mut outcome, directory) {
            built.warning = produce::keep(directory, Arc::clone(&built.snapshot), limit).await;
        }
        settle(outcome);
    });
}
